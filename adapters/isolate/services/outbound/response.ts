import type { IncomingMessage } from 'node:http'
import { pipeline, Readable } from 'node:stream'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'
import { noteCoding } from '../../../../core/runtime/coding.ts'
import { createDecoders } from './decode.ts'
import type { Hop } from './hop.ts'

const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304])

/**
 * Returns a server's answer to an app's `fetch` as a Response. A compressed body, asked for or not, is
 * decoded and loses the headers `content-encoding` and `content-length`, which no longer hold. A body that
 * cannot be decoded keeps them.
 *
 * @throws TypeError for a status that a Response cannot have.
 */
export function toResponse(answer: IncomingMessage, { url, method }: Hop, redirected: boolean): Response {
  const status = answer.statusCode ?? 0
  if (status < 200 || status > 599) {
    answer.destroy()
    throw new TypeError(`fetch failed: the answer has status ${status}`)
  }
  const headers = new Headers()
  for (let index = 0; index + 1 < answer.rawHeaders.length; index += 2)
    headers.append(answer.rawHeaders[index] as string, answer.rawHeaders[index + 1] as string)
  const isEmpty = method === 'HEAD' || NO_BODY.has(status)
  if (isEmpty) answer.resume()
  const coding = isEmpty ? null : headers.get('content-encoding')
  const response = new Response(isEmpty ? null : body(answer, headers), {
    status,
    statusText: answer.statusMessage ?? '',
    headers,
  })
  if (coding !== null && !headers.has('content-encoding')) noteCoding(response, coding)
  // The constructor of Response takes neither `url` nor `redirected`, so both are defined afterwards.
  return Object.defineProperties(response, {
    url: { value: url.href.split('#')[0] },
    redirected: { value: redirected },
  })
}

function body(answer: IncomingMessage, headers: Headers): ReadableStream<Uint8Array<ArrayBuffer>> {
  const decoders = createDecoders(headers.get('content-encoding') ?? '')
  const decoded = decoders.at(-1)
  if (decoded === undefined) return toWeb(answer)
  headers.delete('content-encoding')
  headers.delete('content-length')
  // An error in one decoder of a response body ends all of them; the last one reports it to its reader.
  pipeline([answer, ...decoders], () => {})
  return toWeb(decoded)
}

/**
 * Converts a response body to a stream whose reader gets a TypeError, as fetch has it, if the body ends too
 * early.
 */
function toWeb(readable: Readable): ReadableStream<Uint8Array<ArrayBuffer>> {
  const destroy = readable._destroy.bind(readable)
  readable._destroy = (error, callback) => {
    destroy(error, (after) =>
      callback(
        after && new TypeError(`fetch failed: the answer broke off: ${after.message}`, { cause: after }),
      ),
    )
  }
  return Readable.toWeb(readable) as ReadableStream<Uint8Array<ArrayBuffer>>
}

/**
 * Decodes the answer of another app of the host for the app that called it, like an answer that comes over a
 * network.
 */
export function decodeResponse(response: Response): Response {
  const { body: encoded, status, statusText } = response
  const decoders = createDecoders(response.headers.get('content-encoding') ?? '')
  const decoded = decoders.at(-1)
  if (encoded === null || decoded === undefined) return response
  const headers = new Headers(response.headers)
  headers.delete('content-encoding')
  headers.delete('content-length')
  pipeline([Readable.fromWeb(encoded as NodeReadableStream<Uint8Array>), ...decoders], () => {})
  return new Response(Readable.toWeb(decoded) as ReadableStream<Uint8Array>, { status, statusText, headers })
}
