import type { IncomingMessage } from 'node:http'
import {
  type FrontRequest,
  HOP_BY_HOP,
  type HttpEventKind,
  toEventBody,
  toHttpEvent,
} from '../../../core/compat/from-lambda/http-events.ts'

/** Converts an HTTP request to the Lambda event that the front `source` would send. */
export function toEvent(request: IncomingMessage, body: Buffer, source: HttpEventKind): object {
  return toHttpEvent(readRequest(request, body), source)
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
    body: toEventBody(body, request.headers['content-type'], request.headers['content-encoding']),
  }
}

/** Splits an HTTP request target, which is a path or (to a proxy) a whole URL. A fragment is dropped. */
function splitTarget(target: string): { path: string; query: string } {
  const whole = target.split('#', 1)[0] as string
  const local = whole.startsWith('/') ? whole : whole.replace(/^https?:\/\/[^/?]*/i, '')
  if (!local.startsWith('/')) return splitTarget(`/${local}`)
  const at = local.indexOf('?')
  return at < 0 ? { path: local, query: '' } : { path: local.slice(0, at), query: local.slice(at + 1) }
}

function eventHeaders(
  request: IncomingMessage,
  sourceIp: string,
  body: Buffer,
): Record<string, readonly string[]> {
  // The object of an event's headers has no prototype, because a header may be named __proto__.
  const headers = Object.create(null) as Record<string, readonly string[]>
  for (const [name, values] of Object.entries(request.headersDistinct)) {
    if (values !== undefined && !HOP_BY_HOP.has(name)) headers[name] = values
  }
  if (request.headers['transfer-encoding'] !== undefined)
    headers['content-length'] = [String(body.byteLength)]
  // AWS appends to the client's x-forwarded-for, and sets x-forwarded-proto and x-forwarded-port itself.
  headers['x-forwarded-for'] = [[...(headers['x-forwarded-for'] ?? []), sourceIp].join(', ')]
  headers['x-forwarded-proto'] = ['http']
  headers['x-forwarded-port'] = [String(request.socket.localPort ?? 80)]
  return headers
}
