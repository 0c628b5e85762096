import { byteString, decodedPath, encodedPath, toHeaders, withoutStage, type HttpParts } from './http-parts.ts'

/**
 * What is read of a Function URL's or an API Gateway HTTP API's event (payload format 2.0).
 * The full shapes are `LambdaFunctionURLEvent` and `APIGatewayProxyEventV2` of `aws-lambda`.
 */
export interface Payload2Event {
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

/** Whether `event` is a payload 2.0 HTTP event. An HTTP API's authorizer event looks the same, but for its `type`. */
export function isPayload2Event(event: object): event is Payload2Event {
  const { rawPath, requestContext, type } = event as Partial<Payload2Event> & { type?: unknown }
  return typeof rawPath === 'string' && type === undefined && typeof requestContext?.http?.method === 'string'
}

/** A Function URL has `.lambda-url.` in its domain name, which cannot be customised; every other payload 2.0 event is API Gateway's. */
export function payload2Source(event: Payload2Event): 'url' | 'v2' {
  return event.requestContext.domainName?.includes('.lambda-url.') ? 'url' : 'v2'
}

/**
 * A Function URL keeps the path encoded; API Gateway decodes it once and puts a named stage before it (honojs/hono#2156,
 * aws-powertools/powertools-lambda-python#621).
 */
export function readPayload2(event: Payload2Event, apiGateway: boolean): HttpParts {
  const { requestContext, cookies } = event
  const headers = toHeaders(event.headers)
  if (cookies !== undefined && cookies.length > 0) headers.set('cookie', byteString(cookies.join('; ')))
  return {
    method: requestContext.http.method,
    host: requestContext.domainName,
    protocol: 'https',
    path: apiGateway ? decodedPath(withoutStage(event.rawPath, requestContext)) : encodedPath(event.rawPath),
    query: event.rawQueryString ?? '',
    headers,
    body: event.body,
    isBase64Encoded: event.isBase64Encoded,
  }
}
