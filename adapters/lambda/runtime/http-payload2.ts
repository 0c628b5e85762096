import type { HttpEventKind } from '../../../core/compat/from-lambda/http-events.ts'
import { addHeader } from './incoming-headers.ts'
import {
  byteString,
  decodedPath,
  encodedPath,
  toHeaders,
  withoutStage,
  type HttpParts,
} from './http-parts.ts'

/**
 * The fields that are read of a Function URL's or an API Gateway HTTP API's event (payload format 2.0). The
 * full shapes are `LambdaFunctionURLEvent` and `APIGatewayProxyEventV2` of `aws-lambda`.
 */
export interface Payload2Event {
  readonly rawPath: string
  readonly rawQueryString?: string | undefined
  /**
   * Headers of a payload 2.0 event by lower-case name. AWS joins repeated headers with commas, except
   * cookies.
   */
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined
  readonly cookies?: readonly string[] | undefined
  readonly body?: string | undefined
  readonly isBase64Encoded?: boolean | undefined
  readonly requestContext: {
    readonly domainName?: string | undefined
    readonly stage?: string | undefined
    readonly http: { readonly method: string; readonly sourceIp?: string | undefined }
  }
}

/**
 * True if `event` is a payload 2.0 HTTP event. An HTTP API's authorizer event looks the same, except for its
 * `type`.
 */
function isPayload2Event(event: object): event is Payload2Event {
  const { rawPath, requestContext, type } = event as Partial<Payload2Event> & { type?: unknown }
  return typeof rawPath === 'string' && type === undefined && typeof requestContext?.http?.method === 'string'
}

/**
 * Returns the source of a payload 2.0 event. A Function URL has `.lambda-url.` in its domain name, which
 * cannot be customised; all others are API Gateway's.
 */
function sourceOf(event: Payload2Event): 'url' | 'v2' {
  return event.requestContext.domainName?.includes('.lambda-url.') ? 'url' : 'v2'
}

/**
 * Reads a payload 2.0 event; undefined for every other event. `localFront` is the kind that the local front
 * stands for: its domain names are not AWS's, so they do not tell the source.
 *
 * A Function URL keeps the path encoded; API Gateway decodes it once and puts a named stage before it
 * (honojs/hono#2156, aws-powertools/powertools-lambda-python#621).
 */
export function readPayload2(event: object, localFront?: HttpEventKind): HttpParts | undefined {
  if (!isPayload2Event(event)) return undefined
  const source = localFront === 'url' ? 'url' : sourceOf(event)
  const { requestContext, cookies } = event
  const headers = toHeaders(event.headers)
  if (cookies !== undefined && cookies.length > 0)
    addHeader(headers, 'cookie', byteString(cookies.join('; ')), true)
  return {
    source,
    method: requestContext.http.method,
    sourceIp: requestContext.http.sourceIp,
    host: requestContext.domainName,
    protocol: 'https',
    path:
      source === 'v2' ? decodedPath(withoutStage(event.rawPath, requestContext)) : encodedPath(event.rawPath),
    query: event.rawQueryString ?? '',
    headers,
    body: event.body,
    isBase64Encoded: event.isBase64Encoded,
  }
}
