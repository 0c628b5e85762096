/**
 * Answers of undici's fetch as apps see them: it decodes bodies and leaves `content-encoding` and
 * `content-length` of the encoded ones in the headers. Whoever makes an answer of such a body, or of what was
 * read from it, with those headers would announce bytes that it does not send.
 */
import { noteCoding } from '../../../../core/runtime/coding.ts'
import { noteLength } from './known-length.ts'

/** undici decodes zstd since 7.11; older ones hand such a body out as it came, with its label. */
const [major = 0, minor = 0] = (process.versions['undici'] ?? '').split('.').map(Number)
const CODINGS = `(?:x-)?gzip|deflate|br${major > 7 || (major === 7 && minor >= 11) ? '|zstd' : ''}`
/** What undici decodes: one unknown coding in the list, and it decodes nothing. */
const DECODED = new RegExp(`^\\s*(?:${CODINGS})(?:\\s*,\\s*(?:${CODINGS}))*\\s*$`, 'i')

/** `response`, without the two headers where its body has been decoded. A HEAD's stay: they tell of GET. */
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
 * The response itself with other headers: a new one would have no URL. Whoever reads them, for the init of
 * another Response too, reads this property.
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

/** As the headers of a fetched answer are. */
const IMMUTABLE = { append: { value: refuse }, set: { value: refuse }, delete: { value: refuse } }
