import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DeployClient } from '../../adapters/isolate/host/admin/client.ts'
import { openRawSocket } from '../../core/tools/conformance/raw-socket.ts'
import {
  connectSocket,
  type RefusedSocket,
  SocketClient,
} from '../../core/tools/conformance/socket-client.ts'
import { redisInstalled, type RedisServer, startRedis } from '../drivers/redis-server.ts'
import { PATIENCE } from '../patience.ts'
import { buildLab, type HostLab, labApp, startHostLab } from './host-lab.ts'

const TOKEN = 'correct horse'

/** An app whose POSTs are code, and whose sockets answer what they are asked. */
const APP = `
import { sockets } from 'unmoor'
const forged = (headers) => new Response('forged', { headers })
${labApp(
  `chat: sockets({ path: '/chat', origins: ['https://friend.example'], binary: true }),
   locked: sockets({ path: '/locked', tickets: true })`,
  `sockets: {
    chat: {
      async message(socket, message, env) {
        if (typeof message !== 'string') return socket.send(message)
        const [op, ...rest] = message.split(' ')
        const text = rest.join(' ')
        switch (op) {
          case 'id': return socket.send(socket.id)
          case 'word': return socket.send(env.word)
          case 'isolate': return socket.send((globalThis.isolate ??= crypto.randomUUID()))
          case 'data': return socket.send(JSON.stringify(socket.data))
          case 'loop': for (;;);
          case 'publish': return env.chat.publish('all', text)
          case 'flood': {
            const [to, count, length] = rest
            for (let index = 0; index < Number(count); index++) {
              const sent = env.chat.send(to, 'x'.repeat(Number(length)))
              const code = await sent.then(() => '', (error) => error.code)
              if (code !== '') return socket.send('refused: ' + code)
            }
            return socket.send('all sent')
          }
          default: return socket.send(message)
        }
      },
      close: (socket, { code }) => console.log('closed with ' + code),
    },
    locked: { open: (socket) => socket.send(JSON.stringify(socket.data)) },
  },`,
).replace(
  "if (request.method !== 'POST')",
  `const { pathname, searchParams } = new URL(request.url)
    const forge = searchParams.get('forge')
    if (forge !== null) return forged({ 'unmoor-socket': forge })
    if (searchParams.has('keep')) {
      globalThis.kept = [...(await env.chat.accept(request, { data: {} })).headers]
      return forged({})
    }
    if (searchParams.has('kept')) return forged(globalThis.kept)
    if (pathname === '/elsewhere') return forged({ upgrade: 'websocket', connection: 'Upgrade' })
    if (pathname === '/chat' && request.headers.get('upgrade') !== null)
      return env.chat.accept(request, { data: { from: searchParams.get('from') }, topics: ['all'] })
    if (pathname === '/locked')
      return env.locked.accept(request, { data: await env.locked.ticket(request) })
    if (request.method !== 'POST')`,
)}`

let artifact: string
let plain: string
beforeAll(async () => {
  artifact = await buildLab(APP)
  plain = await buildLab(labApp(''), 'plain')
})
afterAll(() => Promise.all([artifact, plain].map((dir) => rm(dir, { recursive: true, force: true }))))

function dial(
  lab: HostLab,
  app: string,
  path = '/chat',
  headers: Record<string, string> = {},
): Promise<SocketClient | RefusedSocket> {
  return connectSocket(lab.host.url, path, { headers: { host: `${app}.localhost`, ...headers } })
}

async function open(lab: HostLab, app: string, path = '/chat'): Promise<SocketClient> {
  const made = await dial(lab, app, path)
  if (made instanceof SocketClient) return made
  throw new Error(`${app}${path} was answered ${made.status}: ${made.body}\n${lab.lines.join('\n')}`)
}

async function ask(client: SocketClient, text: string): Promise<string | Uint8Array> {
  client.send(text)
  return client.next()
}

/** Two sockets of an app that two processes hold. */
async function apart(lab: HostLab, app: string): Promise<[SocketClient, SocketClient]> {
  const first = await open(lab, app)
  const holder = String(await ask(first, 'id')).split('.')[0]
  for (;;) {
    const other = await open(lab, app)
    if (String(await ask(other, 'id')).split('.')[0] !== holder) return [first, other]
    other.close(1000)
  }
}

async function hits(lab: HostLab, app: string, limit: string): Promise<number> {
  await fetch(`${lab.host.adminUrl}/v1/usage`, { headers: { authorization: `Bearer ${TOKEN}` } })
  const text = await (await fetch(`${lab.host.adminUrl}/metrics`)).text()
  return Number(
    new RegExp(`^unmoor_limit_hits_total\\{app="${app}",limit="${limit}"\\} (\\S+)$`, 'm').exec(text)?.[1] ??
      0,
  )
}

describe('sockets of a host', () => {
  it('stay open while the isolate of their app is evicted, and a message wakes it', async () => {
    await using lab = await startHostLab({
      processes: 1,
      maxIsolates: 1,
      apps: { a: { dir: artifact }, b: { dir: artifact } },
    })
    const client = await open(lab, 'a', '/chat?from=home')
    const before = await ask(client, 'isolate')
    // There is room for one isolate: that of the other app takes it.
    await lab.run('b', 'return 1')
    const after = await ask(client, 'isolate')
    expect(after).not.toBe(before)
    expect(JSON.parse(String(await ask(client, 'data')))).toEqual({ from: 'home' })
    await lab.run('b', 'return 1')
    await lab.run('a', `await env.chat.publish('all', 'still subscribed')`)
    expect(await client.next()).toBe('still subscribed')
    client.close(1000)
  })

  it('stay open over deploys and changes of settings, and the next message meets the new version', async () => {
    await using lab = await startHostLab({ admin: { port: 0, token: TOKEN } })
    const admin = new DeployClient({ url: lab.host.adminUrl as string, token: TOKEN })
    const word = (text: string): object => ({ variables: { WORD: text } })
    await admin.deploy('shop', artifact, { settings: word('first') })
    const [one, two] = await apart(lab, 'shop')
    expect(await ask(one, 'word')).toBe('first')
    await admin.deploy('shop', artifact, { settings: word('second') })
    expect(await ask(one, 'word')).toBe('second')
    await admin.configure('shop', word('third'))
    expect(await ask(two, 'word')).toBe('third')
    // Topics and ids are those of before.
    const id = await ask(two, 'id')
    await lab.run('shop', `await env.chat.send(${JSON.stringify(id)}, 'by id')`)
    expect(await two.next()).toBe('by id')
    // A version without the binding closes its sockets; so does the end of the app.
    await admin.deploy('shop', plain)
    await lab.send('shop')
    one.send('anything')
    two.send('anything')
    expect([(await one.closed).code, (await two.closed).code]).toEqual([1012, 1012])
    await admin.deploy('shop', artifact)
    const last = await open(lab, 'shop')
    await admin.remove('shop')
    expect((await last.closed).code).toBe(1012)
  })

  it('of all processes are reached by publish, send, close and tickets', async () => {
    await using lab = await startHostLab({ apps: { a: { dir: artifact } } })
    const [one, two] = await apart(lab, 'a')
    one.send('publish hello')
    expect([await one.next(), await two.next()]).toEqual(['hello', 'hello'])
    for (const client of [one, two]) {
      const id = JSON.stringify(await ask(client, 'id'))
      await lab.run('a', `await env.chat.send(${id}, 'by id')`)
      expect(await client.next()).toBe('by id')
      await lab.run('a', `await env.chat.close(${id}, 4000, 'enough')`)
      expect(await client.closed).toEqual({ code: 4000, reason: 'enough' })
      await expect(lab.run('a', `await env.chat.send(${id}, 'gone')`)).rejects.toMatchObject({
        code: 'NotFound',
      })
    }
    // Each connection is in either process: a ticket is good in both, and once.
    for (let count = 0; count < 8; count++) {
      const url = new URL(
        String(await lab.run('a', `return env.locked.url(request, { ticket: { count: ${count} } })`)),
      )
      const client = await open(lab, 'a', url.pathname + url.search)
      expect(JSON.parse(String(await client.next()))).toEqual({ count })
      expect(await dial(lab, 'a', url.pathname + url.search)).toMatchObject({ status: 401 })
      client.close(1000)
    }
  })

  it('of one app are nothing in another: ids, topics and tickets', async () => {
    await using lab = await startHostLab({ apps: { a: { dir: artifact }, b: { dir: artifact } } })
    const [one, two] = await apart(lab, 'a')
    for (const client of [one, two]) {
      const id = JSON.stringify(await ask(client, 'id'))
      for (const call of [`send(${id}, 'x')`, `close(${id})`])
        await expect(lab.run('b', `await env.chat.${call}`)).rejects.toMatchObject({ code: 'NotFound' })
    }
    await lab.run('b', `await env.chat.publish('all', 'from b')`)
    const url = new URL(String(await lab.run('b', `return env.locked.url(request, { ticket: 1 })`)))
    expect(await dial(lab, 'a', url.pathname + url.search)).toMatchObject({ status: 401 })
    expect([await ask(one, 'ping'), await ask(two, 'ping')]).toEqual(['ping', 'ping'])
  })

  it('are opened by the answer of accept alone, whatever headers an app sets', async () => {
    await using lab = await startHostLab({ processes: 1, apps: { a: { dir: artifact } } })
    const client = await open(lab, 'a')
    const id = String(await ask(client, 'id'))
    for (const forged of [
      `/chat?forge=${id}`,
      // The answer of an accept that was another upgrade's.
      '/chat?keep',
      '/chat?kept',
      '/elsewhere?status=101',
    ])
      expect(await dial(lab, 'a', forged), forged).toMatchObject({ status: 200, body: 'forged' })
    expect(await dial(lab, 'a', '/chat', { origin: 'https://evil.example' })).toMatchObject({ status: 403 })
    const friend = await dial(lab, 'a', '/chat', { origin: 'https://friend.example' })
    expect(friend).toBeInstanceOf(SocketClient)
    expect(await ask(client, 'ping')).toBe('ping')
  })
})

describe.runIf(redisInstalled)('two hosts that share a server', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())

  it('reach the sockets of both by publish, send and tickets', async () => {
    const config = {
      processes: 1,
      drivers: { sockets: { driver: 'redis', url: redis.url } },
      apps: { a: { dir: artifact } },
    }
    await using one = await startHostLab(config)
    await using two = await startHostLab(config)
    const [here, there] = [await open(one, 'a'), await open(two, 'a')]
    await one.run('a', `await env.chat.publish('all', 'to both')`)
    expect([await here.next(), await there.next()]).toEqual(['to both', 'to both'])
    const id = await ask(there, 'id')
    await one.run('a', `await env.chat.send(${JSON.stringify(id)}, 'by id')`)
    expect(await there.next()).toBe('by id')
    const url = new URL(String(await one.run('a', `return env.locked.url(request, { ticket: 1 })`)))
    const client = await open(two, 'a', url.pathname + url.search)
    expect(await client.next()).toBe('1')
    expect(await dial(one, 'a', url.pathname + url.search)).toMatchObject({ status: 401 })
  })
})

describe('limits of sockets', () => {
  it('are named, and an app at 80% of each meets none', async () => {
    await using lab = await startHostLab({
      processes: 1,
      admin: { port: 0, token: TOKEN },
      apps: {
        a: {
          dir: artifact,
          limits: {
            openSockets: 5,
            socketMessages: 100,
            socketMessageBytes: 1000,
            socketBufferBytes: 100_000,
          },
        },
        other: { dir: artifact },
      },
    })
    const names = ['openSockets', 'socketMessages', 'socketMessageBytes', 'socketBufferBytes']
    const clients = [await open(lab, 'a'), await open(lab, 'a'), await open(lab, 'a'), await open(lab, 'a')]
    const [client] = clients as [SocketClient]
    const text = 'x'.repeat(800)
    for (let count = 0; count < 80; count++) client.send(text)
    for (let count = 0; count < 80; count++) expect(await client.next()).toBe(text)
    for (const name of names) expect(await hits(lab, 'a', name), name).toBe(0)

    clients.push(await open(lab, 'a'))
    expect(await dial(lab, 'a')).toMatchObject({ status: 503, body: expect.stringContaining('sockets') })
    await expect.poll(() => hits(lab, 'a', 'openSockets'), PATIENCE).toBeGreaterThan(0)

    // More than a second's worth: slower, and nothing is lost.
    await expect
      .poll(async () => {
        for (let count = 0; count < 190; count++) client.send(`${count}`)
        for (let count = 0; count < 190; count++) expect(await client.next()).toBe(`${count}`)
        return hits(lab, 'a', 'socketMessages')
      }, PATIENCE)
      .toBeGreaterThan(0)
    const codes = await lab.run(
      'a',
      `const codes = new Set()
       for (let count = 0; count < 1000; count++) await env.chat.publish('nobody', 'x').catch((error) => codes.add(error.code))
       return [...codes]`,
    )
    expect(codes).toEqual(['Throttled'])

    await expect(lab.run('a', `await env.chat.publish('nobody', 'é'.repeat(501))`)).rejects.toMatchObject({
      code: 'LimitExceeded',
    })
    await expect.poll(() => hits(lab, 'a', 'socketMessageBytes'), PATIENCE).toBeGreaterThan(0)
    client.send('x'.repeat(1001))
    expect((await client.closed).code).toBe(1009)
    // A neighbour has its own.
    const neighbour = await open(lab, 'other')
    expect(await ask(neighbour, 'x'.repeat(2000))).toBe('x'.repeat(2000))
  })

  it('a client that does not read is closed with 1013 at socketBufferBytes, its neighbour served', async () => {
    // The limit is half of what is held for one client without it (1 MiB), so that it is the one that is met.
    const limits = { socketBufferBytes: 512 * 1024, socketMessages: 100_000 }
    await using lab = await startHostLab({
      processes: 1,
      admin: { port: 0, token: TOKEN },
      apps: { a: { dir: artifact, limits }, b: { dir: artifact } },
    })
    const [sender, neighbour] = [await open(lab, 'a'), await open(lab, 'b')]
    const slow = await openRawSocket(lab.host.url, '/chat', { Host: 'a.localhost' })
    expect(await slow.handshake()).toBe(101)
    slow.send({ payload: 'id' })
    const id = String((await slow.next())?.payload)
    slow.pause()
    expect(await hits(lab, 'a', 'socketBufferBytes')).toBe(0)
    // Up to 256 MiB, which is more than the kernel holds of a connection.
    const refused = ask(sender, `flood ${id} 8192 32768`)
    for (let count = 0; count < 20; count++)
      expect(await ask(neighbour, `meanwhile ${count}`)).toBe(`meanwhile ${count}`)
    expect(await refused).toBe('refused: NotFound')
    await expect.poll(() => hits(lab, 'a', 'socketBufferBytes'), PATIENCE).toBeGreaterThan(0)
    expect(await hits(lab, 'b', 'socketBufferBytes')).toBe(0)
    // The close frame comes after what was written before it.
    slow.resume()
    let last = await slow.next()
    while (last?.opcode === 1) last = await slow.next()
    expect([last?.opcode, last?.payload.readUInt16BE(0), String(last?.payload.subarray(2))]).toEqual([
      8,
      1013,
      'the client reads too slowly',
    ])
    slow.finish()
    await expect
      .poll(() => lab.lines.filter((line) => line.includes('closed with 1013')), PATIENCE)
      .toHaveLength(1)
    // What the slow client held is free again, for others of the same app.
    expect(await ask(sender, 'still here')).toBe('still here')
    expect(await ask(neighbour, 'still here')).toBe('still here')
    const after = await open(lab, 'a')
    expect(await ask(after, 'x'.repeat(30_000))).toBe('x'.repeat(30_000))
  })

  it('a flood of tiny frames waits, and a neighbour does not notice', async () => {
    await using lab = await startHostLab({
      processes: 1,
      admin: { port: 0, token: TOKEN },
      apps: { a: { dir: artifact, limits: { socketMessages: 10 } }, b: { dir: artifact } },
    })
    const [flood, neighbour] = [await open(lab, 'a'), await open(lab, 'b')]
    // Twice what one read of the network holds: the second half is not read until the first is made up for.
    for (let count = 0; count < 22_000; count++) flood.send('')
    await expect.poll(() => hits(lab, 'a', 'socketMessages'), PATIENCE).toBeGreaterThan(0)
    expect(await ask(neighbour, 'ping')).toBe('ping')
    flood.cut()
  })
})

describe('a process of its own', () => {
  it('holds the sockets of its app; its end closes those with 1006 and nobody else’s', async () => {
    await using lab = await startHostLab({
      processes: 1,
      limits: { cpuMs: 100 },
      apps: { noisy: { dir: artifact }, other: { dir: artifact } },
    })
    const shared = await open(lab, 'noisy')
    for (let hit = 0; hit < 5; hit++) await lab.send('noisy', { method: 'POST', body: 'for (;;);' })
    // The process that held it serves the app no more.
    expect((await shared.closed).code).toBe(1012)
    await expect.poll(() => lab.host.pids.length, PATIENCE).toBe(2)
    await expect.poll(() => dial(lab, 'noisy'), PATIENCE).toBeInstanceOf(SocketClient)
    const [client, neighbour] = [await open(lab, 'noisy', '/chat?from=afar'), await open(lab, 'other')]
    expect(JSON.parse(String(await ask(client, 'data')))).toEqual({ from: 'afar' })
    await lab.run('noisy', `await env.chat.publish('all', 'to all')`)
    expect(await client.next()).toBe('to all')
    expect(await dial(lab, 'noisy', '/chat', { origin: 'https://evil.example' })).toMatchObject({
      status: 403,
    })
    process.kill(lab.host.pids[1] as number, 'SIGKILL')
    expect((await client.closed).code).toBe(1006)
    expect(await ask(neighbour, 'ping')).toBe('ping')
    await expect.poll(() => dial(lab, 'noisy'), PATIENCE).toBeInstanceOf(SocketClient)
  })

  it('a handler without end loses its isolate and closes its own socket with 1011', async () => {
    await using lab = await startHostLab({
      processes: 1,
      limits: { cpuMs: 100 },
      apps: { a: { dir: artifact } },
    })
    const [loop, other] = [await open(lab, 'a'), await open(lab, 'a')]
    loop.send('loop')
    expect((await loop.closed).code).toBe(1011)
    expect(await ask(other, 'ping')).toBe('ping')
  })

  it('a stop of the host closes sockets with 1012 and runs close', async () => {
    const lab = await startHostLab({ apps: { a: { dir: artifact } } })
    const clients = await apart(lab, 'a')
    await lab[Symbol.asyncDispose]()
    expect(await Promise.all(clients.map(async ({ closed }) => (await closed).code))).toEqual([1012, 1012])
    expect(lab.lines.filter((line) => line.includes('closed with 1012')).length).toBeGreaterThanOrEqual(2)
  })
})
