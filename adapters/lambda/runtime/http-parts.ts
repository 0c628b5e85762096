import { UnmoorError } from '../../../core/errors.ts'
import type { HttpEventKind } from '../../../core/compat/from-lambda/http-events.ts'
import { addHeader, createIncomingHeaders } from './incoming-headers.ts'

/** The parts that every kind of HTTP event of Lambda has, in the form that a request needs. */
export interface HttpParts {
  readonly source: HttpEventKind
  readonly method: string
  /** Host and port of the HTTP event from AWS; undefined if only the host header has them. */
  readonly host: string | undefined
  readonly protocol: 'http' | 'https'
  /** Percent-encoded path of the HTTP event. */
  readonly path: string
  /** Percent-encoded query of the HTTP event, without `?`. */
  readonly query: string
  readonly headers: Headers
  /** Client address from AWS's front; undefined if only `x-forwarded-for` has it. */
  readonly sourceIp: string | undefined
  readonly body: string | null | undefined
  readonly isBase64Encoded: boolean | undefined
}

/** Header values of a Lambda event by name; AWS passes one value or several. */
export type EventHeaders = Readonly<Record<string, string | readonly string[] | null | undefined>>

/**
 * Converts an HTTP event's headers. Repeated headers are appended, never replaced. @throws `InvalidArgument`
 * that names a header which HTTP does not allow.
 */
export function toHeaders(values: EventHeaders | null | undefined): Headers {
  const headers = createIncomingHeaders()
  for (const name in values) {
    const value = values[name]
    if (value === undefined || value === null) continue
    if (typeof value === 'string') append(headers, name, value)
    else for (const one of value) append(headers, name, one)
  }
  return headers
}

function append(headers: Headers, name: string, value: string): void {
  try {
    addHeader(headers, name, value)
  } catch {
    // Most header values are valid already, and checking each one first would cost more.
    try {
      addHeader(headers, name, byteString(value))
    } catch {
      throw new UnmoorError(
        'InvalidArgument',
        `The HTTP event has a header that HTTP does not allow: ${JSON.stringify(name)}.`,
        { operation: 'lambda' },
      )
    }
  }
}

// oxlint-disable-next-line no-control-regex -- the range of one byte
const BYTES = /^[\u0000-\u00ff]*$/

/**
 * Converts a header value from JSON's characters to bytes. Characters beyond one byte become their UTF-8
 * bytes, as they were on the wire.
 */
export function byteString(value: string): string {
  return BYTES.test(value) ? value : Buffer.from(value, 'utf8').toString('latin1')
}

const ENCODED_PATH = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/%[\]|]*$/
// Characters to percent-encode in a URL path: all but RFC 3986's pchar (section 3.3), "/", and the characters
// `[`, `]` and `|`, which URLs leave unchanged.
const ILLEGAL_IN_PATH = /[^A-Za-z0-9\-._~!$&'()*+,;=:@/%[\]|]+/gu

/**
 * Returns a URL path that AWS kept encoded. Only illegal characters are escaped: a `?` or `#` would end the
 * path (honojs/hono#2156), and a URL drops tabs and converts `\`.
 */
export function encodedPath(path: string): string {
  return ENCODED_PATH.test(path) ? path : path.replace(ILLEGAL_IN_PATH, encode)
}

const DECODED_PATH = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/[\]|]*$/

/** Encodes a URL path that AWS decoded once: every `%` in it is a literal one. */
export function decodedPath(path: string): string {
  return DECODED_PATH.test(path) ? path : path.replaceAll('%', '%25').replace(ILLEGAL_IN_PATH, encode)
}

/** Percent-encodes text of an event's path or query; lone surrogates become U+FFFD. */
export function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}

/**
 * Removes the stage that API Gateway puts before the path on its own domains. The path of a custom domain has
 * no stage, but may start with the same word by chance.
 */
export function withoutStage(
  path: string,
  { stage, domainName }: { stage?: string | undefined; domainName?: string | undefined },
): string {
  if (stage === undefined || stage === '$default' || !domainName?.includes('.execute-api.')) return path
  return path === `/${stage}` || path.startsWith(`/${stage}/`) ? path.slice(stage.length + 1) : path
}
