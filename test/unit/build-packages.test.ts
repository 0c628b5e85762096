/** How packages are found: by kind of import, with machine code, as text. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { Adapter } from '../../core/adapter.ts'
import type { AnyConfig } from '../../core/config.ts'
import { buildApp } from '../../core/tools/build/build.ts'
import { shortLines } from '../../core/tools/build/build-error.ts'
import { appSource, bareAdapter, tempProject, type TempProject } from './temp-project.ts'

const asPackage = (name: string, json: object, files: Record<string, string>): Record<string, string> =>
  Object.fromEntries([
    [`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.2.3', ...json })],
    ...Object.entries(files).map(([file, text]) => [`node_modules/${name}/${file}`, text]),
  ])

const runs = bareAdapter({ nodeBuiltins: 'all', code: { packages: true }, conditions: ['node'] })

interface Built {
  warnings: string[]
  text: string
  result: unknown
}

const build = async (project: TempProject, adapter: Adapter, config: AnyConfig = {}): Promise<Built> => {
  const warnings: string[] = []
  const { outDir } = await buildApp({
    projectDir: project.dir,
    target: 'bare',
    adapter,
    config,
    log: { info() {}, warn: (message) => void warnings.push(message) },
  })
  const file = join(outDir, 'app.mjs')
  const holder = globalThis as { result?: unknown }
  delete holder.result
  await import(/* @vite-ignore */ `${file}?${Math.random()}`)
  return { warnings, text: await readFile(file, 'utf8'), result: holder.result }
}

describe('the half of a package', () => {
  const DUAL = {
    ...asPackage(
      'pool',
      { exports: { '.': { import: './index.mjs', require: './index.cjs' } } },
      { 'index.mjs': `export default 'esm'`, 'index.cjs': `module.exports = class Pool {}` },
    ),
    ...asPackage(
      'outer',
      { main: 'index.js' },
      { 'index.js': `module.exports = { pool: require('inner').pool }` },
    ),
    ...asPackage(
      'inner',
      { main: 'index.js' },
      { 'index.js': `const Pool = require('pool')\nexports.pool = class Bound extends Pool {}.name` },
    ),
  }

  test.each([
    ['node', runs],
    ['workers', bareAdapter({ conditions: ['workerd', 'worker', 'browser', 'import', 'default'] })],
  ])('goes by import or require at every level, on %s', async (_name, adapter) => {
    await using project = await tempProject({
      ...DUAL,
      'src/app.ts': appSource({
        before: `import outer from 'outer'\nimport pool from 'pool'\nglobalThis.result = [outer.pool, pool]`,
      }),
    })
    expect((await build(project, adapter)).result).toEqual(['Bound', 'esm'])
  })

  test('without exports is `main` for a require, and one and the same where it is imported too', async () => {
    const fields = { main: 'index.js', module: 'index.mjs' }
    await using project = await tempProject({
      ...asPackage('fn', fields, {
        'index.js': `module.exports = () => 'main'`,
        'index.mjs': `export default () => 'module'`,
      }),
      ...asPackage('twice', fields, {
        'index.js': `exports.Own = class Own {}`,
        'index.mjs': `export class Own {}`,
      }),
      ...asPackage(
        'user',
        { main: 'index.js' },
        { 'index.js': `exports.fn = require('fn')\nexports.Own = require('twice').Own` },
      ),
      'src/app.ts': appSource({
        before: `import user from 'user'\nimport { Own } from 'twice'\nglobalThis.result = [user.fn(), user.Own === Own]`,
      }),
    })
    expect((await build(project, runs)).result).toEqual(['main', true])
  })

  test('for browsers is taken where the target says so, built-ins that it maps too', async () => {
    await using project = await tempProject({
      ...asPackage(
        'lib',
        {
          main: './node.js',
          browser: {
            './file.js': './memory.js',
            fs: false,
            sqlite: false,
            os: './os.js',
            './node.js': './web.js',
          },
        },
        {
          'node.js': `module.exports = 'node'`,
          'web.js': `module.exports = [require('./file'), Object.keys(require('fs')).length + Object.keys(require('sqlite')).length, require('os')]`,
          'file.js': `module.exports = 'file'`,
          'memory.js': `module.exports = 'memory'`,
          'os.js': `module.exports = 'own os'`,
        },
      ),
      'src/app.ts': appSource({ before: `import lib from 'lib'\nglobalThis.result = lib` }),
    })
    const adapter = bareAdapter({ conditions: ['workerd', 'worker', 'browser'] })
    expect(await build(project, adapter)).toMatchObject({ result: ['memory', 0, 'own os'], warnings: [] })
    expect((await build(project, runs)).result).toBe('node')
  })

  test('for browsers is not taken where the file makes what only a page has, without asking for it', async () => {
    const files = ['parse', 'read', 'asks', 'tries', 'own']
    const replaced = (type: string): object => ({
      type,
      exports: './index.js',
      browser: Object.fromEntries(files.map((name) => [`./${name}.js`, `./web/${name}.js`])),
    })
    await using project = await tempProject({
      ...asPackage('xml', replaced('module'), {
        'index.js': files
          .map((name) => `import ${name}, { kind as ${name}Kind } from './${name}.js'`)
          .concat(`export default [${files.map((name) => `${name}(), ${name}Kind`).join(', ')}]`)
          .join('\n'),
        ...Object.fromEntries(
          files.map((name) => [
            `${name}.js`,
            `export { kind } from './kind.js'\nexport default () => '${name}'`,
          ]),
        ),
        'kind.js': `export const kind = 'all'`,
        'web/parse.js': `export const kind = 'web'\nexport default () => new DOMParser().parseFromString('')`,
        'web/read.js': `export const kind = 'web'\nconst box = () => document.createElement('i')\nexport default box`,
        'web/asks.js': `export const kind = 'web'\nconst own = typeof DOMParser === 'undefined' ? 'none' : new DOMParser()\nexport default () => own`,
        'web/tries.js': `export const kind = 'web'\nexport default () => { try { return document.title } catch { return 'none' } }`,
        'web/own.js': `export const kind = 'web'\nclass FileReader { name = 'own' }\nexport default () => new FileReader().name`,
      }),
      ...asPackage(
        'old',
        { main: 'index.js', browser: { './xhr.js': './page.js' } },
        {
          'index.js': `module.exports = require('./xhr')()`,
          'xhr.js': `module.exports = () => 'http'`,
          'page.js': `module.exports = () => new XMLHttpRequest()`,
        },
      ),
      'src/app.ts': appSource({
        before: `import xml from 'xml'\nimport old from 'old'\nglobalThis.result = [xml, old]`,
      }),
    })
    const adapter = bareAdapter({ conditions: ['workerd', 'worker', 'browser'] })
    expect((await build(project, adapter)).result).toEqual([
      ['parse', 'all', 'read', 'all', 'none', 'web', 'none', 'web', 'own', 'web'],
      'http',
    ])
  })

  test('for browsers that belongs to one which needs a page is left with it', async () => {
    const browser = {
      './task': './browser-task.js',
      './raw.js': './browser-raw.js',
      './way': './browser-way.js',
    }
    await using project = await tempProject({
      ...asPackage(
        'tasks',
        { main: 'index.js', browser },
        {
          'index.js': `module.exports = [require('./task'), require('./way')]`,
          'task.js': `module.exports = ['task', require('./raw').kind]`,
          'raw.js': `exports.kind = 'raw'`,
          'way.js': `module.exports = 'way'`,
          'browser-task.js': `module.exports = ['browser task', require('./raw').begin()]`,
          'browser-raw.js': `exports.begin = () => document.createTextNode('')`,
          'browser-way.js': `module.exports = 'browser way'`,
        },
      ),
      'src/app.ts': appSource({ before: `import tasks from 'tasks'\nglobalThis.result = tasks` }),
    })
    const adapter = bareAdapter({ conditions: ['workerd', 'worker', 'browser'] })
    expect((await build(project, adapter)).result).toEqual([['task', 'raw'], 'browser way'])
  })

  test('for browsers that leaves out the client of a server is taken only where it is not installed', async () => {
    const browser = { pg: false, mysql2: false, jsdom: false, './node.js': './web.js' }
    await using project = await tempProject({
      ...asPackage(
        'builder',
        { main: './node.js', browser },
        {
          'node.js': `module.exports = 'node'`,
          'web.js': `module.exports = [require('pg').Client?.name, Object.keys(require('mysql2')), Object.keys(require('jsdom'))]`,
        },
      ),
      ...asPackage(
        'pg',
        { main: 'index.js' },
        { 'index.js': `require('net')\nexports.Client = class Client {}` },
      ),
      ...asPackage('jsdom', { main: 'index.js' }, { 'index.js': `exports.JSDOM = 1` }),
      'src/app.ts': appSource({ before: `import builder from 'builder'\nglobalThis.result = builder` }),
    })
    const conditions = ['workerd', 'worker', 'browser']
    const sockets = bareAdapter({ conditions, nodeBuiltins: ['net'] })
    expect((await build(project, sockets)).result).toEqual(['Client', [], []])
    await expect(build(project, bareAdapter({ conditions }))).rejects.toMatchObject({
      code: 'Unsupported',
      message: expect.stringMatching(
        /node_modules\/pg\/index\.js:1:\d+ imports "net".*pg connects by TCP/,
      ) as string,
    })
  })
})

describe('an optional package', () => {
  const optional = (...names: string[]): object => ({
    main: 'index.js',
    peerDependenciesMeta: Object.fromEntries(names.map((name) => [name, { optional: true }])),
  })

  test.each([
    ['node', runs],
    ['workers', bareAdapter({ conditions: ['workerd', 'worker', 'browser'] })],
  ])('is found by a name of run time where its package names it, on %s', async (_name, adapter) => {
    await using project = await tempProject({
      ...asPackage('orm', optional('client', 'native', 'compiler', 'gone'), {
        'index.js': `const load = require('./load')\nexports.open = () => ['client', 'gone'].map(load)`,
        'load.js': `module.exports = (name) => { try { return require(name) } catch { return 'not ' + name } }`,
      }),
      ...asPackage('client', { main: 'index.js' }, { 'index.js': `module.exports = 'the client'` }),
      ...asPackage('compiler', { main: 'index.js' }, { 'index.js': `module.exports = 'a large compiler'` }),
      'src/app.ts': appSource({ before: `import { open } from 'orm'\nglobalThis.result = open()` }),
    })
    const { result, text } = await build(project, adapter)
    expect(result).toEqual(['the client', 'not gone'])
    expect(text).not.toContain('a large compiler')
  })
})

describe('machine code', () => {
  // A real addon: that of a package which is installed here.
  const folder = dirname(createRequire(import.meta.url).resolve('isolated-vm/package.json'))
  const gyp = createRequire(join(folder, 'x'))('node-gyp-build') as { path(folder: string): string }
  const NATIVE = {
    ...asPackage(
      'hasher',
      { main: 'index.js', dependencies: { 'node-gyp-build': '*', helper: '*' } },
      { 'index.js': `exports.hash = () => require('helper')`, 'binding.gyp': '{}' },
    ),
    ...asPackage('node-gyp-build', { main: 'index.js' }, { 'index.js': '' }),
    ...asPackage('helper', { main: 'index.js' }, { 'index.js': `module.exports = 'helped'` }),
    'src/app.ts': appSource({ before: `import { hash } from 'hasher'\nglobalThis.result = hash()` }),
  }

  test('stays out of the bundle and is installed beside it, with what it needs', async () => {
    await using project = await tempProject(NATIVE)
    const { result, text } = await build(project, runs)
    expect(result).toBe('helped')
    expect(text).toMatch(/from\s*["'`]hasher["'`]/)
    for (const name of ['hasher', 'helper', 'node-gyp-build'])
      expect(existsSync(join(project.dir, '.unmoor/bare/node_modules', name, 'package.json'))).toBe(true)
  })

  test('is found in packages that have it per platform, and not in those that only may have some', async () => {
    await using project = await tempProject({
      ...asPackage(
        '@img/pic-here',
        { os: ['linux'], exports: { './pic.node': './pic.node' } },
        { 'pic.node': '' },
      ),
      ...asPackage(
        'pic',
        { main: 'index.js', optionalDependencies: { '@img/pic-here': '*' } },
        { 'index.js': `module.exports = 'pic'` },
      ),
      ...asPackage('fsevents', { os: ['darwin'], main: 'fsevents.node' }, { 'fsevents.node': '' }),
      ...asPackage(
        'watch',
        { main: 'index.js', optionalDependencies: { fsevents: '*' } },
        { 'index.js': `module.exports = 'watch'` },
      ),
      'src/app.ts': appSource({
        before: `import pic from 'pic'\nimport watch from 'watch'\nglobalThis.result = [pic, watch]`,
      }),
    })
    const { result, text } = await build(project, runs)
    expect(result).toEqual(['pic', 'watch'])
    expect(text).toMatch(/from\s*["'`]pic["'`]/)
    expect(text).not.toMatch(/from\s*["'`]watch["'`]/)
    expect(existsSync(join(project.dir, '.unmoor/bare/node_modules/@img/pic-here/pic.node'))).toBe(true)
  })

  test('is refused by name on a target that installs nothing, and fails when reached where the app tries', async () => {
    await using project = await tempProject(NATIVE)
    await expect(build(project, bareAdapter())).rejects.toMatchObject({
      code: 'Unsupported',
      message: expect.stringMatching(/src\/app\.ts:1:22 imports "hasher"[^]*node, lambda/),
    })
    await project.write({
      'src/app.ts': appSource({
        before: `let hash = 'none'\ntry { ({ hash } = await import('hasher')) } catch {}\nglobalThis.result = hash`,
      }),
    })
    const { result, warnings } = await build(project, bareAdapter())
    expect(result).toBe('none')
    expect(warnings).toEqual([expect.stringMatching(/imports "hasher".*machine code/)])
  })

  test("is copied beside the bundle where it is required by its path, and is the module's own", async () => {
    await using project = await tempProject({
      'src/app.ts': appSource({
        before: `import { createRequire } from 'node:module'\nimport vm from './vm.node'\nglobalThis.result = typeof vm.ivm`,
      }),
    })
    await project.write({ 'src/vm.node': await readFile(gyp.path(folder)) })
    expect((await build(project, runs)).result).toBe('object')
  })

  test('of a package that `external` names is installed, and refused by name elsewhere', async () => {
    await using project = await tempProject({
      ...asPackage('fonts', { main: 'index.js' }, { 'index.js': `exports.dir = __dirname` }),
      'src/app.ts': appSource({ before: `import { dir } from 'fonts'\nglobalThis.result = dir` }),
    })
    const { result } = await build(project, runs, {
      targets: { bare: { adapter: 'x', external: ['fonts'] } },
    })
    expect(result).toBe(join(project.dir, '.unmoor/bare/node_modules/fonts'))
    await expect(build(project, bareAdapter(), { external: ['fonts'] })).rejects.toMatchObject({
      code: 'Unsupported',
      message: expect.stringContaining('imports "fonts"'),
    })
  })
})

describe('text', () => {
  test('is what .sql, .html, ?raw and the attribute give', async () => {
    await using project = await tempProject({
      'src/q.sql': 'SELECT 1',
      'src/page.html': '<p>`${x}`</p>',
      'src/app.css': 'a { }',
      'src/note.md': '# hi',
      'src/code.ts': 'export const x: number = 1',
      ...asPackage('styles', { exports: { './a.css': './a.css' } }, { 'a.css': 'b { }' }),
      'src/app.ts': appSource({
        before: `import sql from './q.sql'
import html from './page.html'
import css from './app.css?raw'
import theirs from 'styles/a.css?raw'
import note from './note.md' with { type: 'text' }
import code from './code.ts' with { type: 'text' }
const late = (await import('./note.md', { with: { type: 'text' } })).default
globalThis.result = [sql, html, css, theirs, note, code, late]`,
      }),
    })
    expect((await build(project, bareAdapter())).result).toEqual([
      'SELECT 1',
      '<p>`${x}`</p>',
      'a { }',
      'b { }',
      '# hi',
      'export const x: number = 1',
      '# hi',
    ])
  })
})

describe('what a failing build prints', () => {
  const filler = 'x();'.repeat(20_000)
  test.each([
    ['does not parse', `${filler}let a = 1 +* 2;${filler}`, 'src/lib.js'],
    [
      'imports what is not exported',
      `${filler}import { not } from './other.js';not();${filler}`,
      'src/lib.js',
    ],
    [
      'ends the process that reads it',
      `const x = () => {};${filler}queueMicrotask(() => { throw new Error('late') });${filler}`,
      'late',
    ],
  ])('has no long line where a minified file %s', async (_name, code, named) => {
    await using project = await tempProject({
      'src/app.ts': appSource({ before: `import './lib.js'` }),
      'src/lib.js': code,
      'src/other.js': `export const other = 1`,
    })
    const error = await build(project, runs).then(
      () => undefined,
      (cause: Error) => cause,
    )
    expect(error?.message).toContain(named)
    // Nor has what a command prints of the error with its causes.
    for (const text of [String(error?.message), inspect(error)])
      expect(Math.max(...text.split('\n').map(({ length }) => length))).toBeLessThan(250)
  })

  test('is cut in the same way wherever the mark is', () => {
    const frame = (column: number): string =>
      [
        ` 12 │ ${'abcdefghij'.repeat(100)}`,
        `    │ ${' '.repeat(column)}┬`,
        `    │ ${' '.repeat(column)}╰── here`,
      ].join('\n')
    for (const column of [0, 5, 250, 995]) {
      const [code = '', marks = '', note = ''] = shortLines(frame(column)).split('\n')
      expect(code[marks.indexOf('┬')]).toBe('abcdefghij'[column % 10])
      expect(note.indexOf('╰')).toBe(marks.indexOf('┬'))
    }
  })
})
