/** WebSocket connections that a Worker opens. */
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { LookupFunction } from 'node:net'
import { Readable } from 'node:stream'
import type { ReadableStream as NodeStream } from 'node:stream/web'
import type { ClientOptions } from 'ws'
import { End } from '../../../../core/compat/workers/web-sockets/end.ts'
import type { Handshake, HandshakeAnswer } from '../../../../core/compat/workers/web-sockets/platform.ts'
import { type AppEvent, currentEvent } from '../events.ts'
import type { SocketQuota } from '../web-sockets/socket-server.ts'
import { Connection, MAX_MESSAGE } from './connection.ts'

/** Matches header fields of a WebSocket handshake that the package `ws` sets itself. */
const OWN = /^(?:sec-websocket-.*|upgrade|connection|host|content-length|transfer-encoding)$/
/** Status codes of HTTP responses without a body. */
const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304])

/**
 * `closeTimeout` is an option of WebSocket clients that the types of `ws` lack so far: milliseconds that a
 * server has to answer a close frame.
 */
const NEWER_OPTIONS = { closeTimeout: 5000 }

/** Options of {@link connect}, which opens a WebSocket connection to a server. */
export interface ConnectOptions {
  /** Function that looks up the server's address. Default: the system's. */
  readonly lookup?: LookupFunction | undefined
  /** Called with the handshake's request before it is sent. Default: no call. */
  readonly onRequest?: ((request: ClientRequest) => void) | undefined
  /** Milliseconds that the handshake may take. Default: no limit. */
  readonly timeout?: number | undefined
}

interface OwnOptions extends ConnectOptions {
  /** Largest message in bytes. Default: Cloudflare's limit. */
  readonly maxMessage?: number | undefined
  /** Event as part of which the connection's frames are handled. Default: the current one. */
  readonly event?: AppEvent | undefined
  readonly quota?: SocketQuota | undefined
  /** Called with the connection once it is open. Default: no call. */
  readonly onOpen?: ((connection: Connection) => void) | undefined
}

/**
 * Opens a WebSocket connection of a Worker; resolves to the server's response if it refused the handshake.
 */
export function connect(handshake: Handshake, given: OwnOptions = {}): Promise<HandshakeAnswer> {
  const { url, protocols, signal } = handshake
  const { event = currentEvent(), quota, onOpen, maxMessage = MAX_MESSAGE } = given
  const headers = Object.fromEntries([...handshake.headers].filter(([name]) => !OWN.test(name)))
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error)
    const options = {
      headers,
      perMessageDeflate: false,
      maxPayload: maxMessage,
      followRedirects: false,
      ...requestOptions(given),
    }
    const connection = new Connection(url, [...protocols], options)
    const onAbort = (): void => {
      reject(signal?.reason as Error)
      connection.terminate()
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    let received: Headers | undefined
    connection.once('upgrade', (incoming) => (received = headersOf(incoming)))
    connection.once('unexpected-response', (_, incoming) => {
      signal?.removeEventListener('abort', onAbort)
      resolve({ response: responseOf(incoming) })
    })
    connection.once('error', (cause) => reject(new Error('Network connection lost.', { cause })))
    connection.once('open', () => {
      signal?.removeEventListener('abort', onAbort)
      const [own, other] = End.pair()
      onOpen?.(connection)
      connection.couple(other, event, quota)
      resolve({ end: own, headers: received ?? new Headers(), protocol: connection.protocol })
    })
  })
}

function requestOptions({ lookup, onRequest, timeout }: ConnectOptions): ClientOptions {
  return {
    ...(lookup === undefined ? {} : { lookup }),
    ...NEWER_OPTIONS,
    ...(timeout === undefined ? {} : { handshakeTimeout: timeout }),
    finishRequest(request) {
      onRequest?.(request)
      request.end()
    },
  }
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers()
  for (let index = 0; index < rawHeaders.length; index += 2)
    headers.append(rawHeaders[index] as string, rawHeaders[index + 1] as string)
  return headers
}

function responseOf(incoming: IncomingMessage): Response {
  const status = incoming.statusCode ?? 502
  const hasBody = !NO_BODY.has(status) && status >= 200
  if (!hasBody) incoming.resume()
  // The cast is needed because Node's types have a class of their own for web streams.
  const body = hasBody ? (Readable.toWeb(incoming) as NodeStream<Uint8Array> as BodyInit) : null
  return new Response(body, {
    status: status < 200 ? 502 : status,
    statusText: incoming.statusMessage ?? '',
    headers: headersOf(incoming),
  })
}
