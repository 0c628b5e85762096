/** `/metrics` of a server, in a process of its own. */
import { symlink } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { buildApp } from '../../core/tools/build/build.ts'
import { PATIENCE } from '../patience.ts'
import { tempProject } from '../unit/temp-project.ts'
import { ask, runServer } from './admin-lab.ts'

const APP = `import { defineApp, defineBindings, kv, queue, secret, sockets, sql } from 'unmoor'
let release = () => {}
export default defineApp({
  bindings: defineBindings({
    links: kv(),
    db: sql(),
    token: secret(),
    jobs: queue({ maxRetries: 0, deadLetterQueue: 'dead' }),
    lone: queue({ maxRetries: 0 }),
    dead: queue(),
    chat: sockets({ path: '/chat' }),
  }),
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/chat') return env.chat.accept(request)
    if (pathname === '/missing') return new Response('none', { status: 404 })
    if (pathname === '/throws') throw new Error('of the app')
    if (pathname === '/wait') return new Promise((resolve) => (release = () => resolve(new Response('waited'))))
    if (pathname === '/release') release()
    if (pathname === '/send') {
      await env.jobs.send({ ok: true })
      await env.jobs.send({ ok: false })
      await env.lone.send({ ok: false })
    }
    if (pathname === '/calls') {
      await env.token.get()
      await env.links.put('key-of-' + searchParams.get('user'), 'value')
      await env.links.get('key-of-' + searchParams.get('user'))
      await env.links.get('').catch(() => {})
      await env.db.run('CREATE TABLE rows (id INTEGER PRIMARY KEY)')
      await env.db.transaction((tx) => tx.run('INSERT INTO rows (id) VALUES (?)', [1]))
      await env.db.run('INSERT INTO rows (id) VALUES (?)', [1]).catch(() => {})
      await env.db.transaction(() => { throw new Error('of the app') }).catch(() => {})
      for await (const row of env.db.each('SELECT id FROM rows')) void row
    }
    return new Response('ok')
  },
  queues: {
    jobs(batch) {
      for (const message of batch.messages) if (message.body.ok) message.ack(); else message.retry()
    },
    lone() { throw new Error('of the handler') },
  },
  sockets: { chat: { async message(socket, message) { await socket.send(message) } } },
  crons: { nightly: { schedule: '0 3 1 1 *', run() {} } },
})
`
const SECRET = 'the-secret-of-the-app'

/** Values of a page of metrics by series. */
type Series = ReadonlyMap<string, number>

async function collect(admin: string): Promise<Series> {
  const [status, text] = await ask(`${admin}/metrics`)
  expect(status).toBe(200)
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]))
}

const call = (operation: string, name: string, binding = 'db', kind = 'sql'): string =>
  `unmoor_binding_operation_${name}{binding="${binding}",kind="${kind}",operation="${operation}"}`
const failed = (operation: string, code: string, binding = 'db', kind = 'sql'): string =>
  `unmoor_binding_operation_errors_total{binding="${binding}",kind="${kind}",operation="${operation}",code="${code}"}`

test.each(['node', 'isolate'])(
  '%s: /metrics counts requests, calls of bindings, queues, crons and sockets',
  async (target) => {
    await using project = await tempProject({ 'src/app.ts': APP })
    const { outDir } = await buildApp({ projectDir: project.dir, target, config: { name: 'measured' } })
    // As the image's install has it.
    await symlink(fileURLToPath(new URL('../../node_modules', import.meta.url)), `${outDir}/node_modules`)
    const server = runServer(outDir, { ADMIN_PORT: '0', TOKEN: SECRET })
    try {
      const [url, admin] = await server.urls()
      const first = await collect(admin)
      expect(first.get('unmoor_http_requests_in_flight')).toBe(0)
      // Counters that begin at 0 show their first increase.
      expect(first.get('unmoor_cron_runs_total{cron="nightly"}')).toBe(0)
      expect(first.get('unmoor_cron_failures_total{cron="nightly"}')).toBe(0)
      expect(first.get('unmoor_queue_messages_total{queue="jobs",outcome="ack"}')).toBe(0)
      expect(first.get('unmoor_queue_messages{queue="jobs",state="ready"}')).toBe(0)
      expect(first.get('process_resident_memory_bytes')).toBeGreaterThan(0)
      expect(first.get('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThanOrEqual(0)
      // prom-client rounds the start to a whole second, which may be the one that follows.
      expect(first.get('process_start_time_seconds')).toBeLessThanOrEqual(Math.ceil(Date.now() / 1000))
      expect(first.get('process_cpu_seconds_total')).toBeGreaterThan(0)

      expect(await ask(`${url}/calls?user=ada-lovelace`)).toEqual([200, 'ok'])
      expect((await ask(`${url}/missing`))[0]).toBe(404)
      expect((await ask(`${url}/throws`))[0]).toBe(500)
      expect((await fetch(url, { method: 'PROPFIND' })).status).toBe(200)
      const waiting = ask(`${url}/wait`)
      const value = (series: string): Promise<number | undefined> =>
        collect(admin).then((page) => page.get(series))
      await expect.poll(() => value('unmoor_http_requests_in_flight'), PATIENCE).toBe(1)
      await ask(`${url}/release`)
      expect(await waiting).toEqual([200, 'waited'])
      await expect.poll(() => value('unmoor_http_requests_in_flight'), PATIENCE).toBe(0)

      const page = await collect(admin)
      expect(page.get('unmoor_http_requests_total{method="GET",status="2xx"}')).toBe(3)
      expect(page.get('unmoor_http_requests_total{method="GET",status="4xx"}')).toBe(1)
      expect(page.get('unmoor_http_requests_total{method="GET",status="5xx"}')).toBe(1)
      expect(page.get('unmoor_http_requests_total{method="other",status="2xx"}')).toBe(1)
      expect(page.get('unmoor_http_request_duration_seconds_count{method="GET"}')).toBe(5)
      expect(page.get('unmoor_http_request_duration_seconds_bucket{le="+Inf",method="GET"}')).toBe(5)
      for (const [operation, count] of [
        ['put', 1],
        ['get', 2],
      ] as const)
        expect(page.get(call(operation, 'duration_seconds_count', 'links', 'kv'))).toBe(count)
      expect(page.get(failed('get', 'InvalidArgument', 'links', 'kv'))).toBe(1)
      expect(page.get(call('get', 'duration_seconds_count', 'token', 'secret'))).toBe(1)
      // A statement of a transaction counts as one of its database.
      expect(page.get(call('run', 'duration_seconds_count'))).toBe(3)
      expect(page.get(call('commit', 'duration_seconds_count'))).toBe(1)
      expect(page.get(call('each', 'duration_seconds_count'))).toBe(1)
      expect(page.get(failed('run', 'AlreadyExists'))).toBe(1)

      const [, text] = await ask(`${admin}/metrics`)
      for (const value of [SECRET, 'ada-lovelace', '/missing', 'of the app', 'PROPFIND'])
        expect(text).not.toContain(value)
    } finally {
      server.child.kill('SIGKILL')
    }
  },
)

test('/metrics tells the outcome of messages, the depth of queues, and open sockets', async () => {
  await using project = await tempProject({ 'src/app.ts': APP })
  const { outDir } = await buildApp({ projectDir: project.dir, target: 'node', config: { name: 'measured' } })
  const server = runServer(outDir, { ADMIN_PORT: '0', TOKEN: SECRET })
  try {
    const [url, admin] = await server.urls()
    await ask(`${url}/send`)
    const messages = (queue: string, outcome: string): string =>
      `unmoor_queue_messages_total{queue="${queue}",outcome="${outcome}"}`
    await expect
      .poll(async () => {
        const page = await collect(admin)
        return [
          page.get(messages('jobs', 'ack')),
          page.get(messages('jobs', 'dead_letter')),
          page.get(messages('lone', 'drop')),
          page.get('unmoor_queue_batch_failures_total{queue="lone"}'),
          page.get('unmoor_queue_message_age_seconds_count{queue="jobs"}'),
          page.get('unmoor_queue_messages{queue="dead",state="ready"}'),
          (page.get('unmoor_queue_oldest_message_age_seconds{queue="dead"}') ?? 0) > 0,
        ]
      }, PATIENCE)
      .toEqual([1, 1, 1, 1, 2, 1, true])

    const socket = new WebSocket(`${url.replace('http', 'ws')}/chat`)
    const echo = new Promise((resolve) => socket.once('message', (data) => resolve(String(data))))
    socket.once('open', () => socket.send('hello'))
    expect(await echo).toBe('hello')
    const page = await collect(admin)
    expect(page.get('unmoor_sockets_open')).toBe(1)
    expect(page.get('unmoor_http_requests_total{method="GET",status="1xx"}')).toBe(1)
    expect(page.get('unmoor_http_requests_in_flight')).toBe(0)
    expect(page.get(call('accept', 'duration_seconds_count', 'chat', 'sockets'))).toBe(1)
    // The handler's own socket, not `env.chat`, has sent this.
    expect(page.get(call('send', 'duration_seconds_count', 'chat', 'sockets'))).toBe(1)
    socket.terminate()
    await expect.poll(() => collect(admin).then((now) => now.get('unmoor_sockets_open')), PATIENCE).toBe(0)
  } finally {
    server.child.kill('SIGKILL')
  }
})
