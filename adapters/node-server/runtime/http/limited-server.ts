/** node:http's server with the limits on connections, headers and uploads that all our servers share. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions as TlsOptions } from 'node:https'
import type { Socket } from 'node:net'
import { UnmoorError } from '../../../../core/errors.ts'
import { refuseLate } from './exchange.ts'
import type { HttpListener, Upgrades } from './upgrades.ts'

/** Limits of an HTTP server on its clients. */
export interface ServerLimits {
  /** Seconds that an idle HTTP connection is kept open. Default: 65. */
  keepAliveTimeout?: number | undefined
  /** Most bytes of a request's head; a longer head is answered with 431. Default: 65,536. */
  maxHeaderBytes?: number | undefined
  /** Seconds that an upload may pause; a longer pause is answered with 408. Default: 60. */
  uploadTimeout?: number | undefined
  /**
   * Bytes per second that an upload must average over each `uploadTimeout`; a slower upload is answered with
   * 408. Default: 0, a single byte is enough.
   */
  uploadMinRate?: number | undefined
  /**
   * Seconds that a whole request may take to arrive; a slower one is answered with 408. Default: no limit.
   */
  uploadTotalTimeout?: number | undefined
}

/**
 * Default of `keepAliveTimeout` in seconds. It exceeds the 60 of usual load balancers, because the end that
 * sends requests must be the one that closes idle connections.
 */
const KEEP_ALIVE = 65
const HEADER_BYTES = 64 * 1024
const UPLOAD = 60
/** Seconds in which the head of a request must have arrived. */
const HEAD_SECONDS = 60
/**
 * TCP keep-alive for a client that has closed its sending side, and may still read or be gone. Its kernel
 * answers these probes for a minute after the program has closed the socket, and then resets.
 */
const HALF_OPEN_PROBES = { enable: true, initialDelay: 10_000, interval: 10_000, count: 3 }
/** Milliseconds between two checks whether the keep-alive probes of a half-open connection failed. */
const HALF_OPEN_LOOK = 5000

const NO_PROXY = 'HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'

/**
 * Creates an HTTP server; call `listen` on it. Repeated request headers are joined, as fetch specifies, where
 * Node would drop some. A client that has closed its sending side is still answered. `tls`: certificates and
 * other options of node:tls; without it the server speaks plain HTTP. `upgrades`: handles requests that want
 * to leave HTTP; without it they are answered like all others.
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
    // Without `shouldUpgradeCallback`, Node 24.9 and later emit "upgrade" for every Upgrade header, `h2c`
    // too, once there is a listener.
    ...(upgrades === undefined
      ? {}
      : { shouldUpgradeCallback: (incoming: IncomingMessage) => upgrades.isUpgrade(incoming) }),
  }
  const handle: HttpListener = (incoming, outgoing, upgrade) => {
    const fault = framingFault(incoming)
    if (fault !== undefined) return refuseLate(outgoing, fault, FAULTS[fault])
    // An HTTP/1.0 connection closes after its answer, so that nobody takes later bytes for a part of that
    // answer.
    if (incoming.httpVersionMinor === 0) outgoing.shouldKeepAlive = false
    uploads.begin(incoming, outgoing)
    listener(incoming, outgoing, upgrade)
  }
  const request = (incoming: IncomingMessage, outgoing: ServerResponse): void => handle(incoming, outgoing)
  const server =
    tls === undefined
      ? createServer(options, request)
      : createTlsServer({ ...options, ...tls, allowHalfOpen: true }, request)
  // `httpAllowHalfOpen` is a property of HTTP servers that Node's types lack.
  Object.assign(server, { httpAllowHalfOpen: true })
  // The event `connection`, or with TLS `secureConnection`, passes the socket on which HTTP requests arrive.
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    // Reading remoteAddress makes Node cache the client's address: the kernel no longer knows the address
    // once the client is gone.
    void socket.remoteAddress
    socket.on('end', () => watchHalfOpen(socket))
    socket.on('close', () => uploads.end(socket))
  })
  // Without a listener for CONNECT, Node would close the connection without an answer.
  server.on('connect', (_, socket) => socket.end(NO_PROXY))
  server.on('close', () => uploads.close())
  if (upgrades !== undefined)
    server.on('upgrade', (incoming, socket, head) => upgrades.begin(incoming, socket, head, handle))
  return server
}

/** Closes a half-open TCP connection once its client no longer exists. */
function watchHalfOpen(socket: Socket): void {
  socket.setKeepAlive(HALF_OPEN_PROBES)
  // After the end of a half-open connection's read side, libuv no longer polls the socket for errors; writing
  // an empty string does.
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

/**
 * Returns the error status for a request whose end an intermediary may see elsewhere than node:http does
 * (request smuggling).
 */
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
  /** `socket.bytesRead` at the last progress of the upload; `since` is the time of that progress. */
  bytes: number
  since: number
}

/** Ends uploads whose client has stopped sending. All uploads are checked together at intervals. */
class UploadWatch {
  #milliseconds: number
  /** Bytes of progress that restart the timeout of a client's upload. */
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
      // A full read buffer counts as progress of an upload: the app reads slowly and the client cannot send
      // more.
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
