import type { HttpEventKind } from './http-events.ts'
import { fromBase64 } from './text.ts'

type HeaderValue = string | number | boolean

/** Answer of a Lambda function to an HTTP event; each AWS front end reads its own fields. */
export interface HttpResult {
  readonly statusCode?: number
  readonly headers?: Readonly<Record<string, HeaderValue | readonly HeaderValue[] | undefined>> | null
  readonly multiValueHeaders?: Readonly<Record<string, readonly HeaderValue[]>> | null
  readonly cookies?: readonly string[]
  readonly body?: string | null
  readonly isBase64Encoded?: boolean
}

/**
 * True if a Lambda function's answer has the proxy form (`statusCode`). Payload 2.0 takes any other JSON as
 * the body of a 200.
 */
export function isHttpResult(answer: unknown): answer is HttpResult {
  return (
    typeof answer === 'object' && answer !== null && typeof (answer as HttpResult).statusCode === 'number'
  )
}

/**
 * Returns the headers of a Lambda function's answer by lower-case name, as the front end `source` reads them.
 * Load balancers read only one of the two header fields; the list of cookies counts for payload 2.0 only.
 */
export function resultHeaders(result: HttpResult, source: HttpEventKind): Map<string, string[]> {
  const headers = new Map<string, string[]>()
  if (source !== 'alb-multi') {
    for (const [name, value] of Object.entries(result.headers ?? {})) {
      if (value !== undefined) headers.set(name.toLowerCase(), [value].flat().map(String))
    }
  }
  if (source === 'alb-multi' || source === 'v1') {
    for (const [name, values] of Object.entries(result.multiValueHeaders ?? {}))
      headers.set(name.toLowerCase(), values.map(String))
  }
  if ((source === 'url' || source === 'v2') && result.cookies !== undefined && result.cookies.length > 0)
    headers.set('set-cookie', result.cookies.map(String))
  return headers
}

const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304])

/**
 * Creates a Response from a Lambda function's answer. @throws TypeError or RangeError for a status or header
 * that HTTP does not allow.
 */
export function toResponse(result: HttpResult, source: HttpEventKind, body: BodyInit | null): Response {
  const headers = new Headers()
  for (const [name, values] of resultHeaders(result, source))
    for (const value of values) headers.append(name, value)
  const status = result.statusCode ?? 200
  return new Response(NO_BODY.has(status) ? null : body, { status, headers })
}

/**
 * Creates the Response for a Lambda function's buffered answer. @throws for an answer that the front end
 * `source` would reject.
 */
export function bufferedResponse(answer: unknown, source: HttpEventKind): Response {
  if (!isHttpResult(answer)) {
    if (source !== 'url' && source !== 'v2') throw new TypeError('The answer has no statusCode.')
    return new Response(JSON.stringify(answer ?? null), { headers: { 'content-type': 'application/json' } })
  }
  const { body = '', isBase64Encoded = false } = answer
  if (typeof body !== 'string' && body !== null)
    throw new TypeError(`The answer's body is ${typeof body}, not a string. Write JSON.stringify(body).`)
  // The body of a Lambda function's answer is passed as bytes: a string would add a content type that the
  // handler did not set.
  return toResponse(
    answer,
    source,
    isBase64Encoded ? fromBase64(body ?? '') : new TextEncoder().encode(body ?? ''),
  )
}

/** HTTP status that AWS returns for a failed Lambda function, by front end. */
export const FAILED: Readonly<Record<HttpEventKind, number>> = {
  url: 502,
  v2: 500,
  v1: 502,
  alb: 502,
  'alb-multi': 502,
  lattice: 500,
}
