import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { albEvent, latticeEvent, payload2Event, restEvent } from './front-shapes.ts'
import type { HttpSource } from './runtime/http-event.ts'

/** A request as AWS's front ends read it. */
export interface FrontRequest {
  readonly method: string
  /** As the client sent it. */
  readonly path: string
  /** Without `?`. */
  readonly query: string
  readonly httpVersion: string
  readonly host: string
  readonly sourceIp: string
  readonly userAgent: string
  /** Every value by lower-case name, without those of the connection. */
  readonly headers: Readonly<Record<string, readonly string[]>>
  readonly body: { readonly body?: string; readonly isBase64Encoded: boolean }
}

/** The event that `source` makes of a request. */
export function toEvent(request: IncomingMessage, body: Buffer, source: HttpSource): object {
  const read = readRequest(request, body)
  switch (source) {
    case 'url':
    case 'v2':
      return payload2Event(read, source)
    case 'v1':
      return restEvent(read)
    case 'alb':
    case 'alb-multi':
      return albEvent(read, source)
    case 'lattice':
      return latticeEvent(read)
  }
}

function readRequest(request: IncomingMessage, body: Buffer): FrontRequest {
  const sourceIp = request.socket.remoteAddress?.replace(/^::ffff:/, '') ?? '127.0.0.1'
  return {
    method: request.method ?? 'GET',
    ...splitTarget(request.url ?? '/'),
    httpVersion: request.httpVersion,
    host: request.headers.host ?? '',
    sourceIp,
    userAgent: request.headers['user-agent'] ?? '',
    headers: eventHeaders(request, sourceIp, body),
    body: eventBody(request, body),
  }
}

/** A request target is a path, or (to a proxy) a whole URL. */
function splitTarget(target: string): { path: string; query: string } {
  const local = target.startsWith('/') || !URL.canParse(target) ? target : target.slice(new URL(target).origin.length) || '/'
  const at = local.indexOf('?')
  return at < 0 ? { path: local, query: '' } : { path: local.slice(0, at), query: local.slice(at + 1) }
}

// They belong to the connection between client and front; AWS's functions never see them.
const HOP_BY_HOP: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect'])

function eventHeaders(request: IncomingMessage, sourceIp: string, body: Buffer): Record<string, readonly string[]> {
  const headers: Record<string, readonly string[]> = {}
  for (const [name, values] of Object.entries(request.headersDistinct)) {
    if (values !== undefined && !HOP_BY_HOP.has(name)) headers[name] = values
  }
  if (request.headers['transfer-encoding'] !== undefined) headers['content-length'] = [String(body.byteLength)]
  // AWS appends to what the client claims, and sets the other two itself.
  headers['x-forwarded-for'] = [[...(headers['x-forwarded-for'] ?? []), sourceIp].join(', ')]
  headers['x-forwarded-proto'] = ['http']
  headers['x-forwarded-port'] = [String(request.socket.localPort ?? 80)]
  return headers
}

const TEXT_TYPE = /^(?:text\/|application\/(?:json|javascript|xml)|[^;]*\+(?:json|xml))/i

/** Text as it is where its type says so and it really is UTF-8; all else in base64, which counts against the limit. */
function eventBody(request: IncomingMessage, body: Buffer): FrontRequest['body'] {
  if (body.byteLength === 0) return { isBase64Encoded: false }
  const text = request.headers['content-encoding'] === undefined && TEXT_TYPE.test(request.headers['content-type'] ?? '') && isUtf8(body)
  return text ? { body: body.toString('utf8'), isBase64Encoded: false } : { body: body.toString('base64'), isBase64Encoded: true }
}
