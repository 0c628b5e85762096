import { delimiterSearch } from './delimiter-search.ts'
import { readDisposition } from './disposition.ts'
import { formError } from './form-error.ts'
import type { DecodeUtf8 } from './url-encoded.ts'

/** Receives the fields of a form as they are read, because each platform has its own FormData. */
export interface FormSink {
  text(name: string, value: string): void
  /**
   * Receives a file of a form. `bytes` are a view of the form's body, which a File copies. `type` is the
   * content type as sent, and `''` for an empty header.
   */
  file(name: string, bytes: Uint8Array<ArrayBuffer>, filename: string, type: string): void
}

/**
 * Limits of one multipart body. A part of 50 bytes becomes objects of some 2,000, so without a limit a body
 * of 100 MB would take several GB; a byte of a header costs a hundred times as much time as a byte of a file.
 */
export const MULTIPART_LIMITS = {
  parts: 10_000,
  /** Maximum bytes of the headers of all parts of a multipart body together. */
  headers: 4 * 1024 * 1024,
} as const

const LF = 10
const CR = 13
const DASH = 45
const BLANK = 32
const TAB = 9

/**
 * Reads `multipart/form-data` (RFC 7578). Lines may end in a bare LF. Text before the first boundary and
 * after the last is ignored, and so are headers of parts other than Content-Disposition and Content-Type:
 * there is no transfer encoding in HTTP. Text is UTF-8, whatever charset a part claims. The time is linear in
 * the body's length, whatever the body contains.
 *
 * @throws TypeError for a body that is not well-formed, or is over {@link MULTIPART_LIMITS}.
 */
export function readMultipart(
  body: Uint8Array<ArrayBuffer>,
  boundary: string,
  decode: DecodeUtf8,
  sink: FormSink,
): void {
  const delimiter = Uint8Array.from(`--${boundary}`, (char) => char.charCodeAt(0))
  const find = delimiterSearch(body, delimiter)
  let at = find(0)
  if (at < 0) throw formError('it has no line that begins with the boundary of its content type')
  let headers: number = MULTIPART_LIMITS.headers
  for (let part = 1; ; part++) {
    at += delimiter.length
    if (body[at] === DASH && body[at + 1] === DASH) return
    if (part > MULTIPART_LIMITS.parts) throw formError(`it has more than ${MULTIPART_LIMITS.parts} parts`)
    const where = `part ${part}`
    const start = skipLineEnd(body, at)
    if (start === undefined)
      throw formError(`the boundary before ${where} is followed by something other than the end of its line`)
    const head = readHead(body.subarray(0, start + headers), start, where, decode)
    headers -= head.end - start
    const next = find(head.end)
    if (next < 0) throw formError(`${where} does not end with a boundary: the body may be cut off`)
    const content = body.subarray(head.end, endOfContent(body, head.end, next))
    if (head.filename === undefined) sink.text(head.name, decode(content))
    else sink.file(head.name, content, head.filename, head.type)
    at = next
  }
}

/**
 * Returns the start of the line after `at` in a multipart body; undefined if something other than blanks
 * comes before it.
 */
function skipLineEnd(body: Uint8Array, at: number): number | undefined {
  // RFC 2046, section 5.1.1, lets blanks follow a multipart boundary.
  while (body[at] === BLANK || body[at] === TAB) at++
  if (body[at] === CR) at++
  return body[at] === LF ? at + 1 : undefined
}

/** Returns the end of a multipart part's content: the line end before a boundary belongs to the boundary. */
function endOfContent(body: Uint8Array, start: number, boundary: number): number {
  // The empty line after a multipart part's headers may be the line end that belongs to the boundary.
  if (boundary === start) return start
  const end = boundary - 1
  return end > start && body[end - 1] === CR ? end - 1 : end
}

interface PartHead {
  readonly name: string
  readonly filename: string | undefined
  readonly type: string
  /** Position at which the content of the multipart part begins. */
  readonly end: number
}

function readHead(body: Uint8Array<ArrayBuffer>, start: number, where: string, decode: DecodeUtf8): PartHead {
  let disposition: string | undefined
  let type: string | undefined
  for (let at = start; ;) {
    const lineEnd = body.indexOf(LF, at)
    if (lineEnd < 0)
      throw formError(
        `the headers of ${where} have no end: the body may be cut off, or the headers of all parts have ` +
          `more than ${MULTIPART_LIMITS.headers} bytes`,
      )
    const line = decode(body.subarray(at, body[lineEnd - 1] === CR && lineEnd > at ? lineEnd - 1 : lineEnd))
    at = lineEnd + 1
    if (line === '') {
      if (disposition === undefined) throw formError(`${where} has no Content-Disposition`)
      return { ...readDisposition(disposition, where), type: type ?? 'text/plain', end: at }
    }
    const header = HEADER.exec(line)
    if (header === null) throw formError(`${where} has a line among its headers that is no header`)
    const [, name = '', value = ''] = header
    // If a header of a multipart part appears twice, the first one counts, as in workerd.
    if (name.toLowerCase() === 'content-disposition') disposition ??= value.trim()
    else if (name.toLowerCase() === 'content-type') type ??= value.trim()
  }
}

/**
 * Matches a header of a multipart part: a field name, and a value without control characters (RFC 9110,
 * section 5).
 */
// oxlint-disable-next-line no-control-regex
const HEADER = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*:([^\0\r]*)$/
