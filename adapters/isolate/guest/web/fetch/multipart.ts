import { blobBytes, File } from '../data/blob.ts'
import { decodeUtf8, encodeUtf8 } from '../data/encoding.ts'
import { FormData } from './form-data.ts'
import type { Bytes } from '../streams.ts'

// HTML's escape of names in multipart/form-data.
const escapeName = (name: string): string =>
  name.replace(/\n|\r|"/g, (char) => (char === '"' ? '%22' : char === '\n' ? '%0A' : '%0D'))
const normalize = (text: string): string => text.replace(/\r\n|\r|\n/g, '\r\n')

/** `multipart/form-data` (RFC 7578) of a form. */
export function encodeMultipart(form: FormData, boundary: string): Bytes {
  const chunks: Bytes[] = []
  for (const [name, value] of form) {
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${escapeName(normalize(name))}"`
    if (typeof value === 'string') chunks.push(encodeUtf8(`${head}\r\n\r\n${normalize(value)}\r\n`))
    else
      chunks.push(
        encodeUtf8(
          `${head}; filename="${escapeName(value.name)}"\r\nContent-Type: ` +
            `${value.type || 'application/octet-stream'}\r\n\r\n`,
        ),
        blobBytes(value),
        encodeUtf8('\r\n'),
      )
  }
  chunks.push(encodeUtf8(`--${boundary}--\r\n`))
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return bytes
}

/** The form that `multipart/form-data` bytes describe. @throws TypeError for what is not that. */
export function decodeMultipart(bytes: Bytes, boundary: string): FormData {
  const form = new FormData()
  const delimiter = encodeUtf8(`--${boundary}`)
  const malformed = (): TypeError => new TypeError('The body is not well-formed multipart/form-data')
  let at = indexOf(bytes, delimiter, 0)
  if (at < 0) throw malformed()
  at += delimiter.length
  for (;;) {
    if (bytes[at] === 45 && bytes[at + 1] === 45) return form
    // Spaces and tabs may follow a boundary (RFC 2046, section 5.1.1).
    while (bytes[at] === 32 || bytes[at] === 9) at++
    if (bytes[at] !== 13 || bytes[at + 1] !== 10) throw malformed()
    const headersEnd = indexOf(bytes, CRLF2, at)
    if (headersEnd < 0) throw malformed()
    const headers = decodeUtf8(bytes.subarray(at + 2, headersEnd))
    const start = headersEnd + 4
    const next = indexOf(bytes, encodeUtf8(`\r\n--${boundary}`), start)
    if (next < 0) throw malformed()
    appendPart(form, headers, bytes.slice(start, next), malformed)
    at = next + 2 + delimiter.length
  }
}

const CRLF2 = new Uint8Array([13, 10, 13, 10])

function appendPart(form: FormData, headers: string, content: Bytes, malformed: () => TypeError): void {
  let disposition = ''
  let type = 'text/plain'
  for (const line of headers.split('\r\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).trim().toLowerCase()
    if (name === 'content-disposition') disposition = line.slice(colon + 1).trim()
    if (name === 'content-type') type = line.slice(colon + 1).trim()
  }
  const name = parameter(disposition, 'name')
  if (!/^form-data\s*(;|$)/i.test(disposition) || name === undefined) throw malformed()
  const filename = parameter(disposition, 'filename')
  if (filename === undefined) form.append(name, decodeUtf8(content))
  else form.append(name, new File([content], filename, { type }))
}

function parameter(disposition: string, name: string): string | undefined {
  const match = new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]*))`, 'i').exec(disposition)
  const value = match?.[1]?.replace(/\\(["\\])/g, '$1') ?? match?.[2]
  return value?.replace(/%0A|%0D|%22/gi, (text) => decodeURIComponent(text))
}

function indexOf(bytes: Bytes, needle: Bytes, from: number): number {
  const first = needle[0] as number
  for (
    let at = bytes.indexOf(first, from);
    at >= 0 && at + needle.length <= bytes.length;
    at = bytes.indexOf(first, at + 1)
  ) {
    let index = 1
    while (index < needle.length && bytes[at + index] === needle[index]) index++
    if (index === needle.length) return at
  }
  return -1
}
