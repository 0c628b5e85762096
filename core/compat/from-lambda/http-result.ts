import type { HttpEventKind } from './http-events.ts'
import { fromBase64 } from './text.ts'

type HeaderValue = string | number | boolean

/** What a function may answer to an HTTP event; each source reads its own fields. */
export interface HttpResult {
  readonly statusCode?: number
  readonly headers?: Readonly<Record<string, HeaderValue | readonly HeaderValue[] | undefined>> | null
  readonly multiValueHeaders?: Readonly<Record<string, readonly HeaderValue[]>> | null
  readonly cookies?: readonly string[]
  readonly body?: string | null
  readonly isBase64Encoded?: boolean
}

/**
 * True if a function's answer is one of the proxy form. Payload 2.0 takes any other JSON for the body of a
 * 200.
 */
export function isHttpResult(answer: unknown): answer is HttpResult {
  return (
    typeof answer === 'object' && answer !== null && typeof (answer as HttpResult).statusCode === 'number'
  )
}

/**
 * Header values by lower-case name, as `source` reads them from an answer: load balancers read one kind only,
 * and cookies of their own are for payload 2.0.
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

/** Head of a Response. @throws TypeError or RangeError for a status or header that HTTP does not have. */
export function toResponse(result: HttpResult, source: HttpEventKind, body: BodyInit | null): Response {
  const headers = new Headers()
  for (const [name, values] of resultHeaders(result, source))
    for (const value of values) headers.append(name, value)
  const status = result.statusCode ?? 200
  return new Response(NO_BODY.has(status) ? null : body, { status, headers })
}

/** The Response of a buffered answer. @throws for an answer that `source` would not take. */
export function bufferedResponse(answer: unknown, source: HttpEventKind): Response {
  if (!isHttpResult(answer)) {
    if (source !== 'url' && source !== 'v2') throw new TypeError('The answer has no statusCode.')
    return new Response(JSON.stringify(answer ?? null), { headers: { 'content-type': 'application/json' } })
  }
  const { body = '', isBase64Encoded = false } = answer
  if (typeof body !== 'string' && body !== null)
    throw new TypeError(`The answer's body is ${typeof body}, not a string. Write JSON.stringify(body).`)
  // Bytes, since a string would add a content type that the handler did not set.
  return toResponse(
    answer,
    source,
    isBase64Encoded ? fromBase64(body ?? '') : new TextEncoder().encode(body ?? ''),
  )
}

/** What AWS answers for a function that fails, by source. */
export const FAILED: Readonly<Record<HttpEventKind, number>> = {
  url: 502,
  v2: 500,
  v1: 502,
  alb: 502,
  'alb-multi': 502,
  lattice: 500,
}
