/**
 * What an app logs and throws names its own files, in builds as they are deployed; and the maps that tell it.
 */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { expect, test } from 'vitest'
import type { AnyConfig } from '../../core/config.ts'
import { buildApp } from '../../core/tools/build/build.ts'
import { tempProject, type TempProject } from '../unit/temp-project.ts'

const FILES = {
  'public/page.html': '<p>',
  'src/app.ts': `import { assets, defineApp, defineBindings } from 'unmoor'
import { explode } from './deep.ts'

export default defineApp({
  bindings: defineBindings({ site: assets({ directory: './public' }) }),
  fetch(request) {
    if (new URL(request.url).pathname === '/log') {
      console.error('logged', new Error('one'))
      return new Response('ok')
    }
    return explode(request)
  },
})
`,
  'src/deep.ts': `interface Padding { a: string }

export function explode(request: Request): never {
  const deeper = (): never => {
    throw new TypeError(\`boom \${request.method}\`)
  }
  return deeper()
}
`,
}

async function run(
  project: TempProject,
  target: string,
  config: AnyConfig,
  use: (url: string, output: () => string) => Promise<void>,
): Promise<string> {
  const lines: string[] = []
  const log = { info() {}, warn() {} }
  const { outDir, info, adapter } = await buildApp({ projectDir: project.dir, target, config, log })
  const running = await adapter.start({
    dir: outDir,
    info,
    dataDir: join(project.dir, 'data', target),
    port: 0,
    variables: {},
    onOutput: (line) => void lines.push(line),
    log,
  })
  try {
    await use(running.url, () => lines.join('\n'))
  } finally {
    await running.stop()
  }
  return outDir
}

const BUNDLES = { node: 'server.mjs', lambda: 'index.mjs', cloudflare: 'worker/index.js', isolate: 'app.js' }

test.each(Object.entries(BUNDLES))(
  '%s: log lines name the places of the sources, and maps with debug ids lie beside the bundles',
  async (target, bundle) => {
    await using project = await tempProject(FILES)
    const outDir = await run(project, target, { name: 'places' }, async (url, output) => {
      expect(await (await fetch(`${url}/log`)).text()).toBe('ok')
      expect((await fetch(`${url}/throw`)).status).toBe(500)
      await expect.poll(output).toMatch(/boom GET[^]*src\/deep\.ts:5:/)
      expect(output()).toMatch(/logged[^]*src\/app\.ts:8:35/)
      // No place is left that is the bundle's.
      expect(output()).not.toMatch(
        /(?:server\.mjs|index\.mjs|worker\/index\.js|at app\.js|\(app\.js):\d+:\d+/,
      )
    })
    const code = await readFile(join(outDir, bundle), 'utf8')
    const map = JSON.parse(await readFile(join(outDir, `${bundle}.map`), 'utf8')) as {
      debugId?: string
      sources: string[]
    }
    const id = /\/\/# debugId=([0-9a-f-]{36})/.exec(code)?.[1]
    expect(id).toBeDefined()
    expect(map.debugId).toBe(id)
    expect(map.sources.some((name) => name.endsWith('src/deep.ts'))).toBe(true)
    // The public sees none of it.
    const files = await readdir(outDir, { recursive: true })
    expect(files.filter((name) => name.endsWith('.map') && name.split(sep).includes('assets'))).toEqual([])
    expect(files.some((name) => name.endsWith('page.html'))).toBe(true)
    // Wrangler follows the last line; nobody else is told where the map lies.
    expect(/\/\/# sourceMappingURL=index\.js\.map\s*$/.test(code)).toBe(target === 'cloudflare')
    if (target === 'cloudflare')
      expect(await readFile(join(outDir, 'wrangler.jsonc'), 'utf8')).toContain('"upload_source_maps": true')
  },
)

test('without maps there is none, and logs have the bundle’s places', async () => {
  await using project = await tempProject(FILES)
  const config: AnyConfig = {
    name: 'places',
    sourcemap: false,
    minify: false,
    targets: { cloudflare: { minify: true } },
  }
  const outDir = await run(project, 'node', config, async (url, output) => {
    await fetch(`${url}/throw`)
    await expect.poll(output).toMatch(/boom GET[^]*server\.mjs:\d+:\d+/)
  })
  expect(existsSync(join(outDir, 'server.mjs.map'))).toBe(false)
  const text = await readFile(join(outDir, 'server.mjs'), 'utf8')
  expect(text).not.toContain('debugId')
  expect(text).toContain('\tconst deeper = () => {')
  const worker = await buildApp({ projectDir: project.dir, target: 'cloudflare', config })
  const code = await readFile(join(worker.outDir, 'worker/index.js'), 'utf8')
  expect(code).not.toContain('sourceMappingURL')
  expect(code).not.toContain('const deeper = () => {')
  expect(await readFile(join(worker.outDir, 'wrangler.jsonc'), 'utf8')).not.toContain('upload_source_maps')
})
