import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { openSocket, readSecurity } from '../../adapters/drivers/postgres/socket.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function serve(handle: (socket: Socket) => void): Promise<{ host: string[]; port: number[] }> {
  const server = createServer((socket) => handle(socket.on('error', () => {})))
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { host: ['127.0.0.1'], port: [(server.address() as AddressInfo).port] }
}

/** The order of a socket's events, with what came between them. */
async function eventsOf(socket: Socket): Promise<string[]> {
  const seen: string[] = []
  const note = (what: string) => (): void => void seen.push(what)
  socket.on('error', (error) => {
    seen.push(`error ${(error as NodeJS.ErrnoException).code}`)
    queueMicrotask(note('microtask'))
    process.nextTick(note('tick'))
    setImmediate(note('immediate'))
  })
  const closed = new Promise((resolve) => socket.on('close', resolve))
  socket.on('close', note('close'))
  socket.resume()
  await closed
  return seen
}

const PLAIN = { mode: false, isDirect: false } as const

test('a socket that is reset closes in the very turn of its error, before any other work', async () => {
  const target = await serve((socket) => setTimeout(() => socket.resetAndDestroy(), 20))
  expect((await eventsOf(await openSocket(PLAIN, 1000)(target))).slice(0, 2)).toEqual([
    'error ECONNRESET',
    'close',
  ])
})

test('a socket that cannot connect tells why, and closes', async () => {
  const { host, port } = await serve(() => {})
  const server = servers.pop() as Server
  server.close()
  await once(server, 'close')
  const seen = await eventsOf(await openSocket(PLAIN, 1000)({ host, port }))
  expect(seen.slice(0, 2)).toEqual(['error ECONNREFUSED', 'close'])
})

test('several hosts take turns, and a Unix socket is taken for its path', async () => {
  const seen: string[] = []
  const first = await serve(() => seen.push('first'))
  const second = await serve(() => seen.push('second'))
  const open = openSocket(PLAIN, 1000)
  const target = { host: [...first.host, ...second.host], port: [...first.port, ...second.port] }
  for (let time = 0; time < 3; time++) {
    const socket = await open(target)
    await once(socket, 'connect')
    socket.destroy()
  }
  await expect.poll(() => seen).toEqual(['first', 'second', 'first'])
  const missing = await openSocket(PLAIN, 1000)({ ...target, path: '/nowhere/.s.PGSQL.5432' })
  expect((await eventsOf(missing))[0]).toBe('error ENOENT')
})

test.each(['require', 'verify-full'])(
  'a server without TLS is refused where the url says %s',
  async (mode) => {
    const target = await serve((socket) => socket.once('data', () => socket.write('N')))
    const seen: Error[] = []
    const socket = await openSocket({ mode, isDirect: false }, 1000)(target)
    socket.on('error', (error) => seen.push(error))
    await new Promise((resolve) => socket.on('close', resolve))
    expect(seen.map(({ message }) => message)).toEqual([
      'The server at 127.0.0.1 does not take TLS, which the url asks for.',
    ])
  },
)

test('a server that never answers the request for TLS is a timeout', async () => {
  const target = await serve(() => {})
  const socket = await openSocket({ mode: 'require', isDirect: false }, 50)(target)
  expect((await eventsOf(socket))[0]).toBe('error CONNECT_TIMEOUT')
})

test.each([
  ['closes at the request for TLS', (socket: Socket) => socket.once('data', () => socket.end())],
  ['closes at once', (socket: Socket) => socket.end()],
  ['agrees to TLS and closes', (socket: Socket) => socket.once('data', () => socket.end('S'))],
  [
    'agrees to TLS and resets',
    (socket: Socket) => socket.once('data', () => socket.write('S', () => socket.resetAndDestroy())),
  ],
])('a server that %s fails at once, with one error', async (_what, handle) => {
  const target = await serve(handle)
  // The time is no part of it: what hangs would be the test's time-out.
  const socket = await openSocket({ mode: 'require', isDirect: false }, 3_600_000)(target)
  const seen = await eventsOf(socket)
  expect(seen[0]).toMatch(/^error (CONNECTION_CLOSED|ECONNRESET)$/)
  expect(seen.filter((one) => one.startsWith('error'))).toHaveLength(1)
})

test('a server that agrees to TLS and says no more is a timeout, and ends no process', async () => {
  const target = await serve((socket) => socket.once('data', () => socket.write('S')))
  const socket = await openSocket({ mode: 'require', isDirect: false }, 100)(target)
  expect((await eventsOf(socket))[0]).toBe('error CONNECT_TIMEOUT')
})

test.each([
  ['', { mode: false, isDirect: false }],
  ['?sslmode=disable', { mode: false, isDirect: false }],
  ['?sslmode=require', { mode: 'require', isDirect: false }],
  ['?ssl=prefer', { mode: 'prefer', isDirect: false }],
  ['?sslrootcert=system', { mode: 'verify-full', isDirect: false }],
  ['?sslmode=require&sslnegotiation=direct', { mode: 'require', isDirect: true }],
])('a url with "%s" asks for TLS as postgres.js reads it', (query, security) => {
  expect(readSecurity(new URL(`postgres://u@h/d${query}`))).toEqual(security)
})
