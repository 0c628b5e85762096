/**
 * Events as AWS documents them, with the headers of a browser: what is small in an example is not in
 * production.
 */
const HEADERS: Readonly<Record<string, string>> = {
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'accept-encoding': 'gzip, deflate, br, zstd',
  'accept-language': 'en-US,en;q=0.9,de;q=0.8',
  'cache-control': 'max-age=0',
  'content-type': 'application/json',
  host: 'api.example.com',
  'sec-fetch-dest': 'document',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-site': 'same-origin',
  'user-agent':
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  'x-amzn-trace-id': 'Root=1-67891233-abcdef012345678912345678',
  'x-forwarded-for': '203.0.113.7',
  'x-forwarded-port': '443',
  'x-forwarded-proto': 'https',
}
const COOKIES = ['session=5f4dcc3b5aa765d61d8327deb882cf99', 'theme=dark']
const BODY = JSON.stringify({ name: 'Ada Lovelace', email: 'ada@example.com', tags: ['math', 'poetry'] })
// Nothing that is encoded: srvx encodes a load balancer's query twice, and the answers are compared.
const QUERY = { page: '2', tag: 'math' }

type Method = 'GET' | 'POST'
const bodyOf = (method: Method): string | null => (method === 'POST' ? BODY : null)
const multi = (values: Readonly<Record<string, string>>): Record<string, string[]> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [value]]))

/** An HTTP API's, payload 2.0. */
export function v2Event(method: Method): object {
  const body = bodyOf(method)
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: '/users/4711',
    rawQueryString: 'page=2&tag=math',
    cookies: COOKIES,
    headers: HEADERS,
    queryStringParameters: QUERY,
    requestContext: {
      accountId: '123456789012',
      apiId: 'r3pmxmplak',
      domainName: 'r3pmxmplak.execute-api.eu-west-1.amazonaws.com',
      domainPrefix: 'r3pmxmplak',
      http: {
        method,
        path: '/users/4711',
        protocol: 'HTTP/1.1',
        sourceIp: '203.0.113.7',
        userAgent: HEADERS['user-agent'],
      },
      requestId: 'JKJaXmPLvHcESHA=',
      routeKey: '$default',
      stage: '$default',
      time: '23/Nov/2026:16:00:00 +0000',
      timeEpoch: 1_795_449_600_000,
    },
    ...(body === null ? {} : { body }),
    isBase64Encoded: false,
  }
}

/** A REST API's, payload 1.0. */
export function v1Event(method: Method): object {
  const headers = { ...HEADERS, cookie: COOKIES.join('; ') }
  return {
    resource: '/{proxy+}',
    path: '/users/4711',
    httpMethod: method,
    headers,
    multiValueHeaders: multi(headers),
    queryStringParameters: QUERY,
    multiValueQueryStringParameters: multi(QUERY),
    pathParameters: { proxy: 'users/4711' },
    stageVariables: null,
    requestContext: {
      accountId: '123456789012',
      apiId: 'r3pmxmplak',
      domainName: 'r3pmxmplak.execute-api.eu-west-1.amazonaws.com',
      httpMethod: method,
      identity: { sourceIp: '203.0.113.7', userAgent: HEADERS['user-agent'] },
      path: '/prod/users/4711',
      protocol: 'HTTP/1.1',
      requestId: 'JKJaXmPLvHcESHA=',
      requestTimeEpoch: 1_795_449_600_000,
      resourcePath: '/{proxy+}',
      stage: 'prod',
    },
    body: bodyOf(method),
    isBase64Encoded: false,
  }
}

/** A load balancer's, with single-value headers. */
export function albEvent(method: Method): object {
  return {
    requestContext: {
      elb: {
        targetGroupArn:
          'arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/app/73e2d6bc24d8a067',
      },
    },
    httpMethod: method,
    path: '/users/4711',
    queryStringParameters: QUERY,
    headers: { ...HEADERS, cookie: COOKIES.join('; ') },
    body: bodyOf(method) ?? '',
    isBase64Encoded: false,
  }
}
