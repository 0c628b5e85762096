import {
  beforePeer,
  type ClientInfo,
  clientInfo,
  createTrust,
  type TrustProxy,
} from '../../../core/client.ts'
import type { ClientSource } from '../../../core/context.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { usableId } from '../../../core/request-id.ts'
import type { HttpEventKind } from '../../../core/compat/from-lambda/http-events.ts'
import { EventRequest } from './event-request.ts'
import { readLattice } from './http-lattice.ts'
import type { HttpParts } from './http-parts.ts'
import { readAlb, readRest } from './http-payload1.ts'
import { readPayload2 } from './http-payload2.ts'

/** A parsed HTTP event of Lambda. */
export interface HttpCall {
  readonly source: HttpEventKind
  readonly method: string
  /** Percent-encoded path of the HTTP event without the stage and the query, for log lines. */
  readonly path: string
  readonly client: ClientSource
  /** The Request of the HTTP event; undefined for methods that the fetch standard does not allow. */
  readonly request: Request | undefined
}

/** Options of {@link readHttpEvent}. */
export interface HttpEventOptions {
  /**
   * Kind of the local Lambda front, if there is one: its events have no domain of AWS and their protocol is
   * `http`.
   */
  localFront?: HttpEventKind | undefined
  /** Signal of the HTTP event's request. Default: a signal that never aborts. */
  signal?: AbortSignal | undefined
  /** Proxies in front of AWS's own front whose `x-forwarded-for` is trusted. Default: none. */
  trustProxy?: TrustProxy | undefined
}

/**
 * Parses an HTTP event of Lambda; undefined for every other event. Host and protocol come from AWS's own
 * statement (`requestContext`) if there is one, never from headers that a client can forge.
 *
 * @throws `InvalidArgument` for an HTTP event that cannot become a request, naming what is wrong.
 */
export function readHttpEvent(event: unknown, options: HttpEventOptions = {}): HttpCall | undefined {
  if (typeof event !== 'object' || event === null) return undefined
  const { requestContext } = event as { requestContext?: unknown }
  if (typeof requestContext !== 'object' || requestContext === null) return undefined
  const parts =
    readPayload2(event, options.localFront) ?? readAlb(event) ?? readLattice(event) ?? readRest(event)
  return parts === undefined ? undefined : toHttpCall(parts, options)
}

/** Builds the call of an HTTP event from its parts. @throws as {@link readHttpEvent}. */
export function toHttpCall(parts: HttpParts, options: HttpEventOptions): HttpCall {
  const { source, method, path } = parts
  return {
    source,
    method,
    path,
    client: new EventClient(parts, options.trustProxy),
    request: FORBIDDEN_METHODS.has(method) ? undefined : toRequest(parts, options),
  }
}

/**
 * The client of a Lambda request, from AWS's front: in the event or as the last entry of `x-forwarded-for`.
 */
class EventClient implements ClientSource {
  #parts: HttpParts
  #trusted: TrustProxy | undefined

  constructor(parts: HttpParts, trusted: TrustProxy | undefined) {
    this.#parts = parts
    this.#trusted = trusted
  }

  get client(): ClientInfo {
    const { headers, sourceIp } = this.#parts
    const { list, peer } = beforePeer(headers.get('x-forwarded-for'), sourceIp)
    return clientInfo(createTrust(this.#trusted)?.clientOf(peer, list) ?? peer)
  }

  get requestId(): string | undefined {
    const { headers, sourceIp } = this.#parts
    const { peer } = beforePeer(headers.get('x-forwarded-for'), sourceIp)
    if (createTrust(this.#trusted)?.trusts(peer) !== true) return undefined
    return usableId(headers.get('x-request-id'))
  }
}

// Methods that the fetch standard forbids in requests.
const FORBIDDEN_METHODS: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'TRACK'])

/**
 * Returns an HTTP event's body. An event has the same field for a body of 0 bytes and for none (a load
 * balancer `""`, the others no field), so that only the header tells them apart.
 */
function bodyBytes({ body, isBase64Encoded, headers }: HttpParts): Buffer<ArrayBuffer> | null {
  if (typeof body === 'string' && body !== '') return Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8')
  return headers.has('content-length') ? Buffer.alloc(0) : null
}

function toRequest(parts: HttpParts, { localFront, signal }: HttpEventOptions): Request {
  const { method, headers, path, query } = parts
  const host = parts.host ?? headers.get('host')
  if (host === null)
    throw new UnmoorError(
      'InvalidArgument',
      'The HTTP event has neither requestContext.domainName nor a host header.',
      { operation: 'lambda' },
    )
  const protocol = localFront === undefined ? parts.protocol : 'http'
  const search = query === '' ? '' : `?${query.includes('#') ? query.replaceAll('#', '%23') : query}`
  const text = `${protocol}://${host}${path.startsWith('/') ? path : `/${path}`}${search}`
  const url = URL.parse(text)
  // A host of an HTTP event ends before the path: a host header with more in it would change the path, or
  // name a user.
  if (url === null || url.username !== '' || url.password !== '' || NO_HOST.test(host))
    throw noRequest(method, text, `"${host}" is no host`)
  // The body of an event's request is always bytes, because a string would add a content type that the client
  // did not send. The fetch standard allows no body for a GET.
  const bytes = method === 'GET' || method === 'HEAD' ? null : bodyBytes(parts)
  const request = new EventRequest({
    method: toMethod(method, text),
    url: url.href,
    headers,
    body: bytes,
    signal,
  })
  // The cast is safe: the event's request behaves like a Request (event-request.ts), although it is of a
  // separate class.
  return request as unknown as Request
}

const NO_HOST = /[/?#@\\\s]/
const PLAIN_METHOD = /^[A-Z]+$/

/** Returns an HTTP method as the fetch standard writes it. */
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
  return new UnmoorError('InvalidArgument', `The HTTP event makes no request: ${method} ${url}: ${why}`, {
    operation: 'lambda',
    cause,
  })
}
