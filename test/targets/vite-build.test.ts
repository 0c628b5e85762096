import { readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { unmoor, type UnmoorViteOptions } from 'unmoor/vite'
import { build, type InlineConfig, preview } from 'vite'
import { expect, test } from 'vitest'
import { loadAdapter } from '../../core/tools/build/adapters.ts'
import { readArtifact } from '../../core/tools/build/build.ts'
import { FILES, navigate, viteProject } from './vite-lab.ts'

const buildIn = (dir: string, options: UnmoorViteOptions = {}, config: InlineConfig = {}): Promise<unknown> =>
  build({ root: dir, configFile: false, logLevel: 'silent', plugins: [unmoor(options)], ...config })

test('vite build writes the pages, and the artifacts of all targets with them', async () => {
  await using project = await viteProject()
  await buildIn(project.dir, { targets: ['node', 'cloudflare', 'lambda', 'isolate'] })
  expect((await readdir(join(project.dir, 'dist'))).sort()).toEqual(['assets', 'index.html'])
  const page = await readFile(join(project.dir, 'dist/index.html'), 'utf8')
  const script = /src="(\/assets\/[^"]+\.js)"/.exec(page)?.[1] ?? 'none'
  for (const target of ['node', 'cloudflare', 'lambda', 'isolate'])
    expect(await readFile(join(project.dir, '.unmoor', target, 'assets', script), 'utf8')).toContain('first')
  // The artifact alone answers.
  const dir = join(project.dir, '.unmoor/node')
  const [adapter, info] = await Promise.all([loadAdapter('node', dir), readArtifact(dir)])
  const log = { info: () => {}, warn: () => {} }
  const dataDir = join(project.dir, 'data')
  const runtime = await adapter.start({ dir, info, dataDir, port: 0, variables: {}, log })
  try {
    expect(await (await fetch(runtime.url)).text()).toBe(page)
    expect(await navigate(`${runtime.url}/settings`)).toMatchObject({ status: 200, body: page })
    expect(await (await fetch(`${runtime.url}/api`)).json()).toMatchObject({
      pathname: '/api',
      text: 'first',
    })
  } finally {
    await runtime.stop()
  }
})

test('the targets are those of the config, or node', async () => {
  await using project = await viteProject()
  await buildIn(project.dir)
  expect((await readdir(join(project.dir, '.unmoor'))).filter((name) => name !== 'cache')).toEqual(['node'])
  await rm(join(project.dir, '.unmoor'), { recursive: true })
  await project.write({ 'unmoor.config.ts': 'export default { name: "desk", targets: { cloudflare: {} } }' })
  await buildIn(project.dir)
  expect((await readdir(join(project.dir, '.unmoor'))).filter((name) => name !== 'cache')).toEqual([
    'cloudflare',
  ])
})

test('vite preview runs the artifact, and says what to do without one', async () => {
  await using project = await viteProject()
  const start = (): ReturnType<typeof preview> =>
    preview({
      root: project.dir,
      configFile: false,
      logLevel: 'silent',
      plugins: [unmoor()],
      preview: { port: 0, host: '127.0.0.1' },
    })
  await expect(start()).rejects.toThrow(/no artifact of the target node.*Run first: vite build/)
  await buildIn(project.dir)
  const server = await start()
  try {
    const url = (server.resolvedUrls?.local[0] ?? '').replace(/\/$/, '')
    expect(await (await fetch(url)).text()).toContain('/assets/')
    expect(await (await fetch(`${url}/api`, { method: 'POST', body: 'abc' })).json()).toMatchObject({
      body: 3,
    })
  } finally {
    await server.close()
  }
})

test('what unmoor check finds fails the build', async () => {
  await using project = await viteProject({
    'src/app.ts': (FILES['src/app.ts'] as string).replace(
      `if (pathname === '/api/note') {`,
      `if (pathname === '/api/note') {\n      await env.notes.put('a'.repeat(2000), 'x')`,
    ),
  })
  await expect(buildIn(project.dir)).rejects.toThrow(/src\/app\.ts:\d+:\d+ error .*[^]*unmoor-ignore/)
  await buildIn(project.dir, { check: false })
})

test('an app that does not build fails the build', async () => {
  await using project = await viteProject({ 'src/app.ts': 'export default 1 +* 1' })
  await expect(buildIn(project.dir)).rejects.toThrow(/The app does not build/)
})

test('pages that do not build leave the artifacts as they are', async () => {
  await using project = await viteProject({ 'web/main.ts': 'import "./none.ts"' })
  await expect(buildIn(project.dir)).rejects.toThrow(/none\.ts/)
  await expect(readdir(join(project.dir, '.unmoor/node'))).rejects.toThrow(/ENOENT/)
})
