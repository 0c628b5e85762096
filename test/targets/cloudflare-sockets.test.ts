import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import cloudflare from '../../adapters/cloudflare/index.ts'
import type { LocalRuntime } from '../../core/adapter.ts'
import { buildApp, type BuiltApp } from '../../core/tools/build/build.ts'
import { openRawSocket } from '../../core/tools/conformance/raw-socket.ts'
import {
  connectSocket,
  type RefusedSocket,
  SocketClient,
} from '../../core/tools/conformance/socket-client.ts'
import { PATIENCE } from '../patience.ts'
import { type TempProject, tempProject } from '../unit/temp-project.ts'

const APP = `
import { defineApp, defineBindings, sockets } from 'unmoor'

const bindings = defineBindings({
  chat: sockets<{ name: string }>({ path: '/chat', autoResponse: ['ping', 'pong'] }),
  locked: sockets<{ user: unknown }>({ path: '/locked', tickets: true }),
})
const kindOf = (native: unknown) => typeof (native as { idFromName?: unknown }).idFromName
/** Every life of an object has an env of its own. */
const lives = new Map<object, number>()
const lifeOf = (env: object) => { if (!lives.has(env)) lives.set(env, lives.size); return lives.get(env) }

export default defineApp({
  bindings,
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url)
    const name = searchParams.get('name') ?? ''
    switch (pathname) {
      case '/chat':
        if (searchParams.has('both')) await both()
        return env.chat.accept(searchParams.has('copy') ? new Request(request) : request, {
          data: { name },
          topics: ['all', ...searchParams.getAll('topic')],
        }).catch((error) => new Response(error.code, { status: 422 }))
      case '/locked':
        return env.locked.accept(request, { data: { user: await env.locked.ticket(request) } })
      case '/login':
        return new Response(await env.locked.url(request, { ticket: { name: 'ann' } }))
      case '/publish':
        await env.chat.publish(searchParams.get('topic') ?? 'all', await request.text())
        return new Response('published')
      case '/send':
        return env.chat.send(searchParams.get('id') ?? '', 'sent').then(
          () => new Response('sent'),
          (error) => new Response(error.code),
        )
      case '/native':
        return new Response(kindOf(env.chat.native))
      default:
        return new Response(request.method)
    }
  },
  sockets: {
    chat: {
      async message(socket, message, env) {
        if (message === 'id') return socket.send(socket.id)
        if (message === 'life') return socket.send('life ' + lifeOf(env))
        if (message === 'data') return socket.send(JSON.stringify(socket.data))
        if (message === 'native') return socket.send(kindOf(env.chat.native))
        await socket.send(message)
      },
      close: (socket, { code, reason, clean }) => console.log(socket.data.name, 'closed', code, reason, clean),
    },
    locked: { open: (socket) => socket.send(JSON.stringify(socket.data)) },
  },
})

/** Resolves once two upgrades wait here. */
let waiting = 0
async function both() {
  waiting++
  while (waiting < 2) await new Promise((next) => setTimeout(next, 5))
}
`

let project: TempProject
let built: BuiltApp
let dataDir: string
const running: LocalRuntime[] = []

beforeAll(async () => {
  project = await tempProject({ 'src/app.ts': APP })
  built = await build('out', {})
  dataDir = await mkdtemp(join(tmpdir(), 'unmoor-data-'))
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((runtime) => runtime.stop()))
})
afterAll(async () => {
  await project[Symbol.asyncDispose]()
  await rm(dataDir, { recursive: true, force: true, maxRetries: 10 })
})

function build(name: string, config: object): Promise<BuiltApp> {
  return buildApp({
    projectDir: project.dir,
    target: 'cloudflare',
    adapter: cloudflare,
    config,
    outDir: join(project.dir, name),
  })
}

async function start({ outDir, info }: BuiltApp = built): Promise<{ url: string; lines: string[] }> {
  const lines: string[] = []
  const runtime = await cloudflare.start({
    dir: outDir,
    info,
    dataDir,
    port: 0,
    variables: {},
    onOutput: (line) => lines.push(line),
    log: { info() {}, warn() {} },
  })
  running.push(runtime)
  return { url: runtime.url, lines }
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

/**
 * Lets an object be evicted while its client goes on with what `autoResponse` answers. Workerd evicts after
 * ten seconds without an event; a busy machine may take more rounds.
 */
async function sleepThroughPings(client: SocketClient): Promise<void> {
  const life = await ask(client, 'life')
  for (let round = 0; round < 10; round++) {
    for (let count = 0; count < 13; count++) {
      await new Promise((resolve) => setTimeout(resolve, 1000))
      expect(await ask(client, 'ping')).toBe('pong')
    }
    if ((await ask(client, 'life')) !== life) return
  }
  throw new Error('the object was not evicted')
}

describe('a socket in a Durable Object', () => {
  it('outlives its object: data, topics, autoResponse and closing go on', { timeout: 300_000 }, async () => {
    const { url, lines } = await start(
      await build('one', { drivers: { chat: { driver: 'cloudflare', shards: 1 } } }),
    )
    const [ann, bob, leaver] = [
      await connect(url, '/chat?name=ann&topic=hers'),
      await connect(url, '/chat?name=bob'),
      await connect(url, '/chat?name=leaver'),
    ]
    const id = await ask(bob, 'id')
    await sleepThroughPings(ann)
    expect(await ask(bob, 'data')).toBe('{"name":"bob"}')
    await fetch(`${url}/publish?topic=hers`, { method: 'POST', body: 'for her' })
    await fetch(`${url}/publish`, { method: 'POST', body: 'for all' })
    expect([await ann.next(), await ann.next(), await bob.next()]).toEqual(['for her', 'for all', 'for all'])
    expect(await (await fetch(`${url}/send?id=${id}`)).text()).toBe('sent')
    expect(await bob.next()).toBe('sent')
    // Its client closes while the object sleeps.
    expect(await leaver.next()).toBe('for all')
    await sleepThroughPings(ann)
    leaver.close(4321, 'gone')
    expect(await leaver.closed).toEqual({ code: 4321, reason: 'gone' })
    await expect.poll(() => lines, PATIENCE).toContain('leaver closed 4321 gone true')
    for (const client of [ann, bob]) client.close(1000)
  })

  it('is held by one of the objects that its id names, and a publish reaches all of them', async () => {
    const { url } = await start()
    const clients = await Promise.all(Array.from({ length: 24 }, () => connect(url)))
    const ids = await Promise.all(clients.map((client) => ask(client, 'id')))
    for (const id of ids) expect(id).toMatch(/^[0-3]\.[\w-]{16}$/)
    await fetch(`${url}/publish`, { method: 'POST', body: 'to all' })
    for (const client of clients) {
      expect(await client.next()).toBe('to all')
      client.close(1000)
    }
    for (const id of ['4.AAAAAAAAAAAAAAAA', '0.AAAAAAAAAAAAAAAA', '00.AAAAAAAAAAAAAAAA'])
      expect(await (await fetch(`${url}/send?id=${id}`)).text()).toBe('NotFound')
  })

  it('leaves the namespace within reach as native, for requests and for handlers', async () => {
    const { url } = await start()
    expect(await (await fetch(`${url}/native`)).text()).toBe('function')
    const client = await connect(url)
    expect(await ask(client, 'native')).toBe('function')
    client.close(1000)
  })
})

describe('an upgrade', () => {
  it('may be accepted by a copy of its request', async () => {
    const { url } = await start()
    const client = await connect(url, '/chat?copy&name=ann')
    expect(await ask(client, 'data')).toBe('{"name":"ann"}')
    client.close(1000)
  })

  it('is not accepted by a copy where another client has the same key at the same time', async () => {
    const { url } = await start()
    const headers = { 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==' }
    const [copied, own] = await Promise.all([
      openRawSocket(url, '/chat?both&copy&name=ann', headers),
      openRawSocket(url, '/chat?both&name=bob', headers),
    ])
    expect(await own.handshake()).toBe(101)
    // Alone it may still be found, if the other was answered before.
    expect([101, 422]).toContain(await copied.handshake())
    own.send({ payload: 'data' })
    expect((await own.next())?.payload.toString()).toBe('{"name":"bob"}')
    own.destroy()
    copied.destroy()
  })
})

describe('tickets', () => {
  it('let in once, and carry what they were given', async () => {
    const { url } = await start()
    const login = new URL(await (await fetch(`${url}/login`)).text())
    expect(login.protocol).toBe('ws:')
    const path = login.pathname + login.search
    const made = await Promise.all(Array.from({ length: 5 }, () => connectSocket(url, path)))
    const [client, ...more] = made.filter((one) => one instanceof SocketClient)
    expect(more).toEqual([])
    expect(await client?.next()).toBe('{"user":{"name":"ann"}}')
    const refused = made.filter((one): one is RefusedSocket => !(one instanceof SocketClient))
    for (const { status, body } of refused)
      expect([status, body]).toEqual([401, 'Unauthorized: the ticket was used, has expired or never was.'])
    // The app says if one is needed.
    const without = await connect(url, '/locked')
    expect(await without.next()).toBe('{"user":null}')
    client?.close(1000)
    without.close(1000)
  })

  it('are good after a restart, as they lie in storage', async () => {
    const first = await start()
    const { pathname, search } = new URL(await (await fetch(`${first.url}/login`)).text())
    await running.pop()?.stop()
    const second = await start()
    const client = await connect(second.url, pathname + search)
    expect(await client.next()).toBe('{"user":{"name":"ann"}}')
    client.close(1000)
  })
})
