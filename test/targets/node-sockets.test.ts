import { readFile } from 'node:fs/promises'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import node from '../../adapters/node/index.ts'
import type { LocalRuntime } from '../../core/adapter.ts'
import { buildApp, type BuiltApp } from '../../core/tools/build/build.ts'
import { openRawSocket } from '../../core/tools/conformance/raw-socket.ts'
import {
  connectSocket,
  type RefusedSocket,
  SocketClient,
} from '../../core/tools/conformance/socket-client.ts'
import { redisInstalled, type RedisServer, startRedis } from '../drivers/redis-server.ts'
import { PATIENCE } from '../patience.ts'
import { appSource, type TempProject, tempProject } from '../unit/temp-project.ts'

const APP = `
import { existsSync } from 'node:fs'
import { defineApp, defineBindings, sockets } from 'unmoor'

const bindings = defineBindings({
  chat: sockets({ path: '/chat' }),
  locked: sockets<{ user: unknown }>({ path: '/locked', tickets: true }),
})
const opened = async () => { while (!existsSync(String(process.env.GATE))) await new Promise((next) => setTimeout(next, 20)) }

export default defineApp({
  bindings,
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url)
    switch (pathname) {
      case '/chat':
        if (searchParams.has('hang')) return new Promise(() => {})
        return env.chat.accept(request, { topics: ['all'] })
      case '/locked':
        return env.locked.accept(request, { data: { user: await env.locked.ticket(request) } })
      case '/login':
        return new Response(await env.locked.url(request, { ticket: { name: 'ann' } }))
      case '/publish':
        await env.chat.publish('all', await request.text())
        return new Response('published')
      case '/send':
        return env.chat.send(searchParams.get('id') ?? '', 'sent').then(
          () => new Response('sent'),
          (error) => new Response(error.code),
        )
      default:
        return new Response(request.method + ' ' + (await request.text()))
    }
  },
  sockets: {
    chat: {
      async message(socket, message) {
        if (message === 'id') return socket.send(socket.id)
        if (message === 'hang') return new Promise(() => {})
        if (message === 'later') {
          Promise.reject(new Error('nobody listens'))
          setTimeout(() => { throw new Error('from a timer') })
          return
        }
        if (message === 'held') {
          console.log('held')
          await opened()
        }
        await socket.send(message)
      },
      close: (socket, { code }) => console.log('closed with ' + code),
      error: (socket, error) => console.log('error handler: ' + (error as Error).message),
    },
    locked: { open: (socket) => socket.send(JSON.stringify(socket.data)) },
  },
})
`

let project: TempProject
let built: BuiltApp
let dataDir: string
const running: LocalRuntime[] = []

beforeAll(async () => {
  project = await tempProject({ 'src/app.ts': APP })
  built = await buildApp({ projectDir: project.dir, target: 'node', adapter: node })
  dataDir = await mkdtemp(join(tmpdir(), 'unmoor-data-'))
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((runtime) => runtime.stop()))
})
afterAll(async () => {
  await project[Symbol.asyncDispose]()
  await rm(dataDir, { recursive: true, force: true, maxRetries: 10 })
})

async function start(
  variables: Record<string, string> = {},
  { outDir, info }: BuiltApp = built,
): Promise<{ runtime: LocalRuntime; lines: string[] }> {
  const lines: string[] = []
  const runtime = await node.start({
    dir: outDir,
    info,
    dataDir,
    port: 0,
    variables,
    onOutput: (line) => lines.push(line),
    log: { info() {}, warn() {} },
  })
  running.push(runtime)
  return { runtime, lines }
}

async function connect(url: string, path = '/chat'): Promise<SocketClient> {
  const made = await connectSocket(url, path)
  if (made instanceof SocketClient) return made
  throw new Error(`${path} was answered ${made.status}: ${made.body}`)
}

async function ask(client: SocketClient, text: string): Promise<string> {
  client.send(text)
  return String(await client.next())
}

async function until(lines: readonly string[], text: string): Promise<void> {
  await expect.poll(() => lines.some((line) => line.includes(text)), PATIENCE).toBe(true)
}

async function built2(config: object, name: string): Promise<BuiltApp> {
  return buildApp({
    projectDir: project.dir,
    target: 'node',
    adapter: node,
    config,
    outDir: join(project.dir, name),
  })
}

describe('a bundle', () => {
  it('has the code of sockets only where the app declares some', async () => {
    await using plain = await tempProject({ 'src/app.ts': appSource({ bindings: 'links: unmoor.kv()' }) })
    const without = await buildApp({ projectDir: plain.dir, target: 'node', adapter: node })
    const [bare, full] = await Promise.all(
      [without, built].map(({ outDir }) => readFile(join(outDir, 'server.mjs'), 'utf8')),
    )
    const traces = ['Sec-WebSocket-Accept', 'permessage-deflate', 'unmoor-socket', 'Unsubscribe from one']
    expect(traces.filter((trace) => bare?.includes(trace))).toEqual([])
    expect(traces.filter((trace) => full?.includes(trace))).toEqual(traces)
  })
})

describe('a socket on node', () => {
  it('outlives what its handlers leave uncaught, and the log names its event', async () => {
    const { runtime, lines } = await start()
    const client = await connect(runtime.url)
    client.send('later')
    await until(lines, 'from a timer')
    await until(lines, 'nobody listens')
    expect(lines.filter((line) => /socket chat \S+, message: un/.test(line))).toHaveLength(2)
    expect(await ask(client, 'still here')).toBe('still here')
    client.close(1000)
  })

  it('is closed with 1011 where a handler takes longer than wallTimeout, and an upgrade is a 503', async () => {
    const short = await built2({ targets: { node: { options: { wallTimeout: 0.5 } } } }, 'short')
    const { runtime, lines } = await start({}, short)
    const client = await connect(runtime.url)
    client.send('hang')
    expect((await client.closed).code).toBe(1011)
    await until(lines, 'still running after wallTimeout')
    const refused = (await connectSocket(runtime.url, '/chat?hang')) as RefusedSocket
    expect(refused.status).toBe(503)
  })

  it('is let finish by a stop: the answer under way reaches the client before the 1012', async () => {
    const gate = join(dataDir, 'gate')
    const patient = await built2({ targets: { node: { options: { stopTimeout: 3600 } } } }, 'patient')
    const { runtime, lines } = await start({ GATE: gate }, patient)
    const [busy, idle] = [await connect(runtime.url), await connect(runtime.url)]
    busy.send('held')
    await until(lines, 'held')
    const stopped = runtime.stop()
    expect((await idle.closed).code).toBe(1012)
    await writeFile(gate, '')
    expect(await busy.next()).toBe('held')
    expect((await busy.closed).code).toBe(1012)
    await stopped
    expect(lines.filter((line) => line === 'closed with 1012')).toHaveLength(2)
    expect(await runtime.exited).toBe(0)
  })

  it('is cut by a stop that may not wait', async () => {
    const hasty = await built2({ targets: { node: { options: { stopTimeout: 0 } } } }, 'hasty')
    const { runtime } = await start({}, hasty)
    const raw = await openRawSocket(runtime.url, '/chat')
    expect(await raw.handshake()).toBe(101)
    // A client that answers no close.
    raw.pause()
    await runtime.stop()
    raw.destroy()
  })
})

describe('what asks for something else than a socket', () => {
  it('is answered as any request: h2c with a body, and a WebSocket by POST', async () => {
    const { runtime } = await start()
    for (const upgrade of ['h2c', 'websocket']) {
      const answer = await exchange(
        runtime.url,
        `POST /echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n` +
          'Content-Length: 5\r\n\r\nhello',
        'POST hello',
      )
      expect(answer).toMatch(/^HTTP\/1\.1 200 /)
      expect(answer).toContain('POST hello')
    }
  })

  it('is told by a 426 what to ask for', async () => {
    const { runtime } = await start()
    const answer = await exchange(runtime.url, 'GET /chat HTTP/1.1\r\nHost: a\r\n\r\n', 'takes WebSockets')
    expect(answer).toMatch(/^HTTP\/1\.1 426 /)
    expect(answer).toMatch(/\r\nupgrade: websocket\r\nconnection: upgrade\r\n/i)
  })

  it('gets a 426 and the end of its connection if it asked for that', async () => {
    const { runtime } = await start()
    const answer = await exchange(runtime.url, 'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 426 /)
    expect(answer).toMatch(/\r\nconnection: upgrade, close\r\n/i)
  })

  it('cannot mix its frames with the answer to an earlier request', async () => {
    const { runtime } = await start()
    const upgrade =
      'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'
    const slow = 'GET /chat?hang HTTP/1.1\r\nHost: a\r\n\r\n'
    expect(await exchange(runtime.url, slow + upgrade)).not.toContain('101')
    expect(await (await fetch(`${runtime.url}/after`)).text()).toBe('GET ')
  })
})

/** What comes until `end` or the end of the connection. */
function exchange(url: string, bytes: string, end?: string): Promise<string> {
  const socket = createConnection(Number(new URL(url).port), '127.0.0.1')
  let text = ''
  return new Promise((resolve) => {
    const done = (): void => {
      resolve(text)
      socket.destroy()
    }
    socket.on('error', () => {})
    socket.on('close', done)
    socket.on('data', (data) => {
      text += data.toString('latin1')
      if (end !== undefined && text.includes(end)) done()
    })
    socket.write(bytes)
  })
}

describe('tickets', () => {
  it('let in once, and carry what they were given', async () => {
    const { runtime } = await start()
    const url = new URL(await (await fetch(`${runtime.url}/login`)).text())
    expect(url.protocol).toBe('ws:')
    const path = url.pathname + url.search
    const client = await connect(runtime.url, path)
    expect(await client.next()).toBe('{"user":{"name":"ann"}}')
    const again = (await connectSocket(runtime.url, path)) as RefusedSocket
    expect([again.status, again.body]).toEqual([
      401,
      'Unauthorized: the ticket was used, has expired or never was.',
    ])
    const forged = (await connectSocket(runtime.url, '/locked?ticket=forged')) as RefusedSocket
    expect(forged.status).toBe(401)
    // The app says if one is needed.
    const without = await connect(runtime.url, '/locked')
    expect(await without.next()).toBe('{"user":null}')
    client.close(1000)
    without.close(1000)
  })

  it('are refused by a build where the driver cannot keep them', async () => {
    await expect(built2({ drivers: { locked: 'nats' } }, 'nats')).rejects.toThrow(
      /"locked" is a sockets binding with tickets \(ticketedSockets\).*"nats" does not serve/,
    )
  })
})

describe.runIf(redisInstalled)('two processes over redis', () => {
  let server: RedisServer
  let shared: BuiltApp
  beforeAll(async () => {
    server = await startRedis()
    shared = await built2({ drivers: { chat: 'redis', locked: 'redis' } }, 'shared')
  })
  afterAll(() => server.stop())

  it('reach the sockets of each other by topic and by id, and those of a killed one are gone', async () => {
    const variables = { REDIS_URL: server.url }
    const [first, second] = [await start(variables, shared), await start(variables, shared)]
    const [here, there] = [await connect(first.runtime.url), await connect(second.runtime.url)]
    const [ownId, otherId] = [await ask(here, 'id'), await ask(there, 'id')]
    const send = async (id: string): Promise<string> =>
      (await fetch(`${first.runtime.url}/send?id=${id}`)).text()
    for (let count = 0; count < 20; count++)
      await (await fetch(`${first.runtime.url}/publish`, { method: 'POST', body: `message ${count}` })).text()
    for (const client of [here, there])
      for (let count = 0; count < 20; count++) expect(await client.next()).toBe(`message ${count}`)
    expect([await send(ownId), await send(otherId)]).toEqual(['sent', 'sent'])
    expect([await here.next(), await there.next()]).toEqual(['sent', 'sent'])
    // A ticket of one process is good at the other, once.
    const ticket = new URL(await (await fetch(`${first.runtime.url}/login`)).text())
    const path = ticket.pathname + ticket.search
    const entered = await connect(second.runtime.url, path)
    expect(await entered.next()).toBe('{"user":{"name":"ann"}}')
    expect(((await connectSocket(first.runtime.url, path)) as RefusedSocket).status).toBe(401)

    for (const pid of second.runtime.pids) process.kill(pid, 'SIGKILL')
    expect((await there.closed).code).toBe(1006)
    await expect.poll(() => send(otherId), PATIENCE).toBe('NotFound')
    expect(await send(ownId)).toBe('sent')
    expect(await here.next()).toBe('sent')
    here.close(1000)
  })
})
