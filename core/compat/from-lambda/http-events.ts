/**
 * Converts requests to the HTTP events of AWS's front ends: Function URLs, API Gateway, load balancers and
 * VPC Lattice.
 */
import { utf8Exactly, toBase64 } from './text.ts'

/**
 * The AWS front end before a function, which decides the form of its HTTP events and answers: a Function URL,
 * an API Gateway HTTP API (payload 2.0, `v2`) or REST API (payload 1.0, `v1`), an Application Load Balancer
 * without or with multi-value headers, or a VPC Lattice service (event structure 2.0).
 */
export type HttpEventKind = 'url' | 'v2' | 'v1' | 'alb' | 'alb-multi' | 'lattice'

export const HTTP_EVENT_KINDS: readonly HttpEventKind[] = ['url', 'v2', 'v1', 'alb', 'alb-multi', 'lattice']

/** An HTTP request in the parts that AWS's front ends put into Lambda events. */
export interface FrontRequest {
  readonly method: string
  /** Path of an HTTP request as the client sent it. */
  readonly path: string
  /** Query string of a request, without the leading `?`. */
  readonly query: string
  readonly httpVersion: string
  readonly host: string
  readonly sourceIp: string
  readonly userAgent: string
  /** All values of a request's headers by lower-case name, without hop-by-hop headers. */
  readonly headers: Readonly<Record<string, readonly string[]>>
  readonly body: EventBody
}

/** A body as Lambda's HTTP events carry it: text, or base64. */
export interface EventBody {
  readonly body?: string
  readonly isBase64Encoded: boolean
}

/** Returns the Lambda event that the AWS front end `source` makes of a request. */
export function toHttpEvent(request: FrontRequest, source: HttpEventKind): object {
  switch (source) {
    case 'url':
    case 'v2':
      return payload2Event(request, source)
    case 'v1':
      return restEvent(request)
    case 'alb':
    case 'alb-multi':
      return albEvent(request, source)
    case 'lattice':
      return latticeEvent(request)
  }
}

/** Headers of the connection between client and front end, which AWS never passes to functions. */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
])

const TEXT_TYPE = /^(?:text\/|application\/(?:json|javascript|xml)|[^;]*\+(?:json|xml))/i

/**
 * Returns a body for a Lambda event: as text if its content type is textual and it is valid UTF-8; otherwise
 * as base64, whose length then counts against the event's size limit.
 */
export function toEventBody(
  bytes: Uint8Array,
  contentType: string | undefined,
  contentEncoding: string | undefined,
): EventBody {
  if (bytes.byteLength === 0) return { isBase64Encoded: false }
  const text =
    contentEncoding === undefined && TEXT_TYPE.test(contentType ?? '') ? utf8Exactly(bytes) : undefined
  return text === undefined
    ? { body: toBase64(bytes), isBase64Encoded: true }
    : { body: text, isBase64Encoded: false }
}

/**
 * Builds a Lambda event of payload 2.0 (Function URL, HTTP API): header values joined, cookies in a separate
 * list.
 */
function payload2Event(request: FrontRequest, source: 'url' | 'v2'): object {
  const { path, query, host, method, sourceIp, userAgent } = request
  const { cookie, ...others } = request.headers
  const cookies = (cookie ?? []).flatMap((value) => value.split(/;\s*/)).filter(Boolean)
  const rawPath = source === 'v2' ? decodePath(path) : path
  const now = Date.now()
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString: query,
    ...(cookies.length > 0 ? { cookies } : {}),
    headers: mapValues(others, (values) => values.join(',')),
    ...(query === ''
      ? {}
      : { queryStringParameters: mapValues(decodedQuery(query), (values) => values.join(',')) }),
    requestContext: {
      accountId: source === 'url' ? 'anonymous' : '000000000000',
      apiId: 'local',
      domainName: host,
      domainPrefix: host.split('.')[0],
      http: { method, path: rawPath, protocol: `HTTP/${request.httpVersion}`, sourceIp, userAgent },
      requestId: crypto.randomUUID(),
      routeKey: '$default',
      stage: '$default',
      time: new Date(now).toISOString(),
      timeEpoch: now,
    },
    ...request.body,
  }
}

/**
 * Builds a Lambda event of payload 1.0, for a REST API of API Gateway whose binary media types are all types.
 * Headers and query parameters appear twice, with their last value and with all values; the query is decoded,
 * the path is not.
 */
function restEvent(request: FrontRequest): object {
  const { path, host, method, sourceIp, userAgent } = request
  const query = decodedQuery(request.query)
  const hasQuery = request.query !== ''
  return {
    resource: '/{proxy+}',
    path,
    httpMethod: method,
    headers: mapValues(request.headers, last),
    multiValueHeaders: request.headers,
    queryStringParameters: hasQuery ? mapValues(query, last) : null,
    multiValueQueryStringParameters: hasQuery ? query : null,
    pathParameters: { proxy: path.slice(1) },
    stageVariables: null,
    requestContext: {
      accountId: '000000000000',
      apiId: 'local',
      domainName: host,
      httpMethod: method,
      identity: { sourceIp, userAgent },
      path: `/local${path}`,
      protocol: `HTTP/${request.httpVersion}`,
      requestId: crypto.randomUUID(),
      requestTimeEpoch: Date.now(),
      resourcePath: '/{proxy+}',
      stage: 'local',
    },
    ...request.body,
    body: request.body.body ?? null,
  }
}

/** Builds a load balancer's Lambda event: last or all values of headers and query, nothing decoded. */
function albEvent(request: FrontRequest, source: 'alb' | 'alb-multi'): object {
  const query = rawQuery(request.query)
  return {
    requestContext: {
      elb: {
        targetGroupArn:
          'arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/local/0000000000000000',
      },
    },
    httpMethod: request.method,
    path: request.path,
    ...(source === 'alb'
      ? { queryStringParameters: mapValues(query, last), headers: mapValues(request.headers, last) }
      : { multiValueQueryStringParameters: query, multiValueHeaders: request.headers }),
    ...request.body,
    body: request.body.body ?? '',
  }
}

/** Builds a Lambda event of VPC Lattice, structure 2.0, whose path includes the query. */
function latticeEvent(request: FrontRequest): object {
  const { path, query, method, sourceIp } = request
  return {
    version: '2.0',
    path: query === '' ? path : `${path}?${query}`,
    method,
    headers: request.headers,
    queryStringParameters: decodedQuery(query),
    ...request.body,
    requestContext: {
      serviceNetworkArn: 'arn:aws:vpc-lattice:us-east-1:000000000000:servicenetwork/sn-local',
      serviceArn: 'arn:aws:vpc-lattice:us-east-1:000000000000:service/svc-local',
      targetGroupArn: 'arn:aws:vpc-lattice:us-east-1:000000000000:targetgroup/tg-local',
      identity: {
        sourceVpcArn: 'arn:aws:ec2:us-east-1:000000000000:vpc/vpc-local',
        sourceIpAddress: sourceIp,
      },
      region: 'us-east-1',
      timeEpoch: String(Date.now() * 1000),
    },
  }
}

type Values = Readonly<Record<string, readonly string[]>>

function mapValues(values: Values, change: (values: readonly string[]) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, all]) => [name, change(all)]))
}

function last(values: readonly string[]): string {
  return values.at(-1) ?? ''
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

function decodedQuery(query: string): Values {
  const parameters = new URLSearchParams(query)
  return Object.fromEntries([...new Set(parameters.keys())].map((name) => [name, parameters.getAll(name)]))
}

/** Parses a URL's query without decoding it; a name without `=` has an empty value. */
function rawQuery(query: string): Values {
  const pairs = query
    .split('&')
    .filter(Boolean)
    .map((pair): [string, string] => {
      const at = pair.indexOf('=')
      return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)]
    })
  const groups = Map.groupBy(pairs, ([name]) => name)
  // Object.fromEntries builds the Lambda event's query, since a parameter may have the name `__proto__`.
  return Object.fromEntries([...groups].map(([name, all]) => [name, all.map(([, value]) => value)]))
}
