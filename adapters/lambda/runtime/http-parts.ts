import { UnmoorError } from '../../../core/errors.ts'
import type { HttpEventKind } from '../../../core/compat/from-lambda/http-events.ts'
import { addHeader, createIncomingHeaders } from './incoming-headers.ts'

/** What every kind of HTTP event has, in the form that a request takes. */
export interface HttpParts {
  readonly source: HttpEventKind
  readonly method: string
  /** Host and port as AWS says them; undefined where only the host header does. */
  readonly host: string | undefined
  readonly protocol: 'http' | 'https'
  /** Percent-encoded. */
  readonly path: string
  /** Percent-encoded, without `?`. */
  readonly query: string
  readonly headers: Headers
  /** The address that sent it, as AWS says; undefined where only `x-forwarded-for` does. */
  readonly sourceIp: string | undefined
  readonly body: string | null | undefined
  readonly isBase64Encoded: boolean | undefined
}

/** Values by name; AWS gives one or several. */
export type EventHeaders = Readonly<Record<string, string | readonly string[] | null | undefined>>

/**
 * Repeated headers are appended, never set over each other. @throws `InvalidArgument` naming a header that
 * HTTP does not allow.
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
    // Most values are bytes already, and to look at each costs more.
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
 * Header values are bytes; JSON has characters. Characters beyond one byte are sent as their UTF-8 bytes, as
 * they were on the wire.
 */
export function byteString(value: string): string {
  return BYTES.test(value) ? value : Buffer.from(value, 'utf8').toString('latin1')
}

const ENCODED_PATH = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/%[\]|]*$/
// Not pchar of RFC 3986 section 3.3, not "/", and none of those that URLs leave as they are besides.
const ILLEGAL_IN_PATH = /[^A-Za-z0-9\-._~!$&'()*+,;=:@/%[\]|]+/gu

/**
 * A path that AWS kept encoded. Only what no encoded path has is escaped: a `?` or `#` in it would end it
 * (honojs/hono#2156), and a URL drops tabs and turns `\` around.
 */
export function encodedPath(path: string): string {
  return ENCODED_PATH.test(path) ? path : path.replace(ILLEGAL_IN_PATH, encode)
}

const DECODED_PATH = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/[\]|]*$/

/** A path that AWS decoded once: every `%` in it is a literal one. */
export function decodedPath(path: string): string {
  return DECODED_PATH.test(path) ? path : path.replaceAll('%', '%25').replace(ILLEGAL_IN_PATH, encode)
}

/** Percent-encodes text, lone surrogates as U+FFFD. */
export function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}

/**
 * The path without the stage that API Gateway puts before it on its own domains; a custom domain's may start
 * with the same word by chance.
 */
export function withoutStage(
  path: string,
  { stage, domainName }: { stage?: string | undefined; domainName?: string | undefined },
): string {
  if (stage === undefined || stage === '$default' || !domainName?.includes('.execute-api.')) return path
  return path === `/${stage}` || path.startsWith(`/${stage}/`) ? path.slice(stage.length + 1) : path
}
