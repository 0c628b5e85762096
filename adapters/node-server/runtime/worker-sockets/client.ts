/** WebSocket connections that a Worker opens. */
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { ReadableStream as NodeStream } from 'node:stream/web'
import { End } from '../../../../core/compat/workers/web-sockets/end.ts'
import type { Handshake, HandshakeAnswer } from '../../../../core/compat/workers/web-sockets/platform.ts'
import { currentEvent } from '../events.ts'
import { Connection, MAX_MESSAGE } from './connection.ts'

/** Matches header fields of a WebSocket handshake that the package `ws` sets itself. */
const OWN = /^(?:sec-websocket-.*|upgrade|connection|host|content-length|transfer-encoding)$/
/** Status codes of HTTP responses without a body. */
const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304])

/**
 * Opens a WebSocket connection of a Worker; resolves to the server's response if it refused the handshake.
 */
export function connect(handshake: Handshake): Promise<HandshakeAnswer> {
  const { url, protocols, signal } = handshake
  const event = currentEvent()
  const headers = Object.fromEntries([...handshake.headers].filter(([name]) => !OWN.test(name)))
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error)
    const options = { headers, perMessageDeflate: false, maxPayload: MAX_MESSAGE, followRedirects: false }
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
      connection.couple(other, event)
      resolve({ end: own, headers: received ?? new Headers(), protocol: connection.protocol })
    })
  })
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
