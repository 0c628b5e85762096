/** What the Vite plugin refuses, and what it says then. */
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { unmoor, type UnmoorViteOptions } from 'unmoor/vite'
import { build, type InlineConfig, type Plugin } from 'vite'
import { describe, expect, test } from 'vitest'
import { tempProject } from '../unit/temp-project.ts'
import { FILES, startVite, viteProject } from './vite-lab.ts'

const buildIn = (dir: string, options: UnmoorViteOptions = {}, config: InlineConfig = {}): Promise<unknown> =>
  build({ root: dir, configFile: false, logLevel: 'silent', plugins: [unmoor(options)], ...config })
const withAssets = (assets: string): Record<string, string> => ({
  'src/app.ts': (FILES['src/app.ts'] as string).replace(`'./dist'`, assets),
})

test('without an unmoor.config, vite dev and vite build say what to do', async () => {
  await using project = await tempProject({ 'index.html': '' })
  const refusal =
    /There is no unmoor\.config\.ts in Vite's root .* or in a folder above it\. Make an app with "npx unmoor init"/
  await expect(startVite(project.dir)).rejects.toThrow(refusal)
  await expect(buildIn(project.dir)).rejects.toThrow(refusal)
  await expect(buildIn(project.dir, { project: 'no-such' })).rejects.toThrow(/there is no folder .*no-such/)
})

test('an app in a folder above the root of Vite is found, and another one by its name', async () => {
  await using project = await viteProject({ 'pages/index.html': '<p>below</p>' })
  await buildIn(join(project.dir, 'pages'))
  expect(await readdir(join(project.dir, 'dist'))).toEqual(['index.html'])
})

test('a Vite that is too old is refused', async () => {
  const { config } = unmoor()
  const call = (context: unknown): unknown =>
    (config as (this: unknown, given: object, env: object) => unknown).call(context, {}, { command: 'serve' })
  await expect(call(undefined)).rejects.toThrow(
    /needs Vite 7 or later, and this is an older one\. Run: npm install/,
  )
  await expect(call({ meta: { viteVersion: '6.4.1' } })).rejects.toThrow(/and this is 6\.4\.1/)
  await expect(call({ meta: { viteVersion: '7.0.0' } })).resolves.toBeDefined()
})

test('the plugin twice is refused', async () => {
  await using project = await viteProject()
  const twice = { plugins: [unmoor(), unmoor()] }
  await expect(buildIn(project.dir, {}, twice)).rejects.toThrow(/unmoor\(\) is in plugins more than once/)
  await expect(startVite(project.dir, { config: twice })).rejects.toThrow(/more than once/)
})

describe('a build whose pages would not be the assets of the app is refused', () => {
  test.each<[string, Record<string, string>, UnmoorViteOptions, InlineConfig, RegExp]>([
    [
      'another outDir',
      {},
      {},
      { build: { outDir: 'out' } },
      /Vite writes to "out", and the app's assets are in "dist"\. Leave out build\.outDir/,
    ],
    ['the publicDir', withAssets(`'./public'`), {}, {}, /in "public", which is Vite's publicDir/],
    [
      'a folder with sources',
      withAssets(`'./src'`),
      {},
      {},
      /in "src", which has sources: Vite empties that folder/,
    ],
    [
      'no assets',
      {
        'src/app.ts':
          'import { defineApp } from "unmoor"\nexport default defineApp({ fetch: () => new Response() })',
      },
      {},
      {},
      /has no assets, which Vite could build\. Add to its bindings: page: assets\(/,
    ],
    ['a base', {}, {}, { base: '/shop/' }, /base is "\/shop\/", but an app serves its assets at "\/"/],
    [
      'an unknown target',
      {},
      { targets: ['cloudflair'] },
      {},
      /no target "cloudflair".* Did you mean "cloudflare"\?/,
    ],
  ])('%s', async (_name, files, options, config, refusal) => {
    await using project = await viteProject({ 'public/kept.txt': 'kept', ...files })
    await expect(buildIn(project.dir, options, config)).rejects.toThrow(refusal)
    expect(await readdir(join(project.dir, 'public'))).toEqual(['kept.txt'])
    expect(await readdir(join(project.dir, 'src'))).toEqual(['app.ts'])
    await expect(readdir(join(project.dir, '.unmoor'))).rejects.toThrow(/ENOENT/)
  })
})

test('an existing Worker is refused, with what builds it', async () => {
  await using project = await viteProject({
    'unmoor.config.ts': 'export default { worker: "wrangler.json" }',
    'wrangler.json': '{ "name": "desk", "main": "src/worker.ts", "compatibility_date": "2026-07-01" }',
    'src/worker.ts': 'export default { fetch: () => new Response() }',
  })
  await expect(startVite(project.dir)).rejects.toThrow(/existing Worker.*@cloudflare\/vite-plugin/)
})

test('a port that is taken is told, and nothing of the app is left', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  await using project = await viteProject()
  const servers: { close(): Promise<void> }[] = []
  const keep: Plugin = { name: 'keep', configureServer: (server) => void servers.push(server) }
  try {
    const { port } = other.address() as AddressInfo
    await expect(
      startVite(project.dir, { config: { plugins: [unmoor(), keep], server: { port } } }),
    ).rejects.toThrow(/already in use/)
    await Promise.all(servers.map((server) => server.close()))
    // The same data can be used again.
    await using lab = await startVite(project.dir)
    expect((await fetch(`${lab.url}/api`)).status).toBe(200)
  } finally {
    other.close()
  }
})
