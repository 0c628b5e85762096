import {
  encode,
  encodedPath,
  toHeaders,
  withoutStage,
  type EventHeaders,
  type HttpParts,
} from './http-parts.ts'

type Values = Readonly<Record<string, string | undefined>>
type MultiValues = Readonly<Record<string, readonly string[] | undefined>>

/** Fields that Lambda events of REST APIs and of load balancers have in common. */
interface Payload1 {
  readonly httpMethod: string
  readonly path: string
  readonly headers?: Values | null | undefined
  readonly multiValueHeaders?: MultiValues | null | undefined
  readonly queryStringParameters?: Values | null | undefined
  readonly multiValueQueryStringParameters?: MultiValues | null | undefined
  readonly body?: string | null | undefined
  readonly isBase64Encoded?: boolean | undefined
}

/**
 * The fields that are read of an API Gateway event in payload format 1.0: REST APIs, and HTTP APIs that are
 * set to it. The full shape is `APIGatewayProxyEvent` of `aws-lambda`.
 */
export interface RestEvent extends Payload1 {
  readonly version?: string | undefined
  readonly requestContext: {
    readonly domainName?: string | undefined
    readonly stage?: string | undefined
    readonly path?: string | undefined
    readonly identity?: { readonly sourceIp?: string | undefined } | undefined
  }
}

/**
 * The fields that are read of an Application Load Balancer's event; the full shape is `ALBEvent` of
 * `aws-lambda`.
 */
export interface AlbEvent extends Payload1 {
  readonly requestContext: { readonly elb: object }
}

/**
 * True if `event`, which has a request context, is API Gateway's in payload 1.0. Events of its authorizers
 * have a `type`.
 */
function isRestEvent(event: object): event is RestEvent {
  const { httpMethod, path, type } = event as Partial<RestEvent> & { type?: unknown }
  return typeof httpMethod === 'string' && typeof path === 'string' && type === undefined
}

/** True if `event`, which has a request context, comes from a load balancer. */
function isAlbEvent(event: object): event is AlbEvent {
  const { requestContext, httpMethod, path } = event as Partial<AlbEvent>
  return typeof requestContext?.elb === 'object' && typeof httpMethod === 'string' && typeof path === 'string'
}

/**
 * Reads an API Gateway event in payload 1.0; undefined for every other event. API Gateway keeps the path
 * encoded and decodes the query. The path of an HTTP API in this format contains the stage; a REST API's does
 * not.
 */
export function readRest(event: object): HttpParts | undefined {
  if (!isRestEvent(event)) return undefined
  const { requestContext, path } = event
  return {
    ...common(event),
    source: 'v1',
    host: requestContext.domainName,
    sourceIp: requestContext.identity?.sourceIp,
    protocol: 'https',
    path: encodedPath(
      event.version === '1.0' && requestContext.path === path ? withoutStage(path, requestContext) : path,
    ),
    query: queryOf(event, encode),
  }
}

/**
 * Reads a load balancer's event; undefined for every other event. A load balancer decodes nothing (encoding
 * again would encode twice: aws-lambda-web-adapter#99) and sets X-Forwarded-Proto itself, whatever the client
 * sent.
 */
export function readAlb(event: object): HttpParts | undefined {
  if (!isAlbEvent(event)) return undefined
  const parts = common(event)
  return {
    ...parts,
    source: event.multiValueHeaders ? 'alb-multi' : 'alb',
    host: undefined,
    sourceIp: undefined,
    protocol: parts.headers.get('x-forwarded-proto') === 'http' ? 'http' : 'https',
    path: encodedPath(event.path),
    query: queryOf(event, same),
  }
}

const same = (text: string): string => text

function common(event: Payload1): Pick<HttpParts, 'method' | 'headers' | 'body' | 'isBase64Encoded'> {
  // The multi-value form of a load balancer's event has every value of a header, the other form only the
  // last.
  const values: EventHeaders | null | undefined = event.multiValueHeaders ?? event.headers
  return {
    method: event.httpMethod,
    headers: toHeaders(values),
    body: event.body,
    isBase64Encoded: event.isBase64Encoded,
  }
}

function queryOf(event: Payload1, escape: (text: string) => string): string {
  const pairs: string[] = []
  const values = event.multiValueQueryStringParameters ?? event.queryStringParameters
  for (const name in values) {
    const value = values[name]
    if (typeof value === 'string') pairs.push(`${escape(name)}=${escape(value)}`)
    else if (value) for (const one of value) pairs.push(`${escape(name)}=${escape(one)}`)
  }
  return pairs.join('&')
}
