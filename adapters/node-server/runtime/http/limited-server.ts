/** node:http's server, with the limits of connections, headers and uploads that all our servers share. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions as TlsOptions } from 'node:https'
import type { Socket } from 'node:net'
import { UnmoorError } from '../../../../core/errors.ts'
import { refuseLate } from './exchange.ts'
import type { HttpListener, Upgrades } from './upgrades.ts'

/** What a server allows its clients. */
export interface ServerLimits {
  /** Seconds that a connection without a request is kept. Default: 65. */
  keepAliveTimeout?: number | undefined
  /** Bytes of a request's head; beyond it: 431. Default: 65,536. */
  maxHeaderBytes?: number | undefined
  /** Seconds that an upload may pause; beyond it: 408. Default: 60. */
  uploadTimeout?: number | undefined
  /**
   * Bytes a second that an upload has to bring on average over each `uploadTimeout`; below it: 408. Default:
   * 0, any byte will do.
   */
  uploadMinRate?: number | undefined
  /** Seconds that a whole request may take to arrive; beyond it: 408. Default: no limit. */
  uploadTotalTimeout?: number | undefined
}

/** Seconds, over the 60 of usual balancers: the end that sends requests must be the one that closes. */
const KEEP_ALIVE = 65
const HEADER_BYTES = 64 * 1024
const UPLOAD = 60
/** Seconds in which the head of a request must have arrived. */
const HEAD_SECONDS = 60
/**
 * A client that has closed its side may still listen, or be gone. Its kernel answers these probes for a
 * minute after a program has closed its socket, and with a reset from then on.
 */
const HALF_OPEN_PROBES = { enable: true, initialDelay: 10_000, interval: 10_000, count: 3 }
/** Milliseconds between two looks at what the probes have found. */
const HALF_OPEN_LOOK = 5000

const NO_PROXY = 'HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'

/**
 * Creates a server; call `listen` on it. Repeated request headers are joined, as fetch says, where node would
 * drop some; a client that has closed its side of the connection is answered. `tls`: certificates and what
 * else a server of node:tls takes; without it the server speaks plain HTTP. `upgrades`: what becomes of
 * requests that want to leave HTTP; without it they are answered as all others.
 */
export function createLimitedServer(
  listener: HttpListener,
  limits: ServerLimits = {},
  tls?: TlsOptions,
  upgrades?: Upgrades,
): Server {
  const { uploadTimeout = UPLOAD, uploadTotalTimeout = 0 } = limits
  const uploads = new UploadWatch(uploadTimeout, limits.uploadMinRate ?? 0)
  const options = {
    joinDuplicateHeaders: true,
    keepAliveTimeout: (limits.keepAliveTimeout ?? KEEP_ALIVE) * 1000,
    maxHeaderSize: limits.maxHeaderBytes ?? HEADER_BYTES,
    requestTimeout: uploadTotalTimeout * 1000,
    headersTimeout: Math.min(HEAD_SECONDS, uploadTotalTimeout || HEAD_SECONDS) * 1000,
    connectionsCheckingInterval: Math.min(5, uploadTotalTimeout || 5) * 1000,
    // Without it Node 24.9 and later hand every Upgrade over, `h2c` too, once somebody listens for them.
    ...(upgrades === undefined
      ? {}
      : { shouldUpgradeCallback: (incoming: IncomingMessage) => upgrades.isUpgrade(incoming) }),
  }
  const handle: HttpListener = (incoming, outgoing, upgrade) => {
    const fault = framingFault(incoming)
    if (fault !== undefined) return refuseLate(outgoing, fault, FAULTS[fault])
    // Nobody may take what comes after it for a part of its answer.
    if (incoming.httpVersionMinor === 0) outgoing.shouldKeepAlive = false
    uploads.begin(incoming, outgoing)
    listener(incoming, outgoing, upgrade)
  }
  const request = (incoming: IncomingMessage, outgoing: ServerResponse): void => handle(incoming, outgoing)
  const server =
    tls === undefined
      ? createServer(options, request)
      : createTlsServer({ ...options, ...tls, allowHalfOpen: true }, request)
  // A property of the server that Node's types do not have.
  Object.assign(server, { httpAllowHalfOpen: true })
  // The socket that requests come on.
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    // Node keeps the address, which nobody could be asked for once the client is gone.
    void socket.remoteAddress
    socket.on('end', () => watchHalfOpen(socket))
    socket.on('close', () => uploads.end(socket))
  })
  // Node would close the connection without a word.
  server.on('connect', (_, socket) => socket.end(NO_PROXY))
  server.on('close', () => uploads.close())
  if (upgrades !== undefined)
    server.on('upgrade', (incoming, socket, head) => upgrades.begin(incoming, socket, head, handle))
  return server
}

/** Closes a connection whose other side is closed once nobody is there any more. */
function watchHalfOpen(socket: Socket): void {
  socket.setKeepAlive(HALF_OPEN_PROBES)
  // After the end of what it reads, libuv no longer asks the kernel about a socket. A write of nothing does.
  const look = setInterval(() => {
    if (socket.writable && socket.writableLength === 0) socket.write('')
  }, HALF_OPEN_LOOK).unref()
  socket.once('close', () => clearInterval(look))
}

const FAULTS = {
  400: 'Bad Request: HTTP/1.0 has no Transfer-Encoding',
  501: 'Not Implemented: the only Transfer-Encoding here is "chunked"',
  505: 'HTTP Version Not Supported: send HTTP/1.1, or HTTP/1.0',
} as const

/** The status for a request whose end others on its way may see elsewhere than node:http does. */
function framingFault({ headers, httpVersion }: IncomingMessage): keyof typeof FAULTS | undefined {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 505
  const coding = headers['transfer-encoding']
  if (coding === undefined) return undefined
  if (httpVersion === '1.0') return 400
  return coding.toLowerCase() === 'chunked' ? undefined : 501
}

interface Upload {
  incoming: IncomingMessage
  outgoing: ServerResponse
  /** Bytes of the connection so far, and when there were fewer. */
  bytes: number
  since: number
}

/** Ends uploads whose client has stopped sending. Looks at all of them now and then. */
class UploadWatch {
  #milliseconds: number
  /** Bytes of progress that start the time anew. */
  #minBytes: number
  #minRate: number
  #uploads = new Map<Socket, Upload>()
  #timer: NodeJS.Timeout | undefined

  constructor(seconds: number, minRate: number) {
    this.#milliseconds = seconds * 1000
    this.#minBytes = Math.max(1, minRate * seconds)
    this.#minRate = minRate
  }

  begin(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { headers, socket } = incoming
    if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) return
    this.#uploads.set(socket, { incoming, outgoing, bytes: socket.bytesRead, since: performance.now() })
    this.#timer ??= setInterval(() => this.#look(), Math.min(5000, this.#milliseconds / 4)).unref()
  }

  end(socket: Socket): void {
    this.#uploads.delete(socket)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const now = performance.now()
    for (const [socket, upload] of this.#uploads) {
      const { incoming, outgoing } = upload
      if (incoming.complete || socket.destroyed) this.#uploads.delete(socket)
      // What the app has not taken yet keeps more from being read.
      else if (
        socket.bytesRead - upload.bytes >= this.#minBytes ||
        incoming.readableLength >= incoming.readableHighWaterMark
      ) {
        upload.bytes = socket.bytesRead
        upload.since = now
      } else if (now - upload.since >= this.#milliseconds) this.#cut(upload, outgoing)
    }
    if (this.#uploads.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #cut({ incoming }: Upload, outgoing: ServerResponse): void {
    this.#uploads.delete(incoming.socket)
    const error = new UnmoorError(
      'Timeout',
      this.#minRate === 0
        ? `The client sent nothing more of its request body for ${this.#milliseconds / 1000} s.`
        : `The client sent less than uploadMinRate, ${this.#minRate} bytes a second, of its request body for ` +
            `${this.#milliseconds / 1000} s.`,
      { operation: 'fetch' },
    )
    if (outgoing.headersSent) {
      incoming.destroy(error)
      return
    }
    outgoing.once('finish', () => incoming.destroy(error))
    refuseLate(outgoing, 408, 'Request Timeout')
  }
}
