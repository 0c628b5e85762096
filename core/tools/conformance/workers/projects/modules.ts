import { ok } from '../../assert.ts'
import { equal } from '../cases/tools.ts'
import { type ProjectCase, projectCases } from './project-case.ts'

const WRANGLER = { name: 'modules-fixture', compatibility_date: '2026-07-01', main: 'src/index.js' }

/** Source of a Worker's helper that describes the value of each import. */
const TELL = `
const kind = (value) =>
  value instanceof ArrayBuffer ? 'data ' + new TextDecoder().decode(value)
  : value instanceof WebAssembly.Module ? 'wasm' : typeof value + ' ' + String(value)
`
/** Bytes of the smallest WebAssembly module, as characters. */
const WASM = '\0asm\u0001\0\0\0'

export const MODULES: ProjectCase[] = [
  ...projectCases(
    {
      wrangler: {
        ...WRANGLER,
        rules: [
          {
            type: 'Text',
            globs: ['**/*.client.js', '**/*.mjs', '**/*.md', '**/*.view.ts', './raw/**'],
            fallthrough: true,
          },
          { type: 'Data', globs: ['**/*.data.json', 'kept-data/*'], fallthrough: true },
          { type: 'CompiledWasm', globs: ['**/*.compiled'], fallthrough: true },
        ],
      },
      files: {
        'src/index.js': `
import script from './widget.client.js'
import loader from '../lib/loader.mjs'
import page from './page.md'
import view from './a.view.ts'
import data from './x.data.json'
import plain from './plain.json'
import code from './code.js'
import html from './page.html'
import bin from './bytes.bin'
import wasm from './empty.wasm'
import wasmModule from './empty.wasm?module'
import compiled from './other.compiled'
import fromPackage from 'kept/notes/a.md'
import raw from './raw/deep/file.xyz'
import outside from '../raw/file.xyz.js'
${TELL}
const found = { script, loader, page, view, data, plain: plain.plain, code, html, bin, wasm, wasmModule,
  compiled, fromPackage, raw, outside }
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url)
    if (pathname === '/dynamic') return new Response(kind((await import('./other.client.js')).default))
    const told = Object.entries(found).map(([name, value]) => [name, kind(value)])
    return Response.json(Object.fromEntries(told))
  },
}
`,
        'src/widget.client.js': 'globalThis.wasRun = true\n',
        'src/other.client.js': 'throw new Error("it runs")\n',
        'lib/loader.mjs': 'export default 1',
        'src/page.md': '# page',
        'src/a.view.ts': 'const a: number = 1',
        'src/x.data.json': '{"a":1}',
        'src/plain.json': '{"plain":"json"}',
        'src/code.js': 'export default "code " + String(globalThis.wasRun)',
        'src/page.html': '<p>',
        'src/bytes.bin': 'bytes',
        'src/empty.wasm': WASM,
        'src/other.compiled': WASM,
        'src/raw/deep/file.xyz': 'deep',
        'raw/file.xyz.js': 'export default "code"',
        'node_modules/kept/package.json': '{ "name": "kept", "version": "1.0.0" }',
        'node_modules/kept/notes/a.md': 'note',
      },
    },
    [
      [
        '20',
        'module rules say what a file is, whatever its name',
        async (site) =>
          equal(JSON.parse(await site.text('/')), {
            script: 'string globalThis.wasRun = true\n',
            loader: 'string export default 1',
            page: 'string # page',
            view: 'string const a: number = 1',
            data: 'data {"a":1}',
            plain: 'string json',
            code: 'string code undefined',
            html: 'string <p>',
            bin: 'data bytes',
            wasm: 'wasm',
            wasmModule: 'wasm',
            compiled: 'wasm',
            fromPackage: 'string note',
            raw: 'string deep',
            outside: 'string code',
          }),
      ],
      [
        '21',
        'an import on demand goes by them too',
        async (site) => equal(await site.text('/dynamic'), 'string throw new Error("it runs")\n'),
      ],
    ],
  ),
  ...projectCases(
    {
      wrangler: { ...WRANGLER, rules: [{ type: 'Text', globs: ['**/*.md'] }] },
      files: {
        'src/index.js':
          'import page from "./page.html"\nexport default { fetch: () => new Response(page) }\n',
        'src/page.html': '<p>',
      },
    },
    [
      [
        '22',
        'an import that only a rule matches that is closed off is refused',
        (site) => ok(site.failure?.includes('fallthrough') === true, site.failure ?? 'it started'),
      ],
    ],
  ),
]
