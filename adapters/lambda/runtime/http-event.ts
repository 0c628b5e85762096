import { UnmoorError } from '../../../core/errors.ts'
import { isAlbEvent, isRestEvent, readAlb, readRest, type AlbEvent, type RestEvent } from './http-payload1.ts'
import { isPayload2Event, payload2Source, readPayload2, type Payload2Event } from './http-payload2.ts'
import { isLatticeEvent, readLattice, type LatticeEvent } from './http-lattice.ts'
import { EventRequest } from './event-request.ts'
import type { HttpParts } from './http-parts.ts'

/** An event that stands for an HTTP request. */
export type HttpEvent = Payload2Event | RestEvent | AlbEvent | LatticeEvent

/**
 * What made an HTTP event, and so the form of its answer: a Function URL, an API Gateway HTTP API (payload 2.0, `v2`) or REST API (payload 1.0, `v1`), an
 * Application Load Balancer without and with multi-value headers, a VPC Lattice service (event structure 2.0).
 */
export type HttpSource = 'url' | 'v2' | 'v1' | 'alb' | 'alb-multi' | 'lattice'
export const HTTP_SOURCES = ['url', 'v2', 'v1', 'alb', 'alb-multi', 'lattice'] as const satisfies readonly HttpSource[]

/** What made `event`; undefined where it is no HTTP event. */
export function httpSource(event: unknown): HttpSource | undefined {
  if (typeof event !== 'object' || event === null) return undefined
  const { requestContext } = event as { requestContext?: unknown }
  if (typeof requestContext !== 'object' || requestContext === null) return undefined
  if (isPayload2Event(event)) return payload2Source(event)
  if (isAlbEvent(event)) return event.multiValueHeaders ? 'alb-multi' : 'alb'
  if (isLatticeEvent(event)) return 'lattice'
  return isRestEvent(event) ? 'v1' : undefined
}

/** How {@link toRequest} reads an event. */
export interface ToRequestOptions {
  /** Default: what the source serves. The local front serves `http`. */
  protocol?: 'http' | 'https' | undefined
  /** Default: {@link httpSource}. */
  source?: HttpSource | undefined
  signal?: AbortSignal | undefined
}

/**
 * The request that an event stands for. Host and protocol come from what AWS says of itself (`requestContext`) where it does, never from headers that a client can forge.
 *
 * @throws `InvalidArgument` for an event that makes no request, naming what is wrong.
 */
export function toRequest(event: HttpEvent, options: ToRequestOptions = {}): Request {
  const parts = readEvent(event, options.source ?? httpSource(event))
  const { method, headers, body } = parts
  const host = parts.host ?? headers.get('host')
  if (host === null)
    throw new UnmoorError('InvalidArgument', 'The HTTP event has neither requestContext.domainName nor a host header.', { operation: 'lambda' })
  const { path, query } = parts
  const text = `${options.protocol ?? parts.protocol}://${host}${path.startsWith('/') ? path : `/${path}`}${query === '' ? '' : `?${query.includes('#') ? query.replaceAll('#', '%23') : query}`}`
  const url = URL.parse(text)
  // What is in a host ends before the path: a host header with more in it would change the path, or name a user.
  if (url === null || url.username !== '' || url.password !== '' || NO_HOST.test(host)) throw noRequest(method, text, `"${host}" is no host`)
  // Always bytes: a string would add a content type that the client did not send. The fetch standard gives a GET no body.
  const bytes = typeof body !== 'string' || method === 'GET' || method === 'HEAD' ? null : Buffer.from(body, parts.isBase64Encoded ? 'base64' : 'utf8')
  const request = new EventRequest({ method: toMethod(method, text), url: url.href, headers, body: bytes, signal: options.signal })
  // A Request in all that can be seen (event-request.ts), which a class of one's own cannot be for the type checker.
  return request as unknown as Request
}

const NO_HOST = /[/?#@\\\s]/
const PLAIN_METHOD = /^[A-Z]+$/

/** As the fetch standard writes it. */
function toMethod(method: string, url: string): string {
  if (PLAIN_METHOD.test(method)) return method
  try {
    return new Request('http://localhost/', { method }).method
  } catch (error) {
    throw noRequest(method, url, error)
  }
}

function noRequest(method: string, url: string, cause: unknown): UnmoorError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new UnmoorError('InvalidArgument', `The HTTP event makes no request: ${method} ${url}: ${why}`, { operation: 'lambda', cause })
}

/** `source` decides, as the local front's domain names are none of AWS's; the event has that source's form. */
function readEvent(event: HttpEvent, source: HttpSource | undefined): HttpParts {
  if (source === 'alb' || source === 'alb-multi') return readAlb(event as AlbEvent)
  if (source === 'lattice') return readLattice(event as LatticeEvent)
  return source === 'v1' ? readRest(event as RestEvent) : readPayload2(event as Payload2Event, source === 'v2')
}

/** Method and path for log lines. */
export function describeRequest(event: HttpEvent): { method: string; path: string } {
  if ('rawPath' in event) return { method: event.requestContext.http.method, path: event.rawPath }
  return { method: 'method' in event ? event.method : event.httpMethod, path: event.path }
}
