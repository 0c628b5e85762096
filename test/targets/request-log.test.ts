/** The option `requestLog`: the same line for a request on every target. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { AnyConfig } from '../../core/config.ts'
import { buildApp } from '../../core/tools/build/build.ts'
import { tempProject, type TempProject } from '../unit/temp-project.ts'

const APP = `import { defineApp } from 'unmoor'

export default defineApp({
  fetch(request, env, ctx) {
    const { pathname } = new URL(request.url)
    if (pathname === '/throw') throw new RangeError('out of it')
    if (pathname === '/busy') return new Response('busy', { status: 503 })
    return new Response(ctx.requestId)
  },
})
`
const SILENT = { info() {}, warn() {} }
const BUNDLES = { node: 'server.mjs', lambda: 'index.mjs', cloudflare: 'worker/index.js', isolate: 'app.js' }

interface Built {
  output: () => string
  url: string
  bundle: string
  stop(): Promise<void>
}

async function start(
  project: TempProject,
  target: keyof typeof BUNDLES,
  config: AnyConfig,
  development = false,
): Promise<Built> {
  const lines: string[] = []
  const { outDir, info, adapter } = await buildApp({
    projectDir: project.dir,
    target,
    config,
    development,
    log: SILENT,
  })
  const running = await adapter.start({
    dir: outDir,
    info,
    dataDir: join(project.dir, 'data', target),
    port: 0,
    variables: {},
    onOutput: (line) => void lines.push(line),
    log: SILENT,
  })
  return {
    output: () => lines.join('\n'),
    url: running.url,
    bundle: await readFile(join(outDir, BUNDLES[target]), 'utf8'),
    stop: () => running.stop(),
  }
}

/** The JSON objects of requests in a log, whatever stands before them in their lines. */
function requestsIn(output: string): Record<string, unknown>[] {
  return [...output.matchAll(/\{"time":.*?"request_id":"[^"]+"\}/g)].map(
    ([text]) => JSON.parse(text) as Record<string, unknown>,
  )
}

test.each(Object.keys(BUNDLES) as (keyof typeof BUNDLES)[])(
  '%s: each request that the app answers is one JSON line, without the secrets of its query',
  async (target) => {
    await using project = await tempProject({ 'src/app.ts': APP })
    const built = await start(project, target, { name: 'logged', requestLog: 'json' })
    try {
      const headers = { 'user-agent': 'tester/1' }
      const path = '/a%20b?page=2&access_token=hunter2&%6Bey=hunter2&q=x%3Dy'
      const id = await (await fetch(built.url + path, { headers })).text()
      expect((await fetch(`${built.url}/throw`, { method: 'POST', headers })).status).toBe(500)
      expect((await fetch(`${built.url}/busy`, { headers })).status).toBe(503)
      await expect.poll(() => requestsIn(built.output())).toHaveLength(3)
      const [answered, thrown, busy] = requestsIn(built.output())
      const common = {
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        duration: expect.any(Number),
        'user_agent.original': 'tester/1',
        request_id: expect.stringMatching(/^[\w.:/+=@-]+$/),
        // Workerd tells no address where there is no edge.
        ...(target === 'cloudflare' ? {} : { 'client.address': expect.stringMatching(/^[\d.:a-f]+$/) }),
      }
      expect(answered).toEqual({
        ...common,
        level: 'info',
        message: 'GET /a%20b 200',
        'http.request.method': 'GET',
        'url.path': '/a%20b',
        'url.query': 'page=2&access_token=REDACTED&%6Bey=REDACTED&q=x%3Dy',
        'http.response.status_code': 200,
        request_id: id,
      })
      expect(thrown).toEqual({
        ...common,
        level: 'error',
        message: 'POST /throw RangeError',
        'http.request.method': 'POST',
        'url.path': '/throw',
        'error.type': 'RangeError',
      })
      expect(busy).toMatchObject({ level: 'error', 'http.response.status_code': 503 })
      expect(built.output()).not.toContain('hunter2')
    } finally {
      await built.stop()
    }
  },
)

test('as text it is a line for people, which a build to be worked on has by itself', async () => {
  await using project = await tempProject({ 'src/app.ts': APP })
  const line = /^GET \/x\?token=REDACTED 200 [\d.]+ ms [\da-f-]{36}$/m
  for (const [config, development] of [
    [{ name: 'logged', requestLog: 'text' }, false],
    [{ name: 'logged' }, true],
  ] as const) {
    const built = await start(project, 'node', config, development)
    await fetch(`${built.url}/x?token=hunter2`)
    await expect.poll(built.output).toMatch(line)
    await built.stop()
  }
})

test('without it a build has none of its code, and a target has its own word', async () => {
  await using project = await tempProject({ 'src/app.ts': APP })
  const bundleOf = async (config: AnyConfig, development = false): Promise<string> => {
    const built = await start(project, 'node', { name: 'logged', ...config }, development)
    await built.stop()
    return built.bundle
  }
  expect(await bundleOf({})).not.toContain('url.path')
  expect(await bundleOf({ requestLog: 'json', targets: { node: { requestLog: 'off' } } })).not.toContain(
    'url.path',
  )
  expect(await bundleOf({ requestLog: 'off' }, true)).not.toContain('url.path')
  expect(await bundleOf({ targets: { node: { requestLog: 'json' } } })).toContain('url.path')
})

test('a word that it has not is refused with its place', async () => {
  await using project = await tempProject({ 'src/app.ts': APP })
  const build = (config: object): Promise<unknown> =>
    buildApp({ projectDir: project.dir, target: 'node', config: { name: 'logged', ...config }, log: SILENT })
  const message = '"off", "json" or "text"'
  await expect(build({ requestLog: true })).rejects.toMatchObject({
    code: 'InvalidArgument',
    message: expect.stringContaining(message),
  })
  await expect(build({ targets: { node: { requestLog: 'JSON' } } })).rejects.toMatchObject({
    code: 'InvalidArgument',
    message: expect.stringMatching(/targets\.node\.requestLog.*"off", "json" or "text"/),
  })
})
