import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { text } from 'node:stream/consumers'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kysely } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import cloudflare from '../../adapters/cloudflare/index.ts'
import { createDialect } from '../../adapters/query-builders/kysely.ts'
import type { LocalRuntime } from '../../core/adapter.ts'
import { type BuiltApp, buildApp } from '../../core/tools/build/build.ts'
import { createChannelClient } from '../../core/runtime/test-channel.ts'
import { WRANGLER_CONFIG } from './cloudflare-app/wrangler-config.ts'

const log = { info() {}, warn() {} }
const token = 'test-token'
let folder: string
let built: BuiltApp
let running: LocalRuntime
// oxlint-disable-next-line typescript/no-explicit-any -- the app's env over the channel, as a test uses it
let env: any
const output: string[] = []

function startApp(variables: Record<string, string> = { ADMIN_TOKEN: 'hush' }): Promise<LocalRuntime> {
  return cloudflare.start({
    dir: built.outDir,
    info: built.info,
    dataDir: join(folder, 'data'),
    port: 0,
    variables,
    testToken: token,
    onOutput: (line) => output.push(line),
    log,
  })
}

async function eventually<T>(get: () => Promise<T>, good: (value: T) => boolean): Promise<T> {
  const end = Date.now() + 60_000
  for (;;) {
    const value = await get()
    if (good(value) || Date.now() > end) return value
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const get = (path: string, init?: RequestInit): Promise<Response> =>
  fetch(running.url + path, { redirect: 'manual', ...init })
const appLog = async (): Promise<string[]> => (await get('/log')).json() as Promise<string[]>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unmoor-cf-'))
  built = await buildApp({
    projectDir: join(import.meta.dirname, 'cloudflare-app'),
    target: 'cloudflare',
    adapter: cloudflare,
    outDir: join(folder, 'artifact'),
    testChannel: true,
  })
  running = await startApp()
  env = await createChannelClient(running.url, token).env(built.info.manifest)
})

afterAll(async () => {
  await running?.stop()
  await rm(folder, { recursive: true, force: true })
})

describe('the artifact', () => {
  test('wrangler.jsonc has everything that the manifest declares', async () => {
    const jsonc = await readFile(join(built.outDir, 'wrangler.jsonc'), 'utf8')
    expect(jsonc).toMatch(/^\/\/ Written by unmoor/)
    expect(jsonc).toContain('// Optional secrets (npx wrangler secret put NAME): SPARE_TOKEN')
    expect(JSON.parse(jsonc.replace(/^\/\/.*$/gm, ''))).toEqual(WRANGLER_CONFIG)
  })

  test('D1 migrations lie where wrangler looks for them', async () => {
    expect(await readFile(join(built.outDir, 'migrations/stats/0001_clicks.sql'), 'utf8')).toMatch(
      /^CREATE TABLE clicks .*;\n\nCREATE INDEX .*;\n$/s,
    )
  })

  test('a missing secret stops the start and is named', async () => {
    await expect(startApp({})).rejects.toMatchObject({
      code: 'NotFound',
      message: expect.stringContaining('secret "adminToken": set ADMIN_TOKEN'),
    })
  })

  test('a port in use is named', async () => {
    const port = Number(new URL(running.url).port)
    await expect(
      cloudflare.start({
        dir: built.outDir,
        info: built.info,
        dataDir: join(folder, 'other'),
        port,
        variables: { ADMIN_TOKEN: 'x' },
        log,
      }),
    ).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining(String(port)),
    })
  })
})

describe('requests in workerd', () => {
  test('the runtime says what it is, and has the pids of host and workerd', () => {
    expect(running.runtime).toMatch(/^workerd 1\.\d{8}\.\d+$/)
    expect(running.pids).toHaveLength(2)
    for (const pid of running.pids) expect(process.kill(pid, 0)).toBe(true)
  })

  test('variables, secrets, and no way to forge the host', async () => {
    const response = await get('/none', { method: 'POST' })
    expect([response.status, await response.text()]).toEqual([404, 'no route /none eu hush null'])
    const forged = await get('/url', {
      headers: {
        'mf-original-url': 'https://evil.example/',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'https',
      },
    })
    expect(await forged.text()).toBe(`${running.url}/url`)
  })

  test('a throw, or an answer that is none, is a 500 without details', async () => {
    for (const path of ['/throw', '/no-response']) {
      const response = await get(path)
      expect([response.status, await response.text()]).toEqual([500, 'Internal Server Error'])
    }
    await expect.poll(() => output.join('\n')).toContain('secret detail')
  })

  test('the first chunk arrives before the last is written', async () => {
    const reader = (await get('/stream')).body!.getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('first')
    expect(await (await get('/open-gate')).text()).toBe('open')
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('last')
  })

  test('a client that goes away aborts request.signal', async () => {
    type Counts = { begun: number; aborted: number }
    const counts = async (): Promise<Counts> => (await (await get('/aborts')).json()) as Counts
    const before = await counts()
    const request = httpRequest(`${running.url}/abort`)
    request.on('error', () => {})
    request.end()
    await expect.poll(counts).toEqual({ ...before, begun: before.begun + 1 })
    // A reset: a mere half-close is no sign that the client is gone, and workerd goes on until it writes.
    request.socket?.resetAndDestroy()
    await expect.poll(counts).toEqual({ begun: before.begun + 1, aborted: before.aborted + 1 })
  })

  test('waitUntil work goes on after the answer; its failure is only logged', async () => {
    expect(await (await get('/wait')).text()).toBe('false')
    expect(await eventually(appLog, (lines) => lines.includes('waited'))).toContain('waited')
    await expect.poll(() => output.join('\n')).toContain('logged only')
  })

  test('AsyncLocalStorage is kept per request', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => get(`/als?${n}`).then((response) => response.text())),
    )
    expect(answers).toEqual(Array.from({ length: 50 }, (_, n) => `?${n}`))
  })

  test('a service binding to itself', async () => {
    expect(await (await get('/self')).text()).toBe('hello')
  })

  test("the platform's own answers keep the platform's rule, and decode at the client", async () => {
    for (const path of ['/labelled', '/native', '/raw']) {
      const answer = await get(path)
      expect(answer.headers.get('content-encoding'), path).toBe('gzip')
      expect(await answer.text(), path).toBe('packed by the app')
    }
  })
})

describe('assets', () => {
  test('files come before the app, HTML as on Cloudflare', async () => {
    const css = await get('/app.css')
    expect([css.status, css.headers.get('content-type'), css.headers.get('cache-control')]).toEqual([
      200,
      expect.stringContaining('text/css'),
      'public, max-age=0, must-revalidate',
    ])
    expect((await get('/app.css', { headers: { 'if-none-match': css.headers.get('etag')! } })).status).toBe(
      304,
    )
    expect(await (await get('/')).text()).toContain('index')
    const about = await get('/about.html')
    expect([about.status, about.headers.get('location')]).toEqual([307, '/about'])
    expect(await (await get('/about')).text()).toContain('about')
    expect((await get('/docs')).headers.get('location')).toBe('/docs/')
  })

  test("of a single-page app: a browser's navigation gets the page, any other request the app; env.assets the page", async () => {
    const open = async (path: string, headers: Record<string, string>): Promise<string> => {
      const request = httpRequest(running.url + path, { headers }).end()
      const [answer] = (await once(request, 'response')) as [IncomingMessage]
      return text(answer)
    }
    expect(await open('/some/page', { 'sec-fetch-mode': 'navigate' })).toContain('index')
    expect(await open('/some/page', { 'sec-fetch-mode': 'cors' })).toContain('no route /some/page')
    expect(await (await get('/asset?path=/app.css')).text()).toContain('body {')
    expect(await (await get('/asset?path=/missing')).text()).toContain('index')
  })
})

describe('queues and crons', () => {
  test('what was acked before a throw is not delivered again', async () => {
    for (const n of [0, 1]) await get(`/send?mode=ack-throw&n=${n}`)
    const lines = await eventually(appLog, (found) => found.some((line) => line.startsWith('ack-throw1:2')))
    const channel = createChannelClient(running.url, token)
    const none = { ready: 0, delayed: 0, leased: 0 }
    await expect.poll(() => channel.call({ op: 'depth', queue: 'clicks' })).toEqual(none)
    expect((await appLog()).filter((line) => line.startsWith('ack-throw0'))).toEqual(['ack-throw0:1:36'])
    expect(lines).toContain('ack-throw1:2:36')
  })

  test('a message without retries left goes to the dead-letter queue with its id', async () => {
    await get('/send?mode=poison&n=7')
    const lines = await eventually(appLog, (found) => found.some((line) => line.startsWith('dead')))
    expect(lines.filter((line) => /^poison7|^dead/.test(line))).toEqual([
      'poison7:1:36',
      'poison7:2:36',
      'dead {"mode":"poison","n":7}:1:36',
    ])
  })

  test('the channel tells when a queue has run dry', async () => {
    const channel = createChannelClient(running.url, token)
    await env.clicks.send({ mode: 'later', n: 1 }, { delaySeconds: 2 })
    expect(await channel.call({ op: 'depth', queue: 'clicks' })).toEqual({ ready: 0, delayed: 1, leased: 0 })
    expect(
      await eventually(
        () => channel.call({ op: 'depth', queue: 'clicks' }),
        (depth) => (depth as { delayed: number }).delayed === 0,
      ),
    ).toMatchObject({ delayed: 0 })
    expect(
      await eventually(
        () => channel.call({ op: 'depth', queue: 'clicks' }),
        (depth) => JSON.stringify(depth) === '{"ready":0,"delayed":0,"leased":0}',
      ),
    ).toEqual({ ready: 0, delayed: 0, leased: 0 })
  })

  test('a trigger runs every cron with its schedule, and a throw is told', async () => {
    await running.runCron!('one', 1_700_000_000_000)
    expect((await appLog()).filter((line) => line.endsWith('1700000000000'))).toEqual([
      'one 1700000000000',
      'two 1700000000000',
    ])
    await expect(running.runCron!('failing', 1_700_000_000_000)).rejects.toThrow('exception')
    await expect(running.runCron!('missing', 0)).rejects.toMatchObject({ code: 'NotFound' })
  })
})

describe('cache', () => {
  test('stores and matches, without the notes of the location', async () => {
    expect(await (await get('/cached')).text()).toBe('miss')
    expect(await (await get('/cached')).text()).toBe('hit body yes false')
  })
})

describe('R2', () => {
  const size = 20 * 1024 * 1024 + 5
  test('a long stream of unknown length, with and without a condition', async () => {
    const stored = (await (await get(`/upload?size=${size}`)).json()) as { size: number; etag: string }
    expect(stored).toMatchObject({ size, httpMetadata: { contentType: 'x/y' }, customMetadata: { a: 'b' } })
    expect(await (await get(`/upload?size=${size}&create`)).json()).toMatchObject({
      code: 'PreconditionFailed',
    })
    expect(await (await get(`/upload?size=${size}&fail`)).json()).toMatchObject({ code: 'Aborted' })
    expect(await env.icons.head('big')).toMatchObject({ size, etag: stored.etag })
    await env.icons.delete('big')
    expect(await (await get(`/upload?size=${size}&create`)).json()).toMatchObject({ size })
    expect((await env.icons.list()).blobs.map(({ key }: { key: string }) => key)).toEqual(['big'])
  })
})

describe('D1', () => {
  test('Kysely is told its tables, without those that D1 keeps for itself', async () => {
    const db = new Kysely<object>({ dialect: createDialect(env.stats) })
    const tables = await db.introspection.getTables()
    expect(tables.map(({ name }) => name).filter((name) => name.startsWith('_cf_'))).toEqual([])
    expect(tables.find(({ name }) => name === 'clicks')).toMatchObject({
      isView: false,
      columns: [
        { name: 'id', dataType: 'INTEGER', isAutoIncrementing: true },
        { name: 'slug', dataType: 'TEXT', isNullable: false },
        { name: 'n' },
        { name: 'data' },
      ],
    })
  })

  const failure = (work: Promise<unknown>): Promise<{ code: string; details: Record<string, unknown> }> =>
    work.then(
      (value) => {
        throw new Error(`expected a failure, but it gave ${JSON.stringify(value)}`)
      },
      (error) => error,
    )

  test('values round trip, blobs as bytes, both of two columns with one name', async () => {
    const data = Uint8Array.from({ length: 256 }, (_, byte) => byte)
    expect(
      await env.stats.run('INSERT INTO clicks (id, slug, n, data) VALUES (?, ?, ?, ?)', [
        1,
        'a',
        2 ** 53 - 1,
        data,
      ]),
    ).toEqual({ changes: 1, lastRowId: 1 })
    expect(await env.stats.first('SELECT * FROM clicks WHERE slug = ?', ['a'])).toEqual({
      id: 1,
      slug: 'a',
      n: 2 ** 53 - 1,
      data,
    })
    expect(await env.stats.raw('SELECT 1 AS x, 2 AS x')).toMatchObject({
      columns: ['x', 'x'],
      rows: [[1, 2]],
      changes: 0,
    })
    expect(
      await env.stats.raw(
        "WITH t AS (SELECT 'INSERT' AS x) SELECT replace(x, 'I', 'i') AS y FROM t WHERE 1 = 0",
      ),
    ).toMatchObject({
      columns: ['y'],
      rows: [],
      changes: 0,
    })
    expect(
      await env.stats.all('INSERT INTO clicks (slug) VALUES (?), (?) RETURNING slug', ['b', 'c']),
    ).toEqual([{ slug: 'b' }, { slug: 'c' }])
    expect(await env.stats.run("UPDATE clicks SET n = 5 WHERE slug IN ('b', 'c')")).toEqual({
      changes: 2,
      lastRowId: undefined,
    })
  })

  test('an integer beyond 2^53 - 1 is an error, a large float is not', async () => {
    expect(await failure(env.stats.value('SELECT 9007199254740993'))).toMatchObject({
      code: 'LimitExceeded',
      details: { limit: 'sql.integer' },
    })
    expect(await env.stats.value('SELECT CAST(9007199254740993 AS TEXT)')).toBe('9007199254740993')
    expect(await env.stats.value('SELECT 1e30')).toBe(1e30)
  })

  test('errors have the portable codes', async () => {
    expect(await failure(env.stats.run("INSERT INTO clicks (slug) VALUES ('a')"))).toMatchObject({
      code: 'AlreadyExists',
      details: { kind: 'unique' },
    })
    expect(await failure(env.stats.run('INSERT INTO clicks (slug) VALUES (NULL)'))).toMatchObject({
      code: 'Constraint',
      details: { kind: 'notNull' },
    })
    expect(await failure(env.stats.run('SELECT * FROM nowhere'))).toMatchObject({
      code: 'NotFound',
      details: { kind: 'table' },
    })
    expect(await failure(env.stats.run('SELEC 1'))).toMatchObject({ code: 'InvalidArgument' })
    expect(await failure(env.stats.run('SELECT nothing FROM clicks'))).toMatchObject({
      code: 'InvalidArgument',
    })
  })

  test('a failed batch keeps nothing and names its statement', async () => {
    const insert = (slug: string): { text: string; params: string[] } => ({
      text: 'INSERT INTO clicks (slug) VALUES (?)',
      params: [slug],
    })
    for (const index of [0, 2, 4]) {
      const batch = ['p', 'q', 'r', 's', 't'].map((slug, at) => insert(at === index ? 'a' : slug))
      expect(await failure(env.stats.batch(batch))).toMatchObject({
        code: 'AlreadyExists',
        details: { kind: 'unique', index },
      })
    }
    expect(await env.stats.value("SELECT count(*) FROM clicks WHERE slug IN ('p', 'q', 'r', 's', 't')")).toBe(
      0,
    )
    const results = await env.stats.batch([
      insert('p'),
      { text: 'SELECT count(*) AS n FROM clicks WHERE slug = ?', params: ['p'] },
    ])
    expect(results).toMatchObject([{ changes: 1 }, { rows: [[1]], changes: 0 }])
  })

  test('local state and applied migrations outlast a restart', async () => {
    await env.links.put('kept', 'yes', { metadata: { n: 1 }, ttl: 3600 })
    await running.stop()
    expect(await running.exited).toBe(0)
    running = await startApp()
    env = await createChannelClient(running.url, token).env(built.info.manifest)
    expect(await env.links.getWithMetadata('kept')).toMatchObject({
      value: 'yes',
      metadata: { n: 1 },
      expiration: expect.any(Number),
    })
    expect(await env.stats.value('SELECT slug FROM clicks WHERE id = 1')).toBe('a')
    const dataDir = join(folder, 'fresh')
    const options = { dir: built.outDir, info: built.info, dataDir, variables: {}, log }
    expect(await cloudflare.migrate(options)).toEqual({ stats: { applied: ['0001_clicks'], already: [] } })
    expect(await cloudflare.migrate(options)).toEqual({ stats: { applied: [], already: ['0001_clicks'] } })
    await expect(cloudflare.migrate({ ...options, url: 'x' })).rejects.toThrow('wrangler d1 migrations apply')
  })
})

test('an end of workerd is an end of the runtime', async () => {
  const own = await cloudflare.start({
    dir: built.outDir,
    info: built.info,
    dataDir: join(folder, 'killed'),
    port: 0,
    variables: { ADMIN_TOKEN: 'x' },
    log,
  })
  process.kill(own.pids[1] as number, 'SIGKILL')
  expect(await own.exited).toBe(1)
  await own.stop()
})
