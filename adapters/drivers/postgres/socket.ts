import { once } from 'node:events'
import { isIP, Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'

/** What postgres.js knows of the server when it opens a connection. */
interface Target {
  readonly host: readonly string[]
  readonly port: readonly number[]
  /** Path of a Unix socket; false or undefined for TCP. */
  readonly path?: string | false
}

/** How a connection is secured: `sslmode` and `sslnegotiation` of the url. */
export interface Security {
  readonly mode: string | false
  /** True if TLS begins at once, without asking the server for it first. */
  readonly isDirect: boolean
}

/** Message by which a client asks a Postgres server for TLS: its length, and the code of the request. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])
const ACCEPTED = 'S'.charCodeAt(0)

type OpenSocket = (target: Target) => Promise<Socket>

/**
 * Opens sockets for postgres.js that tell of an error and of their close at once.
 *
 * Node emits `close` a phase of the event loop after `error`. Meanwhile postgres.js 3.4.9 holds the
 * connection for usable. A statement that it begins there is never sent, and gets the first answer of the
 * next connection: it succeeds without having been carried out, and a transaction runs within another.
 */
export function openSocket(security: Security, timeoutMs: number): OpenSocket {
  let next = 0
  return async (target) => {
    const host = next++ % target.host.length
    const socket = new Socket()
    const name = target.host[host] as string
    if (typeof target.path === 'string') socket.connect(target.path)
    else socket.connect(target.port[host] as number, name)
    // The client sends its first message when the socket is connected, and watches over the time for that.
    if (security.mode === false) return closeAtOnce(socket)
    const ended = new AbortController()
    const timer = setTimeout(() => ended.abort(connectTimeout(name, target.port[host])), timeoutMs)
    // A server may close at any step without an error, which nothing else tells of.
    socket.once('close', () => ended.abort(closedEarly(name)))
    socket.on('error', (error) => ended.abort(error))
    try {
      return closeAtOnce(await secure(socket, { host: name, security, signal: ended.signal }))
    } catch (error) {
      socket.destroy()
      // The client forgets a connection whose socket could not be made: it must get one, which then fails.
      return failing((ended.signal.aborted ? ended.signal.reason : error) as Error)
    } finally {
      clearTimeout(timer)
    }
  }
}

interface Handshake {
  readonly host: string
  readonly security: Security
  /** Aborts when the connection has ended, or its time is over. */
  readonly signal: AbortSignal
}

async function secure(socket: Socket, { host, security, signal }: Handshake): Promise<Socket> {
  const { mode, isDirect } = security
  await once(socket, 'connect', { signal })
  if (!isDirect) {
    socket.write(SSL_REQUEST)
    const [answer] = (await once(socket, 'data', { signal })) as [Buffer]
    if (answer[0] !== ACCEPTED) {
      if (mode === 'prefer') return socket
      throw Object.assign(new Error(`The server at ${host} does not take TLS, which the url asks for.`), {
        code: 'ECONNREFUSED',
      })
    }
  }
  const options: ConnectionOptions = { socket }
  if (isIP(host) === 0) options.servername = host
  if (isDirect) options.ALPNProtocols = ['postgresql']
  if (mode === 'require' || mode === 'allow' || mode === 'prefer') options.rejectUnauthorized = false
  const secured = connectTls(options)
  await once(secured, 'secureConnect', { signal })
  return secured
}

/**
 * Makes a socket emit its error when it closes, right before `close`.
 *
 * Both come in a later turn: a connection that closes while postgres.js is about to write never writes again
 * until a kilobyte waits, as it forgets that it has cancelled the write.
 */
function closeAtOnce<Kind extends Socket>(socket: Kind): Kind {
  const emit = socket.emit.bind(socket)
  let failure: { readonly error: unknown } | undefined
  socket.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    if (event === 'error') {
      failure ??= { error: args[0] }
      return true
    }
    if (event !== 'close') return emit(event, ...args)
    setImmediate(() => {
      if (failure !== undefined) emit('error', failure.error)
      emit(event, ...args)
    })
    return true
  }
  return socket
}

/** A socket that fails with this error once it is listened to. */
function failing(error: Error): Socket {
  const socket = new Socket()
  const emit = socket.emit.bind(socket)
  socket.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    if (event === 'error') return true
    if (event === 'close') emit('error', error)
    return emit(event, ...args)
  }
  setImmediate(() => socket.destroy(error))
  return socket
}

function connectTimeout(host: string, port: number | undefined): Error {
  return Object.assign(new Error(`connect CONNECT_TIMEOUT ${host}:${port}`), { code: 'CONNECT_TIMEOUT' })
}

function closedEarly(host: string): Error {
  return Object.assign(new Error(`The server at ${host} closed the connection before TLS was agreed on.`), {
    code: 'CONNECTION_CLOSED',
  })
}

/** Reads how a url asks for TLS, as postgres.js reads it. */
export function readSecurity(url: URL): Security {
  const given = url.searchParams
  const mode =
    given.get('sslrootcert') === 'system'
      ? 'verify-full'
      : (given.get('sslmode') ?? given.get('ssl') ?? process.env['PGSSL'] ?? false)
  const negotiation = given.get('sslnegotiation') ?? process.env['PGSSLNEGOTIATION']
  return {
    mode: mode === 'disable' || mode === 'false' || mode === '' ? false : mode,
    isDirect: negotiation === 'direct',
  }
}
