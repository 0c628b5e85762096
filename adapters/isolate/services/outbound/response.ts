import type { IncomingMessage } from 'node:http'
import { Readable, type Transform } from 'node:stream'
import { pipeline } from 'node:stream'
import * as zlib from 'node:zlib'
import type { Hop } from './hop.ts'

const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304])
// Some servers leave out the end of the compressed data.
const LENIENT = { flush: zlib.constants.Z_SYNC_FLUSH, finishFlush: zlib.constants.Z_SYNC_FLUSH }
const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: () => zlib.createGunzip(LENIENT),
  'x-gzip': () => zlib.createGunzip(LENIENT),
  deflate: () => zlib.createInflate(LENIENT),
  br: () => zlib.createBrotliDecompress(),
}

/** The answer to a hop as a Response, its body decoded. @throws TypeError for a status that there is not. */
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
  const body = isEmpty
    ? null
    : (Readable.toWeb(decode(answer, headers.get('content-encoding'))) as ReadableStream<
        Uint8Array<ArrayBuffer>
      >)
  const response = new Response(body, { status, statusText: answer.statusMessage ?? '', headers })
  // Fields that its constructor does not take.
  return Object.defineProperties(response, {
    url: { value: url.href.split('#')[0] },
    redirected: { value: redirected },
  })
}

function decode(answer: IncomingMessage, encoding: string | null): Readable {
  const codings = (encoding ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  if (codings.length === 0 || codings.length > 5 || !codings.every((name) => Object.hasOwn(DECODERS, name)))
    return answer
  const decoders = codings.toReversed().map((name) => (DECODERS[name] as () => Transform)())
  // Where one breaks, all do; the last one tells its reader.
  pipeline([answer, ...decoders], () => {})
  return decoders.at(-1) as Transform
}
