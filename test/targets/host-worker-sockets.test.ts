import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocketServer } from 'ws'
import { DeployClient } from '../../adapters/isolate/host/admin/client.ts'
import { openRawSocket } from '../../core/tools/conformance/raw-socket.ts'
import {
  connectSocket,
  type RefusedSocket,
  SocketClient,
} from '../../core/tools/conformance/socket-client.ts'
import { PATIENCE } from '../patience.ts'
import { type HostLab, startHostLab } from './host-lab.ts'
import { buildWorker } from './worker-lab.ts'

const TOKEN = 'correct horse'

/** A Worker whose sockets answer what they are asked; `/room` is an object that hibernates. */
const WORKER = `
import { DurableObject } from 'cloudflare:workers'
const failure = (error) => error.name + ': ' + error.message
async function open(url) {
  const response = await fetch(url, { headers: { Upgrade: 'websocket' } })
  if (response.webSocket === null) return response.status + ' ' + (await response.text())
  response.webSocket.accept()
  const { promise, resolve } = Promise.withResolvers()
  response.webSocket.addEventListener('message', ({ data }) => resolve(data))
  response.webSocket.send('over there')
  return promise
}
async function answer(socket, message) {
  if (typeof message !== 'string') return socket.send(message)
  const [op, ...rest] = message.split(' ')
  if (op === 'isolate') return socket.send((globalThis.isolate ??= crypto.randomUUID()))
  if (op === 'loop') for (;;);
  if (op === 'dial') return socket.send(await open(rest[0]).catch(failure))
  if (op === 'flood') {
    for (let count = 0; count < Number(rest[0]); count++) socket.send('x'.repeat(Number(rest[1])))
    return
  }
  socket.send(message)
}
export class Room extends DurableObject {
  fetch() {
    const [client, server] = Object.values(new WebSocketPair())
    this.ctx.acceptWebSocket(server, ['all'])
    return new Response(null, { status: 101, webSocket: client })
  }
  webSocketMessage(_, message) {
    for (const socket of this.ctx.getWebSockets('all')) socket.send(message)
  }
  webSocketClose(socket, code) { console.log('room closed with ' + code); socket.close(code) }
}
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    if (pathname === '/room') return env.ROOM.getByName('one').fetch(request)
    if (pathname === '/given') return new Response(null, { status: 101, webSocket: new WebSocketPair()[0] })
    if (request.headers.get('upgrade') !== 'websocket') return new Response('hello')
    const [client, server] = Object.values(new WebSocketPair())
    server.accept()
    server.binaryType = 'arraybuffer'
    server.onmessage = ({ data }) => answer(server, data)
    server.onclose = ({ code }) => console.log('closed with ' + code)
    return new Response(null, { status: 101, webSocket: client })
  },
}
`

let artifact: string
let room: string
beforeAll(async () => {
  artifact = await buildWorker({ name: 'sockets', compatibility_date: '2026-07-01' }, WORKER)
  room = await buildWorker(
    {
      name: 'room',
      compatibility_date: '2026-07-01',
      durable_objects: { bindings: [{ name: 'ROOM', class_name: 'Room' }] },
    },
    WORKER,
  )
})
afterAll(() => Promise.all([artifact, room].map((dir) => rm(dir, { recursive: true, force: true }))))

function dial(lab: HostLab, app: string, path = '/'): Promise<SocketClient | RefusedSocket> {
  return connectSocket(lab.host.url, path, { headers: { host: `${app}.localhost` } })
}

async function open(lab: HostLab, app: string, path = '/'): Promise<SocketClient> {
  const made = await dial(lab, app, path)
  if (made instanceof SocketClient) return made
  throw new Error(`${app}${path} was answered ${made.status}: ${made.body}\n${lab.lines.join('\n')}`)
}

async function ask(client: SocketClient, text: string): Promise<string | Uint8Array> {
  client.send(text)
  return client.next()
}

async function hits(lab: HostLab, app: string, limit: string): Promise<number> {
  await fetch(`${lab.host.adminUrl}/v1/usage`, { headers: { authorization: `Bearer ${TOKEN}` } })
  const text = await (await fetch(`${lab.host.adminUrl}/metrics`)).text()
  const found = new RegExp(`^unmoor_limit_hits_total\\{app="${app}",limit="${limit}"\\} (\\S+)$`, 'm').exec(
    text,
  )
  return Number(found?.[1] ?? 0)
}

describe('WebSockets of a Worker on a host', () => {
  it('carry text and bytes, and an object that lives in a process of its own reaches all of its sockets', async () => {
    await using lab = await startHostLab({ apps: { a: { dir: artifact }, rooms: { dir: room } } })
    const client = await open(lab, 'a')
    expect(await ask(client, 'héllo\u0000')).toBe('héllo\u0000')
    client.send(Uint8Array.of(1, 2))
    expect([...((await client.next()) as Uint8Array)]).toEqual([1, 2])
    client.close(4001, 'bye')
    expect(await client.closed).toEqual({ code: 4001, reason: 'bye' })
    const [one, two] = [await open(lab, 'rooms', '/room'), await open(lab, 'rooms', '/room')]
    one.send('to all')
    expect([await one.next(), await two.next()]).toEqual(['to all', 'to all'])
    one.close(4002)
    await expect.poll(() => lab.lines.join('\n'), PATIENCE).toContain('room closed with 4002')
  })

  it('keep their isolate while others are idle, and are closed with 1012 when it has to go', async () => {
    await using lab = await startHostLab({
      processes: 1,
      maxIsolates: 2,
      apps: { a: { dir: artifact }, b: { dir: artifact }, c: { dir: artifact } },
    })
    const client = await open(lab, 'a')
    const before = await ask(client, 'isolate')
    // There is room for two isolates: the idle one of `b` goes, although `a` has been idle for longer.
    for (const app of ['b', 'c', 'b', 'c']) expect((await lab.send(app)).text).toBe('hello')
    expect(await ask(client, 'isolate')).toBe(before)
    const other = await open(lab, 'b')
    await lab.send('c')
    expect((await client.closed).code).toBe(1012)
    expect(await ask(other, 'ping')).toBe('ping')
  })

  it('are closed with 1012 by a deploy, and new ones meet the new version', async () => {
    await using lab = await startHostLab({ admin: { port: 0, token: TOKEN } })
    const admin = new DeployClient({ url: lab.host.adminUrl as string, token: TOKEN })
    await admin.deploy('shop', artifact)
    const client = await open(lab, 'shop')
    const before = await ask(client, 'isolate')
    await admin.deploy('shop', artifact, { settings: { variables: { WORD: 'x' } } })
    expect((await client.closed).code).toBe(1012)
    const after = await open(lab, 'shop')
    expect(await ask(after, 'isolate')).not.toBe(before)
    await admin.remove('shop')
    expect((await after.closed).code).toBe(1012)
  })

  it('end with their isolate at a limit of CPU time, and no neighbour notices', async () => {
    await using lab = await startHostLab({
      processes: 1,
      limits: { cpuMs: 100 },
      apps: { a: { dir: artifact }, b: { dir: artifact } },
    })
    const [loop, neighbour] = [await open(lab, 'a'), await open(lab, 'b')]
    loop.send('loop')
    expect((await loop.closed).code).toBe(1006)
    expect(await ask(neighbour, 'ping')).toBe('ping')
    expect(await ask(await open(lab, 'a'), 'again')).toBe('again')
  })

  it('have the limits of sockets: their number, and the size of a message both ways', async () => {
    await using lab = await startHostLab({
      processes: 1,
      admin: { port: 0, token: TOKEN },
      apps: { a: { dir: artifact, limits: { openSockets: 2, socketMessageBytes: 1000 } } },
    })
    const [one, two] = [await open(lab, 'a'), await open(lab, 'a')]
    expect(await dial(lab, 'a')).toMatchObject({ status: 503, body: expect.stringContaining('sockets') })
    await expect.poll(() => hits(lab, 'a', 'openSockets'), PATIENCE).toBeGreaterThan(0)
    one.send('x'.repeat(1001))
    expect((await one.closed).code).toBe(1009)
    two.send('flood 1 1001')
    expect((await two.closed).code).toBe(1009)
    await expect.poll(() => hits(lab, 'a', 'socketMessageBytes'), PATIENCE).toBeGreaterThan(0)
    await expect.poll(async () => (await dial(lab, 'a')) instanceof SocketClient, PATIENCE).toBe(true)
  })

  it('that a client does not read are closed with 1013 at socketBufferBytes', async () => {
    const limits = { socketBufferBytes: 512 * 1024, socketMessages: 100_000 }
    await using lab = await startHostLab({
      processes: 1,
      admin: { port: 0, token: TOKEN },
      apps: { a: { dir: artifact, limits }, b: { dir: artifact } },
    })
    const neighbour = await open(lab, 'b')
    const slow = await openRawSocket(lab.host.url, '/', { Host: 'a.localhost' })
    expect(await slow.handshake()).toBe(101)
    slow.pause()
    for (let count = 0; count < 16; count++) slow.send({ payload: 'flood 512 32768' })
    await expect.poll(() => hits(lab, 'a', 'socketBufferBytes'), PATIENCE).toBeGreaterThan(0)
    expect(await ask(neighbour, 'ping')).toBe('ping')
    slow.resume()
    let last = await slow.next()
    while (last?.opcode === 1) last = await slow.next()
    expect(last?.payload.readUInt16BE(0)).toBe(1013)
    slow.destroy()
  })

  it('reach other servers by the rules of outbound requests only', async () => {
    let connections = 0
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    server.on('connection', (socket) => {
      connections++
      socket.on('message', (data) => socket.send(`echo ${String(data)}`))
    })
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    try {
      for (const allow of [[], ['127.0.0.1']]) {
        await using lab = await startHostLab({ outbound: { allow }, apps: { a: { dir: artifact } } })
        const client = await open(lab, 'a')
        const expected = allow.length === 0 ? 'Error: Network connection lost.' : 'echo over there'
        // A literal address, and a name that is looked up.
        for (const host of ['127.0.0.1', 'localhost'])
          expect(await ask(client, `dial http://${host}:${port}/`)).toBe(expected)
        expect(connections).toBe(allow.length * 2)
        // The port is one that fetch never uses.
        expect(await ask(client, 'dial http://127.0.0.1:1/')).toBe('Error: Network connection lost.')
      }
    } finally {
      server.close()
    }
  })

  it('are not given to a request that is no upgrade, and are closed by a stop with 1012', async () => {
    const lab = await startHostLab({ processes: 1, apps: { a: { dir: artifact } } })
    const plain = await lab.send('a', { path: '/given' })
    expect(plain.status).toBe(500)
    const client = await open(lab, 'a')
    await lab[Symbol.asyncDispose]()
    expect((await client.closed).code).toBe(1012)
  })
})
