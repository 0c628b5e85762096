import type { ServerResponse } from 'node:http'
import { CONNECTION_FIELDS, plainLength } from './message-fields.ts'
import { type ResponseParts, takeResponse } from './response.ts'
import { writeStream } from './stream-writer.ts'

/**
 * Writes an app's Response. A body in memory is written before it returns; for a stream it returns a promise.
 *
 * @throws (or rejects with) the fault of the response: a body that was read already, a header that HTTP/1.1
 * cannot carry, a stream that fails.
 */
export function respond(
  outgoing: ServerResponse,
  response: Response,
  isHead: boolean,
): Promise<void> | undefined {
  return writeParts(outgoing, takeResponse(response), isHead)
}

/** Writes the parts of a Response. `parts.list` must be ASCII, with names in lower case. */
export function writeParts(
  outgoing: ServerResponse,
  parts: ResponseParts,
  isHead: boolean,
): Promise<void> | undefined {
  const { status, body } = parts
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new TypeError(`A Response with status ${status} cannot be sent.`)
  const head = headFields(parts)
  const noBody = status === 204 || status === 304
  if (body === null || noBody) {
    if (body instanceof ReadableStream) cancel(body)
    // No content-length is added to an answer to HEAD, as that of the GET is unknown here, nor for 204, which
    // must have none (RFC 9110, section 8.6). The length of a 304 describes the unconditional answer.
    if (!isHead && !noBody) head.fields.push('content-length', '0')
    else if (head.length !== undefined && status !== 204) head.fields.push('content-length', head.length)
    writeHead(outgoing, parts, head.fields)
    outgoing.end()
    return undefined
  }
  if (body instanceof ReadableStream) {
    if (isHead) {
      cancel(body)
      if (head.length !== undefined) head.fields.push('content-length', head.length)
      writeHead(outgoing, parts, head.fields)
      outgoing.end()
      return undefined
    }
    return writeStream(outgoing, body, {
      declaredLength: head.length === undefined ? undefined : Number(head.length),
      writeHead(length) {
        if (length !== undefined) head.fields.push('content-length', String(length))
        writeHead(outgoing, parts, head.fields)
      },
    })
  }
  // The real byte length of a response's body overrides a content-length set by the app: a wrong one would
  // break the framing.
  head.fields.push(
    'content-length',
    String(typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength),
  )
  writeHead(outgoing, parts, head.fields)
  // node:http writes head and text as one UTF-8 string, which is correct only for an ASCII head; otherwise
  // the text is passed as a Buffer. (Latin-1 would cost 3% more for ASCII text.)
  outgoing.end(typeof body === 'string' && parts.list === undefined ? Buffer.from(body) : body)
  return undefined
}

function writeHead(outgoing: ServerResponse, { status, statusText }: ResponseParts, fields: string[]): void {
  if (status === 426 && !outgoing.shouldKeepAlive) {
    // node:http keeps a connection open that it would close, if a Connection header has no `close`.
    const at = fields.indexOf('connection')
    if (at >= 0) fields[at + 1] = 'upgrade, close'
  }
  if (statusText === '') outgoing.writeHead(status, fields)
  else outgoing.writeHead(status, statusText, fields)
}

/**
 * Returns a response's header fields to write and the content-length: the known size, else the app's value if
 * it is a number.
 */
function headFields({ status, list, headers, size }: ResponseParts): {
  fields: string[]
  length: string | undefined
} {
  const fields: string[] = []
  let length: string | undefined
  const flat = list ?? (headers === undefined ? [] : [...headers].flat())
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index] as string
    const value = flat[index + 1] as string
    if (name === 'content-length') length = value
    else if (!CONNECTION_FIELDS.has(name)) fields.push(name, value)
    // A 426 keeps its Upgrade header, which names the protocol to ask for (RFC 9110, section 15.5.22).
    else if (status === 426 && name === 'upgrade') fields.push(name, value, 'connection', 'upgrade')
  }
  return { fields, length: size === undefined ? plainLength(length) : String(size) }
}

function cancel(body: ReadableStream): void {
  body.cancel().catch(() => {})
}
