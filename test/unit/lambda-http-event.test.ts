import type { APIGatewayProxyEventV2, LambdaFunctionURLEvent, SQSRecord as AwsSqsRecord } from 'aws-lambda'
import { describe, expect, it } from 'vitest'
import { readHttpEvent } from '../../adapters/lambda/runtime/http-event.ts'
import type { Payload2Event } from '../../adapters/lambda/runtime/http-payload2.ts'
import type { SqsRecord } from '../../adapters/lambda/runtime/sqs-event.ts'

const FUNCTION_URL = 'abc123.lambda-url.eu-west-1.on.aws'
const API = 'abc123.execute-api.eu-west-1.amazonaws.com'

interface Change extends Partial<Omit<Payload2Event, 'requestContext'>> {
  domainName?: string
  stage?: string
  method?: string
}

function event({
  domainName = FUNCTION_URL,
  stage = '$default',
  method = 'GET',
  ...rest
}: Change = {}): Payload2Event {
  return {
    rawPath: '/',
    rawQueryString: '',
    headers: {},
    isBase64Encoded: false,
    ...rest,
    requestContext: { domainName, stage, http: { method } },
  }
}

const toRequest = (value: object): Request => readHttpEvent(value)?.request as Request
const url = (change: Change): string => toRequest(event(change)).url

// Compiles only while what is read fits AWS's own types.
const functionUrl = (value: LambdaFunctionURLEvent): Payload2Event => value
const httpApi = (value: APIGatewayProxyEventV2): Payload2Event => value
const record = (value: AwsSqsRecord): SqsRecord => value

it('tells the id that a trusted proxy gave, and no other', () => {
  const headers = { 'x-request-id': 'order-17', 'x-forwarded-for': '192.0.2.1' }
  const requestContext = { requestId: 'gateway', elb: { targetGroupArn: 'arn' } }
  const alb = { httpMethod: 'GET', path: '/', headers: { host: 'a', ...headers }, requestContext }
  const idOf = (value: object, trustProxy?: string[]): string | undefined =>
    readHttpEvent(value, { trustProxy })?.client.requestId
  expect(idOf(event({ headers }))).toBeUndefined()
  expect(idOf(alb)).toBeUndefined()
  expect(idOf(alb, ['198.51.100.0/24'])).toBeUndefined()
  expect(idOf(alb, ['192.0.2.0/24'])).toBe('order-17')
})

describe('which event it is', () => {
  it('knows none by less than a method and a path', () => {
    for (const other of [
      null,
      'text',
      {},
      { Records: [] },
      { rawPath: '/', requestContext: {} },
      { rawPath: '/', requestContext: null },
      { requestContext: { elb: {} } },
    ])
      expect(readHttpEvent(other)).toBeUndefined()
    expect([functionUrl, httpApi, record].every((check) => typeof check === 'function')).toBe(true)
  })

  it('tells a Function URL by its domain', () => {
    expect(readHttpEvent(event())?.source).toBe('url')
    expect(readHttpEvent(event({ domainName: API }))?.source).toBe('v2')
    expect(readHttpEvent(event({ domainName: 'api.example.com' }))?.source).toBe('v2')
  })
})

describe('path', () => {
  it.each([
    // A Function URL keeps the path as the client sent it.
    [FUNCTION_URL, '/a%2Fb', '/a%2Fb'],
    [FUNCTION_URL, '/a%3Fb%23c', '/a%3Fb%23c'],
    [FUNCTION_URL, '/100%2541', '/100%2541'],
    [FUNCTION_URL, '//double//', '//double//'],
    [FUNCTION_URL, '/%E2%82%AC', '/%E2%82%AC'],
    // API Gateway decodes it: a decoded ? must not start a query, nor a # end the path, nor %41 become an A.
    [API, '/a?b#c', '/a%3Fb%23c'],
    [API, '/100%41', '/100%2541'],
    [API, '/50%', '/50%25'],
    [API, '/a b/€/😀', '/a%20b/%E2%82%AC/%F0%9F%98%80'],
    [API, '/x/%2e%2e/y', '/x/%252e%252e/y'],
    [API, '/lone\ud800', '/lone%EF%BF%BD'],
    [API, "/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@"],
  ])('%s %s', (domainName, rawPath, path) => {
    expect(url({ domainName, rawPath })).toBe(`https://${domainName}${path}`)
  })

  it('leaves out the stage that an API Gateway domain has in it, and only there', () => {
    expect(url({ domainName: API, stage: 'prod', rawPath: '/prod/links' })).toBe(`https://${API}/links`)
    expect(url({ domainName: API, stage: 'prod', rawPath: '/prod' })).toBe(`https://${API}/`)
    expect(url({ domainName: API, stage: 'prod', rawPath: '/product' })).toBe(`https://${API}/product`)
    expect(url({ domainName: 'api.example.com', stage: 'prod', rawPath: '/prod/links' })).toBe(
      'https://api.example.com/prod/links',
    )
    expect(url({ domainName: FUNCTION_URL, stage: '$default', rawPath: '/$default/x' })).toBe(
      `https://${FUNCTION_URL}/$default/x`,
    )
  })
})

describe('query', () => {
  it.each(['a=1&a=2', 'q=a+b&e=', 'amp=%26&eq=%3D', '%F0%9F%98%80=x', 'flag'])(
    'stays as it is: %s',
    (rawQueryString) => {
      expect(url({ rawQueryString })).toBe(`https://${FUNCTION_URL}/?${rawQueryString}`)
    },
  )

  it('is absent where there is none', () => {
    expect(url({ rawQueryString: '' })).toBe(`https://${FUNCTION_URL}/`)
    const { rawQueryString: _, ...rest } = event()
    expect(toRequest(rest).url).toBe(`https://${FUNCTION_URL}/`)
  })
})

describe('headers', () => {
  it('takes host and protocol from AWS, not from what a client can forge', () => {
    const request = toRequest(
      event({
        headers: {
          host: 'evil.example',
          'x-forwarded-host': 'evil.example',
          'x-forwarded-proto': 'http',
          forwarded: 'host=evil.example',
        },
      }),
    )
    expect(request.url).toBe(`https://${FUNCTION_URL}/`)
    // They are still there for who knows what stands before the function.
    expect(request.headers.get('x-forwarded-host')).toBe('evil.example')
  })

  it('joins cookies, which AWS gives apart, into one header', () => {
    expect(toRequest(event({ cookies: ['a=1', 'b=2,3'] })).headers.get('cookie')).toBe('a=1; b=2,3')
    expect(toRequest(event({ cookies: ['a=1'], headers: { cookie: 'a=1' } })).headers.get('cookie')).toBe(
      'a=1',
    )
  })

  it('keeps bytes: one per character, or UTF-8 where a character needs more', () => {
    const headers = { 'x-latin': 'caf\u00e9', 'x-euro': '\u20ac' }
    const request = toRequest(event({ headers }))
    expect(request.headers.get('x-latin')).toBe('caf\u00e9')
    expect(Buffer.from(request.headers.get('x-euro') ?? '', 'latin1').toString('utf8')).toBe('\u20ac')
  })

  it('names a header that HTTP does not allow', () => {
    expect(() => toRequest(event({ headers: { 'x-a': 'a\nb' } }))).toThrow(
      expect.objectContaining({ code: 'InvalidArgument', message: expect.stringContaining('"x-a"') }),
    )
    expect(() => toRequest(event({ headers: { 'x a': 'b' } }))).toThrow('"x a"')
  })

  it('skips headers without a value', () => {
    expect([...toRequest(event({ headers: { a: undefined, b: '' } })).headers]).toEqual([['b', '']])
  })
})

describe('body', () => {
  it('has every byte', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    const request = toRequest(
      event({ method: 'POST', body: Buffer.from(bytes).toString('base64'), isBase64Encoded: true }),
    )
    expect(new Uint8Array(await request.arrayBuffer())).toEqual(bytes)
  })

  it('is UTF-8 where it is text, and adds no content type', async () => {
    const request = toRequest(event({ method: 'PUT', body: 'h€llo' }))
    expect(request.headers.has('content-type')).toBe(false)
    expect(await request.text()).toBe('h€llo')
  })

  it('is left out of a GET, which the fetch standard gives none', async () => {
    expect(toRequest(event({ method: 'GET', body: 'x' })).body).toBeNull()
    expect(toRequest(event({ method: 'POST' })).body).toBeNull()
  })
})

describe('what makes no request', () => {
  it.each([
    ['no host', { ...event(), requestContext: { http: { method: 'GET' } } }, 'domainName'],
    ['a bad host', event({ domainName: 'a b' }), 'a b'],
    ['a bad method', event({ method: 'GE T' }), 'GE T'],
  ])('%s', (_, bad, named) => {
    expect(() => toRequest(bad)).toThrow(
      expect.objectContaining({ code: 'InvalidArgument', message: expect.stringContaining(named) }),
    )
  })
})
