/** The option `telemetry`: the same spans on every target, judged by a collector that receives them. */
import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LocalRuntime } from '../../core/adapter.ts'
import type { AnyConfig } from '../../core/config.ts'
import { buildApp, type BuiltApp } from '../../core/tools/build/build.ts'
import { runUnmoor } from '../unit/cli-process.ts'
import { tempProject, type TempProject } from '../unit/temp-project.ts'
import { type Collector, type ReceivedSpan, startCollector, startEcho } from './collector.ts'

const TOKEN: string = randomUUID()
const SILENT = { info() {}, warn() {} }
const TARGETS = ['node', 'cloudflare', 'isolate', 'lambda']
const MIGRATION = 'CREATE TABLE visits (path TEXT NOT NULL);\n'
const APP = `import { defineApp, defineBindings, kv, queue, service, sql, variable, blob, cache } from 'unmoor'

const bindings = defineBindings({
  links: kv(),
  photos: blob(),
  answers: cache(),
  db: sql({ migrations: './migrations' }),
  clicks: queue(),
  self: service({ app: 'traced' }),
  upstream: variable({ default: '' }),
})

export default defineApp({
  bindings,
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url)
    if (pathname === '/throw') throw new RangeError('out of it')
    if (pathname === '/busy') return new Response('busy', { status: 503 })
    if (pathname === '/sync') return new Response('sync')
    if (pathname === '/service') return env.self.fetch('/sync?token=hunter2', { method: 'POST' })
    if (pathname === '/late') {
      ctx.waitUntil((async () => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        await env.links.get('late')
      })())
      return new Response('late')
    }
    if (pathname === '/send') {
      await env.clicks.send({ secret: 'hunter2' })
      return new Response('sent')
    }
    if (pathname === '/wrong') {
      const code = await env.db.run('INSERT INTO nowhere VALUES (1)').catch((error) => error.code)
      return new Response(code)
    }
    if (pathname === '/members') {
      await env.links.put('m', 'text')
      await env.photos.put('cat', 'meow')
      const cat = await env.photos.get('cat')
      const miss = await env.answers.match('https://cache.example.com/none')
      const codeOf = (error) => error.code
      const rows = await (async () => {
        const read = []
        for await (const { id } of env.db.each('SELECT 1 AS id UNION ALL SELECT 2')) read.push(id)
        return read
      })().catch(codeOf)
      const inTransaction = await env.db
        .transaction(async (tx) => {
          await env.links.get('within')
          return tx.value('SELECT 3')
        })
        .catch(codeOf)
      const begun = await (async () => {
        const tx = await env.db.begin()
        const value = await tx.value('SELECT 4')
        await tx.commit()
        return [value, typeof tx.rollback]
      })().catch(codeOf)
      const [batched] = await env.db.batch([{ text: 'SELECT 5 AS five', params: [] }])
      return Response.json({
        list: (await env.links.list()).keys.map(({ name }) => name),
        same: env.links.get === env.links.get,
        cat: await cat.text(),
        miss: miss === undefined,
        dialect: typeof env.db.dialect,
        native: typeof env.links.native,
        rows,
        inTransaction,
        begun,
        batched: batched.rows,
      })
    }
    await env.links.put('visited', 'hunter2')
    await env.db.run('INSERT INTO visits (path) VALUES (?)', ['hunter2'])
    const answer = await fetch(env.upstream + '/echo?token=hunter2', { headers: { 'x-own': 'kept' } })
    return new Response(await answer.text())
  },
  queues: {
    clicks: async (batch, env) => {
      await env.links.put('clicked', String(batch.messages.length))
      await env.self.fetch('/sync')
    },
  },
  crons: {
    tick: { schedule: '0 3 * * *', run: async (event, env) => void (await env.links.get('ticked')) },
  },
})
`

let project: TempProject
let echo: { url: string; stop: () => void }

beforeAll(async () => {
  project = await tempProject({ 'src/app.ts': APP, 'migrations/0001_visits.sql': MIGRATION })
  echo = await startEcho()
})
afterAll(async () => {
  echo.stop()
  await project[Symbol.asyncDispose]()
})

const CONFIG: AnyConfig = {
  name: 'traced',
  telemetry: true,
  targets: {
    isolate: { options: { outbound: { allow: ['127.0.0.1'] } } },
  },
}

function build(target: string, config: AnyConfig = CONFIG): Promise<BuiltApp> {
  return buildApp({
    projectDir: project.dir,
    target,
    outDir: join(project.dir, 'out', randomUUID()),
    config,
    dataRoute: true,
    log: SILENT,
  })
}

interface Started extends Pick<LocalRuntime, 'url'>, AsyncDisposable {
  output: () => string
}

async function start(
  { outDir, info, adapter }: BuiltApp,
  variables: Record<string, string>,
): Promise<Started> {
  const lines: string[] = []
  const running = await adapter.start({
    dir: outDir,
    info,
    dataDir: join(project.dir, 'data', randomUUID()),
    port: 0,
    variables: {
      UNMOOR_DATA_TOKEN: TOKEN,
      UPSTREAM: echo.url,
      // The default of a second is less than a busy machine may take for an answer.
      OTEL_EXPORTER_OTLP_TIMEOUT: '60000',
      ...variables,
    },
    onOutput: (line) => void lines.push(line),
    log: SILENT,
  })
  return {
    url: running.url,
    output: () => lines.join('\n'),
    [Symbol.asyncDispose]: () => running.stop(),
  }
}

const byName = (collector: Collector, name: string): ReceivedSpan[] =>
  collector.spans().filter((span) => span.name === name)

describe.each(TARGETS)('an app with telemetry on %s', (target) => {
  let app: BuiltApp
  beforeAll(async () => {
    app = await build(target)
  })

  test(`${target}: request, kv, sql and outbound fetch are one trace below the caller's`, async () => {
    await using collector = await startCollector()
    await using started = await start(app, {
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/base/`,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20Zm9v,x-team=a',
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=other,service.version=1.2',
    })
    const traceId = randomUUID().replaceAll('-', '')
    const caller = `00-${traceId}-00f067aa0ba902b7-01`
    const answer = await fetch(`${started.url}/a%20b?token=hunter2`, {
      headers: { traceparent: caller, tracestate: 'vendor=1', 'user-agent': 'tester/1' },
    })
    const received = (await answer.json()) as IncomingHttpHeaders
    await expect.poll(() => byName(collector, 'GET')).toHaveLength(2)
    const spans = collector.spans()
    const [server] = byName(collector, 'GET').filter(({ kind }) => kind === 2)
    const [client] = byName(collector, 'GET').filter(({ kind }) => kind === 3)
    expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]))
    expect(spans.map(({ name }) => name).sort()).toEqual(['GET', 'GET', 'INSERT db', 'put links'])
    expect(server).toMatchObject({ parentSpanId: '00f067aa0ba902b7', flags: 0x301, status: {} })
    expect(server?.attributes).toMatchObject({
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'url.scheme': expect.stringMatching(/^https?$/),
      'url.path': '/a%20b',
      'server.address': expect.any(String),
      'server.port': expect.any(Number),
      'user_agent.original': 'tester/1',
    })
    for (const span of spans) {
      expect(span.spanId).toMatch(/^[\da-f]{16}$/)
      expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano))
      if (span !== server) expect(span).toMatchObject({ parentSpanId: server?.spanId, flags: 0x101 })
    }
    expect(byName(collector, 'INSERT db')[0]).toMatchObject({
      kind: 3,
      attributes: {
        'db.namespace': 'db',
        'db.operation.name': 'INSERT',
        'db.system.name': expect.stringMatching(/^(sqlite|postgresql)$/),
      },
    })
    expect(byName(collector, 'put links')[0]).toMatchObject({
      kind: 3,
      attributes: { 'db.namespace': 'links', 'db.operation.name': 'put', 'db.system.name': 'unmoor.kv' },
    })
    expect(client?.attributes).toMatchObject({
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'url.full': `${echo.url}/echo`,
      'server.address': '127.0.0.1',
      'server.port': Number(new URL(echo.url).port),
    })
    expect(received).toMatchObject({
      traceparent: `00-${traceId}-${client?.spanId}-01`,
      tracestate: 'vendor=1',
      'x-own': 'kept',
    })
    const [post] = collector.posts
    expect(post).toMatchObject({
      path: '/base/v1/traces',
      headers: { 'content-type': 'application/json', authorization: 'Basic Zm9v', 'x-team': 'a' },
      resource: { 'service.name': 'other', 'service.version': '1.2', 'telemetry.sdk.name': 'unmoor' },
    })
    expect(JSON.stringify(collector.posts)).not.toContain('hunter2')
  })

  test(`${target}: throws, 5xx, failed calls and waitUntil work have spans of their own`, async () => {
    await using collector = await startCollector()
    await using started = await start(app, {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/as-given`,
    })
    const path = (name: string): ReceivedSpan | undefined =>
      collector.spans().find(({ attributes }) => attributes['url.path'] === name)
    expect((await fetch(`${started.url}/throw`, { method: 'POST' })).status).toBe(500)
    expect((await fetch(`${started.url}/busy`)).status).toBe(503)
    expect(await (await fetch(`${started.url}/sync`)).text()).toBe('sync')
    expect(await (await fetch(`${started.url}/wrong`)).text()).toBe('NotFound')
    expect(await (await fetch(`${started.url}/late`)).text()).toBe('late')
    await expect.poll(() => byName(collector, 'get links')).toHaveLength(1)
    await expect.poll(() => path('/wrong')).toBeDefined()
    expect(path('/throw')).toMatchObject({
      name: 'POST',
      status: { code: 2 },
      attributes: { 'error.type': 'RangeError', 'http.response.status_code': 500 },
    })
    expect(path('/busy')).toMatchObject({ status: { code: 2 }, attributes: { 'error.type': '503' } })
    expect(path('/sync')?.status).toEqual({})
    expect(byName(collector, 'INSERT db')[0]).toMatchObject({
      status: { code: 2 },
      attributes: { 'error.type': 'NotFound' },
      parentSpanId: path('/wrong')?.spanId,
    })
    expect(byName(collector, 'get links')[0]).toMatchObject({
      traceId: path('/late')?.traceId,
      parentSpanId: path('/late')?.spanId,
    })
    expect(collector.posts[0]).toMatchObject({
      path: '/as-given',
      resource: { 'service.name': 'traced' },
    })
  })

  test(`${target}: a request, its message, the consumer and what that calls are one trace; crons are recorded`, async () => {
    await using collector = await startCollector()
    await using started = await start(app, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
    expect(await (await fetch(`${started.url}/send`)).text()).toBe('sent')
    const run = await runUnmoor(['cron', 'run', 'tick', '--url', started.url, '--token', TOKEN])
    expect(run).toMatchObject({ code: 0 })
    await expect.poll(() => byName(collector, 'process clicks')).toHaveLength(1)
    await expect.poll(() => byName(collector, 'cron tick')).toHaveLength(1)
    const [send] = byName(collector, 'send clicks')
    const [process] = byName(collector, 'process clicks')
    const [cron] = byName(collector, 'cron tick')
    const name = { 'messaging.destination.name': 'clicks' }
    expect(send).toMatchObject({ kind: 4, attributes: { ...name, 'messaging.operation.type': 'send' } })
    expect(process).toMatchObject({
      kind: 5,
      attributes: {
        ...name,
        'messaging.operation.type': 'process',
        'messaging.message.id': expect.any(String),
      },
      traceId: send?.traceId,
      parentSpanId: send?.spanId,
      flags: 0x301,
      links: [{ traceId: send?.traceId, spanId: send?.spanId, flags: 0x301 }],
    })
    // The request, the consumer's call of the service, and the service.
    const gets = (): number[] =>
      byName(collector, 'GET').flatMap((span) => (span.traceId === send?.traceId ? [span.kind] : []))
    await expect.poll(() => gets().toSorted((a, b) => a - b)).toEqual([2, 2, 3])
    expect(byName(collector, 'put links')[0]).toMatchObject({ parentSpanId: process?.spanId })
    expect(cron).toMatchObject({
      kind: 2,
      attributes: { 'faas.trigger': 'timer', 'faas.cron': '0 3 * * *', 'unmoor.cron.name': 'tick' },
    })
    expect(byName(collector, 'get links')[0]).toMatchObject({ parentSpanId: cron?.spanId })
    expect(JSON.stringify(collector.posts)).not.toContain('hunter2')
  })

  test(`${target}: an app that a service binding calls continues the trace`, async () => {
    await using collector = await startCollector()
    await using started = await start(app, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
    expect(await (await fetch(`${started.url}/service`)).text()).toBe('sync')
    await expect.poll(() => collector.spans()).toHaveLength(3)
    const [caller] = byName(collector, 'GET')
    const [call] = byName(collector, 'POST').filter(({ kind }) => kind === 3)
    const [callee] = byName(collector, 'POST').filter(({ kind }) => kind === 2)
    expect(call).toMatchObject({
      traceId: caller?.traceId,
      parentSpanId: caller?.spanId,
      attributes: { 'server.address': 'self', 'url.full': 'http://self/sync' },
    })
    expect(callee).toMatchObject({
      traceId: caller?.traceId,
      parentSpanId: call?.spanId,
      flags: 0x301,
      attributes: { 'url.path': '/sync' },
    })
  })

  test(`${target}: recorded bindings have all members that they have without telemetry`, async () => {
    await using collector = await startCollector()
    await using off = await start(app, {})
    await using on = await start(app, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
    const without = await (await fetch(`${off.url}/members`)).text()
    expect(await (await fetch(`${on.url}/members`)).text()).toBe(without)
    // D1 has neither cursors nor transactions.
    const isD1 = target === 'cloudflare'
    expect(JSON.parse(without)).toMatchObject({
      cat: 'meow',
      miss: true,
      same: true,
      list: ['m'],
      rows: isD1 ? 'Unsupported' : [1, 2],
      inTransaction: isD1 ? 'Unsupported' : 3,
      begun: isD1 ? 'Unsupported' : [4, 'function'],
      batched: [[5]],
    })
    const one = (name: string): ReceivedSpan | undefined => byName(collector, name)[0]
    await expect.poll(() => one('GET')).toBeDefined()
    expect(one('match answers')?.attributes).toMatchObject({ 'unmoor.binding.kind': 'cache' })
    expect(one('put photos')?.attributes).toMatchObject({ 'unmoor.binding.kind': 'blob' })
    expect(one('BATCH db')?.attributes).toMatchObject({ 'db.operation.batch.size': 1 })
    expect(byName(collector, 'SELECT db')).toHaveLength(isD1 ? 1 : 3)
    expect(one('TRANSACTION db')?.parentSpanId).toBe(one('GET')?.spanId)
    if (!isD1) {
      expect(one('get links')?.parentSpanId).toBe(one('TRANSACTION db')?.spanId)
      expect(byName(collector, 'SELECT db').map(({ parentSpanId }) => parentSpanId)).toContain(
        one('TRANSACTION db')?.spanId,
      )
      expect(one('COMMIT db')).toBeDefined()
    }
    expect(off.output()).not.toContain('tracing')
  })

  test(`${target}: without an endpoint, or switched off, nothing is posted and fetch is as it was`, async () => {
    await using collector = await startCollector()
    for (const variables of [
      {},
      { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_SDK_DISABLED: 'true' },
      { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_TRACES_EXPORTER: 'none' },
      { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
    ]) {
      await using started = await start(app, variables)
      const sent = (await (await fetch(`${started.url}/x`)).json()) as IncomingHttpHeaders
      expect(sent).not.toHaveProperty('traceparent')
      if ('OTEL_EXPORTER_OTLP_PROTOCOL' in variables)
        await expect
          .poll(started.output)
          .toContain('tracing is off: OTEL_EXPORTER_OTLP_PROTOCOL is "grpc". Allowed: http/json.')
      else expect(started.output()).not.toContain('tracing')
    }
    expect(collector.posts).toEqual([])
  })

  test(`${target}: an unsampled trace is passed on and not posted`, async () => {
    await using collector = await startCollector()
    await using started = await start(app, {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_TRACES_SAMPLER: 'parentbased_always_off',
    })
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00'
    const get = async (headers: Record<string, string>): Promise<IncomingHttpHeaders> =>
      (await (await fetch(`${started.url}/x`, { headers })).json()) as IncomingHttpHeaders
    expect((await get({ traceparent }))['traceparent']).toMatch(
      /^00-0af7651916cd43dd8448eb211c80319c-[\da-f]{16}-00$/,
    )
    expect((await get({}))['traceparent']).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-00$/)
    // The recorded request comes last, so its post shows that the others had none.
    await get({ traceparent: traceparent.replace(/00$/, '01') })
    await expect.poll(() => collector.spans()).toHaveLength(4)
  })

  test(`${target}: the spans of many requests at a time all arrive`, async () => {
    await using collector = await startCollector()
    await using started = await start(app, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
    const request = async (id: number): Promise<void> => {
      expect(
        await (await fetch(`${started.url}/${id % 2 === 0 ? 'sync' : 'late'}?${id}`)).text(),
      ).toBeTruthy()
    }
    for (let round = 0; round < 4; round++)
      await Promise.all(Array.from({ length: 20 }, (_, id) => request(id)))
    await expect.poll(() => byName(collector, 'GET').length).toBe(80)
    await expect.poll(() => byName(collector, 'get links').length).toBe(40)
    expect(new Set(collector.spans().map(({ spanId }) => spanId)).size).toBe(120)
    expect(new Set(collector.spans().map(({ traceId }) => traceId)).size).toBe(80)
    expect(started.output()).not.toContain('tracing')
  })

  test.each([
    ['answers 400', { status: 400, body: 'no such tenant' }, '400 no such tenant'],
    ['hangs', 'hang', 'no answer in 100 ms'],
    ['refuses connections', undefined, ''],
  ] as const)(
    `${target}: a collector that %s costs no answer and is logged`,
    async (_title, behaviour, reason) => {
      await using collector = await startCollector(behaviour)
      if (behaviour === undefined) await collector[Symbol.asyncDispose]()
      await using started = await start(app, {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        ...(behaviour === 'hang' ? { OTEL_EXPORTER_OTLP_TIMEOUT: '100' } : {}),
      })
      for (let request = 0; request < 3; request++)
        expect(await (await fetch(`${started.url}/sync`)).text()).toBe('sync')
      const host = new URL(collector.url).host
      await expect.poll(started.output).toContain(`spans were not exported to ${host}: ${reason}`)
      expect(started.output().match(/were not exported/g)).toHaveLength(1)
    },
  )
})
