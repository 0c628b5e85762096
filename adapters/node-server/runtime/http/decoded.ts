/**
 * Corrects the headers of undici's fetch responses. undici decodes bodies, but leaves the `content-encoding`
 * and `content-length` of the encoded body in the headers. An app that passes body and headers on would
 * announce bytes that it does not send.
 */
import { noteCoding } from '../../../../core/runtime/coding.ts'
import { noteLength } from './known-length.ts'

/** undici decodes zstd since 7.11; older versions return such a body undecoded, with its content-encoding. */
const [major = 0, minor = 0] = (process.versions['undici'] ?? '').split('.').map(Number)
const CODINGS = `(?:x-)?gzip|deflate|br${major > 7 || (major === 7 && minor >= 11) ? '|zstd' : ''}`
/** Values of content-encoding that undici decodes: one unknown coding in the list, and it decodes nothing. */
const DECODED = new RegExp(`^\\s*(?:${CODINGS})(?:\\s*,\\s*(?:${CODINGS}))*\\s*$`, 'i')

/**
 * Removes content-encoding and content-length from `response` if its body was decoded. A response to HEAD
 * keeps them, since they describe the GET.
 */
export function withoutCoding(response: Response): Response {
  const coding = response.headers.get('content-encoding')
  if (coding === null || response.body === null || !DECODED.test(coding)) {
    noteLength(response.body, response.headers.get('content-length'))
    return response
  }
  const headers = new Headers(response.headers)
  headers.delete('content-encoding')
  headers.delete('content-length')
  noteCoding(response, coding)
  return withHeaders(response, headers)
}

/**
 * Returns the same response object with other headers, because a new Response would have no URL. Every reader
 * of `response.headers` sees the new property, also when the response is used as an init.
 */
function withHeaders(response: Response, headers: Headers): Response {
  const clone = response.clone.bind(response)
  return Object.defineProperties(response, {
    headers: { value: Object.defineProperties(headers, IMMUTABLE), configurable: true },
    clone: { value: () => withHeaders(clone(), new Headers(headers)), configurable: true },
  })
}

function refuse(): never {
  throw new TypeError('The headers of a fetched answer are immutable. Change a copy: new Headers(x.headers).')
}

/** Property descriptors that make Headers immutable, as those of a fetched response are. */
const IMMUTABLE = { append: { value: refuse }, set: { value: refuse }, delete: { value: refuse } }
