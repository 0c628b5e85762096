import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { HttpSource } from './runtime/http-event.ts'

/** The event that AWS makes of a request: payload 2.0, of a Function URL (`url`) or an HTTP API (`v2`). */
export function toEvent(request: IncomingMessage, body: Buffer, source: HttpSource): object {
  const { path, query } = splitTarget(request.url ?? '/')
  const host = request.headers.host ?? ''
  const sourceIp = request.socket.remoteAddress?.replace(/^::ffff:/, '') ?? '127.0.0.1'
  const { headers, cookies } = eventHeaders(request, sourceIp, body)
  const rawPath = source === 'v2' ? decodePath(path) : path
  const now = Date.now()
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString: query,
    ...(cookies.length > 0 ? { cookies } : {}),
    headers,
    ...(query === '' ? {} : { queryStringParameters: queryParameters(query) }),
    requestContext: {
      accountId: source === 'url' ? 'anonymous' : '000000000000',
      apiId: 'local',
      domainName: host,
      domainPrefix: host.split('.')[0],
      http: { method: request.method, path: rawPath, protocol: `HTTP/${request.httpVersion}`, sourceIp, userAgent: request.headers['user-agent'] ?? '' },
      requestId: crypto.randomUUID(),
      routeKey: '$default',
      stage: '$default',
      time: new Date(now).toISOString(),
      timeEpoch: now,
    },
    ...eventBody(request, body),
  }
}

/** A request target is a path, or (to a proxy) a whole URL. */
function splitTarget(target: string): { path: string; query: string } {
  const local = target.startsWith('/') || !URL.canParse(target) ? target : target.slice(new URL(target).origin.length) || '/'
  const at = local.indexOf('?')
  return at < 0 ? { path: local, query: '' } : { path: local.slice(0, at), query: local.slice(at + 1) }
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

// They belong to the connection between client and front; AWS's functions never see them.
const HOP_BY_HOP: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect'])

function eventHeaders(request: IncomingMessage, sourceIp: string, body: Buffer): { headers: Record<string, string>; cookies: string[] } {
  const headers: Record<string, string> = {}
  const cookies: string[] = []
  for (const [name, values] of Object.entries(request.headersDistinct)) {
    if (values === undefined || HOP_BY_HOP.has(name)) continue
    if (name === 'cookie') cookies.push(...values.flatMap((value) => value.split(/;\s*/)).filter(Boolean))
    else headers[name] = values.join(',')
  }
  if (request.headers['transfer-encoding'] !== undefined) headers['content-length'] = String(body.byteLength)
  // AWS appends to what the client claims, and sets the other two itself.
  headers['x-forwarded-for'] = headers['x-forwarded-for'] === undefined ? sourceIp : `${headers['x-forwarded-for']}, ${sourceIp}`
  headers['x-forwarded-proto'] = 'http'
  headers['x-forwarded-port'] = String(request.socket.localPort ?? 80)
  return { headers, cookies }
}

function queryParameters(query: string): Record<string, string> {
  const parameters: Record<string, string> = {}
  for (const [name, value] of new URLSearchParams(query)) parameters[name] = Object.hasOwn(parameters, name) ? `${parameters[name]},${value}` : value
  return parameters
}

const TEXT_TYPE = /^(?:text\/|application\/(?:json|javascript|xml)|[^;]*\+(?:json|xml))/i

/** Text as it is where its type says so and it really is UTF-8; all else in base64, which counts against the limit. */
function eventBody(request: IncomingMessage, body: Buffer): { body?: string; isBase64Encoded: boolean } {
  if (body.byteLength === 0) return { isBase64Encoded: false }
  const text = request.headers['content-encoding'] === undefined && TEXT_TYPE.test(request.headers['content-type'] ?? '') && isUtf8(body)
  return text ? { body: body.toString('utf8'), isBase64Encoded: false } : { body: body.toString('base64'), isBase64Encoded: true }
}
