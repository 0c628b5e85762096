/** Servers and raw sockets for the tests of the Node target's HTTP layer. */
import type { Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { expect } from 'vitest'
import { installGlobals } from '../../adapters/node-server/runtime/http/globals.ts'
import {
  createHttpServer,
  type HttpHandler,
  type HttpOptions,
} from '../../adapters/node-server/runtime/http/listener.ts'
import type { ServerLimits } from '../../adapters/node-server/runtime/http/limited-server.ts'
import { PATIENCE } from '../patience.ts'

/** undici's fetch, for the client's side. */
export const plainFetch = globalThis.fetch
const servers: Server[] = []
const sockets: Socket[] = []

installGlobals()

/** Ends all servers and connections of a test file. */
export async function closeAll(): Promise<void> {
  for (const socket of sockets) socket.destroy()
  await Promise.all(
    servers.map((server) => new Promise((resolve) => server.close(resolve).closeAllConnections())),
  )
}

export interface Running {
  url: string
  port: number
  /** What was logged. */
  errors: string[]
  /** Resolves when the server has seen all its connections end. */
  idle: () => Promise<void>
}

export async function serve(
  handler: HttpHandler,
  options: HttpOptions = {},
  limits: ServerLimits = {},
): Promise<Running> {
  const errors: string[] = []
  const server = createHttpServer(
    handler,
    { onError: (message, error) => errors.push(`${message} ${String(error)}`), ...options },
    limits,
  )
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const connections = (): Promise<number> =>
    new Promise((resolve, reject) =>
      server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
    )
  const idle = async (): Promise<void> => {
    await expect.poll(connections, PATIENCE).toBe(0)
  }
  return { url: `http://127.0.0.1:${port}`, port, errors, idle }
}

/** A socket of its own, and all that came back so far as Latin-1. */
export function open(
  port: number,
  text: string,
): {
  socket: Socket
  received: () => string
  until: (pattern: RegExp) => Promise<string>
  closed: Promise<void>
} {
  const socket = connect(port, '127.0.0.1')
  sockets.push(socket)
  let text0 = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => (text0 += chunk))
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  socket.write(text, 'latin1')
  const until = async (pattern: RegExp): Promise<string> => {
    await expect.poll(() => text0, PATIENCE).toMatch(pattern)
    return text0
  }
  return { socket, received: () => text0, until, closed }
}

/** One exchange over a connection of its own. */
export async function exchange(
  port: number,
  head: string,
  body = '',
): Promise<{ status: number; head: string; body: string }> {
  const { received, closed } = open(
    port,
    `${head.trim().replaceAll(/\r?\n/g, '\r\n')}\r\nConnection: close\r\n\r\n${body}`,
  )
  await closed
  const text = received()
  const end = text.indexOf('\r\n\r\n')
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]),
    head: text.slice(0, end),
    body: text.slice(end + 4),
  }
}

export const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)
