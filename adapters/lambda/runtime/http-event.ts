import { UnmoorError } from '../../../core/errors.ts'

/**
 * What is read of a Function URL's or an API Gateway HTTP API's event (payload format 2.0).
 * The full shapes are `LambdaFunctionURLEvent` and `APIGatewayProxyEventV2` of `aws-lambda`.
 */
export interface HttpEvent {
  readonly rawPath: string
  readonly rawQueryString?: string | undefined
  /** Lower-case names; repeated headers are joined with commas by AWS, except cookies. */
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined
  readonly cookies?: readonly string[] | undefined
  readonly body?: string | undefined
  readonly isBase64Encoded?: boolean | undefined
  readonly requestContext: {
    readonly domainName?: string | undefined
    readonly stage?: string | undefined
    readonly http: { readonly method: string }
  }
}

/** Whether `event` is a payload 2.0 HTTP event. */
export function isHttpEvent(event: unknown): event is HttpEvent {
  if (typeof event !== 'object' || event === null) return false
  const { rawPath, requestContext } = event as Partial<HttpEvent>
  return typeof rawPath === 'string' && typeof requestContext === 'object' && requestContext !== null && typeof requestContext.http?.method === 'string'
}

/** What made a payload 2.0 event: a Function URL, or an API Gateway HTTP API. */
export type HttpSource = 'url' | 'v2'

/** A Function URL has `.lambda-url.` in its domain name, which cannot be customised; every other payload 2.0 event is API Gateway's. */
export function httpSource(event: HttpEvent): HttpSource {
  return event.requestContext.domainName?.includes('.lambda-url.') ? 'url' : 'v2'
}

/** How {@link toRequest} reads an event. */
export interface ToRequestOptions {
  /** Default: `https`, all that AWS serves. The local front serves `http`. */
  protocol?: 'http' | 'https' | undefined
  /** Default: {@link httpSource}. */
  source?: HttpSource | undefined
  signal?: AbortSignal | undefined
}

/**
 * The request that an event stands for. Host and protocol come from what AWS says of itself (`requestContext`), never from headers that a client can forge.
 *
 * @throws `InvalidArgument` for an event that makes no request, naming what is wrong.
 */
export function toRequest(event: HttpEvent, options: ToRequestOptions = {}): Request {
  const { domainName, http } = event.requestContext
  const headers = requestHeaders(event)
  const host = domainName ?? headers.get('host')
  if (host === null)
    throw new UnmoorError('InvalidArgument', 'The HTTP event has neither requestContext.domainName nor a host header.', { operation: 'lambda' })
  const path = (options.source ?? httpSource(event)) === 'v2' ? apiGatewayPath(event) : event.rawPath
  const query = event.rawQueryString ? `?${event.rawQueryString.replaceAll('#', '%23')}` : ''
  const url = `${options.protocol ?? 'https'}://${host}${path.startsWith('/') ? '' : '/'}${path.includes('?') || path.includes('#') ? encodeDelimiters(path) : path}${query}`
  const hasBody = event.body !== undefined && http.method !== 'GET' && http.method !== 'HEAD'
  try {
    return new Request(url, {
      method: http.method,
      headers,
      body: hasBody ? requestBody(event) : null,
      signal: options.signal ?? null,
      redirect: 'manual',
    })
  } catch (error) {
    throw new UnmoorError(
      'InvalidArgument',
      `The HTTP event makes no request: ${http.method} ${url}: ${error instanceof Error ? error.message : String(error)}`,
      {
        operation: 'lambda',
        cause: error,
      },
    )
  }
}

function encodeDelimiters(path: string): string {
  return path.replaceAll('?', '%3F').replaceAll('#', '%23')
}

/**
 * API Gateway decodes `rawPath` once and puts a named stage before it (honojs/hono#2156, powertools-lambda-python#621). So every `%` in it is a literal one,
 * and `?` and `#` belong to the path. A custom domain has no stage in the path, which may start with the same word by chance.
 */
function apiGatewayPath(event: HttpEvent): string {
  let path = event.rawPath
  const { stage, domainName } = event.requestContext
  if (stage !== undefined && stage !== '$default' && domainName?.includes('.execute-api.') && (path === `/${stage}` || path.startsWith(`/${stage}/`))) {
    path = path.slice(stage.length + 1)
  }
  return PLAIN_PATH.test(path) ? path : path.replace(ILLEGAL_IN_PATH, encodeURIComponentSafely)
}

const PLAIN_PATH = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/]*$/
// Not pchar of RFC 3986 section 3.3 and not "/".
const ILLEGAL_IN_PATH = /[^A-Za-z0-9\-._~!$&'()*+,;=:@/]+/gu

function encodeURIComponentSafely(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}

function requestHeaders(event: HttpEvent): Headers {
  const headers = new Headers()
  const { cookies } = event
  for (const [name, value] of Object.entries(event.headers ?? {})) {
    if (value === undefined || value === null) continue
    try {
      headers.append(name, byteString(value))
    } catch {
      throw new UnmoorError('InvalidArgument', `The HTTP event has a header that HTTP does not allow: ${JSON.stringify(name)}.`, { operation: 'lambda' })
    }
  }
  if (cookies !== undefined && cookies.length > 0) headers.set('cookie', byteString(cookies.join('; ')))
  return headers
}

/** Header values are bytes; JSON has characters. Those beyond one byte are given as their UTF-8 bytes, as they were on the wire. */
function byteString(value: string): string {
  // oxlint-disable-next-line no-control-regex -- the range of one byte
  return /^[\u0000-\u00ff]*$/.test(value) ? value : Buffer.from(value, 'utf8').toString('latin1')
}

/** Always bytes: a string body would add a content type that the client did not send. */
function requestBody(event: HttpEvent): Uint8Array<ArrayBuffer> {
  return Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8')
}
