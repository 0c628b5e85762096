/** HTTP events beyond payload 2.0, and events that are none of the app's. */
import type {
  ALBEvent,
  ALBResult,
  APIGatewayProxyEvent,
  APIGatewayProxyResult,
  APIGatewayProxyStructuredResultV2,
} from 'aws-lambda'
import { describe, expect, it } from 'vitest'
import { readHttpEvent } from '../../adapters/lambda/runtime/http-event.ts'
import type { AlbEvent, RestEvent } from '../../adapters/lambda/runtime/http-payload1.ts'
import type { HttpResult } from '../../adapters/lambda/runtime/http-result.ts'
import { handle } from './lambda-handle.ts'

// Compiles only while what is read fits AWS's own types.
const rest = (value: APIGatewayProxyEvent): RestEvent => value
const alb = (value: ALBEvent): AlbEvent => value

const API = 'abc.execute-api.eu-west-1.amazonaws.com'
const restEvent = (change: object = {}): object => ({
  path: '/',
  httpMethod: 'GET',
  headers: {},
  body: null,
  isBase64Encoded: false,
  requestContext: { domainName: API, stage: 'prod', path: '/prod/' },
  ...change,
})
const albEvent = (change: object = {}): object => ({
  path: '/',
  httpMethod: 'GET',
  headers: { host: 'app.example', 'x-forwarded-proto': 'https' },
  body: '',
  isBase64Encoded: false,
  requestContext: { elb: { targetGroupArn: 'arn' } },
  ...change,
})
const latticeEvent = (change: object = {}): object => ({
  version: '2.0',
  path: '/',
  method: 'GET',
  headers: { host: ['app.example'] },
  requestContext: { serviceArn: 'arn' },
  ...change,
})

const toRequest = (event: object): Request => readHttpEvent(event)?.request as Request

const target = (event: object): string => {
  const { pathname, search } = new URL(toRequest(event).url)
  return pathname + search
}

const json = async (event: object, response: () => Response): Promise<HttpResult> => {
  const { result } = await handle(event, response)
  if (!('json' in result)) throw new Error('it is streamed')
  return result.json as HttpResult
}

it('tells the sources apart', () => {
  expect(
    [restEvent(), albEvent(), albEvent({ multiValueHeaders: { host: ['a'] } }), latticeEvent()].map(
      (event) => readHttpEvent(event)?.source,
    ),
  ).toEqual(['v1', 'alb', 'alb-multi', 'lattice'])
  expect([rest, alb].every((check) => typeof check === 'function')).toBe(true)
})

describe('REST API', () => {
  it('keeps the path encoded, and escapes only what no encoded path has', () => {
    expect(target(restEvent({ path: '/a%2Fb/100%25' }))).toBe('/a%2Fb/100%25')
    expect(target(restEvent({ path: '/a?b#c' }))).toBe('/a%3Fb%23c')
    expect(target(restEvent({ path: '/a\\b\tc' }))).toBe('/a%5Cb%09c')
    expect(target(restEvent({ path: '//double//' }))).toBe('//double//')
  })

  it('has no stage in its path; an HTTP API in payload 1.0 has', () => {
    expect(target(restEvent({ path: '/prod/x' }))).toBe('/prod/x')
    const requestContext = { domainName: API, stage: 'prod', path: '/prod/x' }
    expect(target(restEvent({ version: '1.0', path: '/prod/x', requestContext }))).toBe('/x')
    expect(
      target(
        restEvent({
          version: '1.0',
          path: '/prod/x',
          requestContext: { ...requestContext, domainName: 'api.example' },
        }),
      ),
    ).toBe('/prod/x')
  })

  it('encodes the query again, which AWS decoded', () => {
    const query = { q: ['a b&c=d+e#f', '€'], 'a[]': ['1'] }
    const url = new URL(toRequest(restEvent({ multiValueQueryStringParameters: query })).url)
    expect(url.searchParams.getAll('q')).toEqual(query.q)
    expect(url.searchParams.get('a[]')).toBe('1')
    expect(url.hash).toBe('')
    expect(
      target(restEvent({ queryStringParameters: { x: 'y' }, multiValueQueryStringParameters: null })),
    ).toBe('/?x=y')
    expect(target(restEvent({ queryStringParameters: null, multiValueQueryStringParameters: null }))).toBe(
      '/',
    )
  })

  it('has every value of a repeated header', () => {
    const { headers } = toRequest(
      restEvent({
        headers: { 'X-A': '2' },
        multiValueHeaders: { 'X-A': ['1', '2'], Cookie: ['a=1', 'b=2'] },
      }),
    )
    expect(headers.get('x-a')).toBe('1, 2')
    expect(headers.get('cookie')).toBe('a=1; b=2')
    expect(
      toRequest(restEvent({ headers: { 'X-A': '2' }, multiValueHeaders: null })).headers.get('x-a'),
    ).toBe('2')
  })

  it('takes the host from AWS, not from what a client can forge', () => {
    expect(
      toRequest(
        restEvent({
          headers: { Host: 'evil.example', 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'http' },
        }),
      ).url,
    ).toBe(`https://${API}/`)
  })

  it('answers each cookie apart', async () => {
    const result: APIGatewayProxyResult = (await json(restEvent(), cookies(2))) as APIGatewayProxyResult
    expect(result).toMatchObject({
      statusCode: 200,
      multiValueHeaders: {
        'set-cookie': [
          'c0=v; Expires=Wed, 21 Oct 2026 07:28:00 GMT',
          'c1=v; Expires=Wed, 21 Oct 2026 07:28:00 GMT',
        ],
      },
    })
    expect(result.headers).not.toHaveProperty('set-cookie')
  })
})

describe('load balancer', () => {
  it('does not encode path and query again', () => {
    expect(
      target(albEvent({ path: '/a%2Fb', queryStringParameters: { q: 'a%20b%26', 'x%5B%5D': '1' } })),
    ).toBe('/a%2Fb?q=a%20b%26&x%5B%5D=1')
    expect(target(albEvent({ multiValueQueryStringParameters: { q: ['1', '2%25'] } }))).toBe('/?q=1&q=2%25')
  })

  it('reads the host header, and the protocol that the load balancer states', () => {
    expect(toRequest(albEvent()).url).toBe('https://app.example/')
    expect(
      toRequest(
        albEvent({
          headers: { host: 'app.example', 'x-forwarded-proto': 'http', 'x-forwarded-host': 'evil.example' },
        }),
      ).url,
    ).toBe('http://app.example/')
    expect(() => toRequest(albEvent({ headers: {} }))).toThrow(
      expect.objectContaining({ code: 'InvalidArgument', message: expect.stringContaining('host') }),
    )
  })

  it('reads multi-value headers', () => {
    const { headers } = toRequest(
      albEvent({ headers: undefined, multiValueHeaders: { host: ['app.example'], 'x-a': ['1', '2'] } }),
    )
    expect(headers.get('x-a')).toBe('1, 2')
  })

  it('answers multi-value headers only where the event had them', async () => {
    const single = (await json(albEvent(), cookies(1))) as unknown as ALBResult
    expect(single.headers).toMatchObject({
      'set-cookie': expect.stringMatching(/^c0=v/),
      'content-type': 'text/plain;charset=UTF-8',
    })
    expect(single).not.toHaveProperty('multiValueHeaders')
    const multi = (await json(
      albEvent({ headers: undefined, multiValueHeaders: { host: ['app.example'] } }),
      cookies(2),
    )) as unknown as ALBResult
    expect(multi.multiValueHeaders).toMatchObject({
      'set-cookie': [expect.stringMatching(/^c0/), expect.stringMatching(/^c1/)],
      'content-type': ['text/plain;charset=UTF-8'],
    })
    expect(multi).not.toHaveProperty('headers')
  })

  it('answers 500 with a log line where a cookie would get lost', async () => {
    const { result, lines } = await handle(albEvent(), cookies(2))
    expect(result).toMatchObject({ json: { statusCode: 500 } })
    expect(lines.join()).toContain('lambda.multi_value_headers.enabled')
  })

  it('answers 502 with a log line over 1 MB, base64 counted', async () => {
    const binary = (size: number) => (): Response => new Response(new Uint8Array(size))
    expect(await json(albEvent(), binary(780_000))).toMatchObject({ statusCode: 200 })
    const { result, lines } = await handle(albEvent(), binary(790_000))
    expect(result).toMatchObject({ json: { statusCode: 502, body: expect.not.stringContaining('AAAA') } })
    expect(lines.join()).toContain('1048576 bytes')
  })

  it('gets base64 without line breaks', async () => {
    const { body, isBase64Encoded } = await json(albEvent(), () => new Response(new Uint8Array(1000)))
    expect(isBase64Encoded).toBe(true)
    expect(body).not.toMatch(/\s/)
  })
})

describe('VPC Lattice', () => {
  it('has the query in the path, or beside it', () => {
    expect(
      target(latticeEvent({ path: '/a%2Fb?q=a%20b&q=2', queryStringParameters: { q: ['a b', '2'] } })),
    ).toBe('/a%2Fb?q=a%20b&q=2')
    expect(target(latticeEvent({ path: '/a', queryStringParameters: { q: ['a b', '2'], r: '3' } }))).toBe(
      '/a?q=a%20b&q=2&r=3',
    )
  })

  it('has lists of header values', async () => {
    const { headers, url } = toRequest(
      latticeEvent({ headers: { host: ['app.example'], 'x-a': ['1', '2'] } }),
    )
    expect([url, headers.get('x-a')]).toEqual(['https://app.example/', '1, 2'])
    expect(await json(latticeEvent(), cookies(2))).toMatchObject({
      headers: { 'set-cookie': [expect.stringMatching(/^c0/), expect.stringMatching(/^c1/)] },
    })
  })
})

describe('every source', () => {
  const events: [string, () => object][] = [
    ['v1', restEvent],
    ['alb', albEvent],
    ['alb-multi', () => albEvent({ multiValueHeaders: { host: ['app.example'] } })],
    ['lattice', latticeEvent],
    ['v2', () => ({ rawPath: '/', requestContext: { domainName: API, http: { method: 'GET' } } })],
  ]
  it.each(events)('%s: compressed text stays as it is', async (_, event) => {
    const bytes = Uint8Array.of(31, 139, 8, 0, 255)
    const result = await json(
      event(),
      () => new Response(bytes, { headers: { 'content-type': 'text/html', 'content-encoding': 'gzip' } }),
    )
    expect(result.isBase64Encoded).toBe(true)
    expect(Buffer.from(result.body, 'base64')).toEqual(Buffer.from(bytes))
  })

  it.each(events)('%s: a body that fails is a 500, never a part of it', async (_, event) => {
    let sent = false
    const broken = (): Response =>
      new Response(
        new ReadableStream({
          pull(controller) {
            if (sent) throw new Error('half-way')
            sent = true
            controller.enqueue(new TextEncoder().encode('half'))
          },
        }),
      )
    const { result, lines } = await handle(event(), broken)
    expect(result).toMatchObject({ json: { statusCode: 500, body: 'Internal Server Error' } })
    expect(lines.join()).toContain('half-way')
  })

  it.each(events)('%s: bodies that must not be there', async (_, event) => {
    for (const status of [204, 304])
      expect(await json(event(), () => new Response(null, { status }))).toMatchObject({
        statusCode: status,
        body: '',
        isBase64Encoded: false,
      })
  })

  it('is buffered but for a streaming Function URL', async () => {
    const url = {
      rawPath: '/',
      requestContext: { domainName: 'x.lambda-url.eu-west-1.on.aws', http: { method: 'GET' } },
    }
    expect((await handle(url)).result).toHaveProperty('head')
    const v2: APIGatewayProxyStructuredResultV2 = (await json(
      { ...url, requestContext: { ...url.requestContext, domainName: API } },
      cookies(2),
    )) as never
    expect(v2).toMatchObject({
      statusCode: 200,
      cookies: [expect.stringMatching(/^c0/), expect.stringMatching(/^c1/)],
    })
  })
})

describe('events that apps cannot take', () => {
  const records = (record: object): object => ({ Records: [record] })
  it.each<[string, unknown, RegExp]>([
    [
      'a WebSocket message',
      { requestContext: { connectionId: 'x', eventType: 'MESSAGE', domainName: API }, body: '{}' },
      /WebSocket API's MESSAGE.*declares no sockets/,
    ],
    [
      'a WebSocket connect',
      { requestContext: { connectionId: 'x', eventType: 'CONNECT' }, headers: {} },
      /WebSocket API's CONNECT/,
    ],
    [
      'an authorizer of an HTTP API',
      {
        version: '2.0',
        type: 'REQUEST',
        routeArn: 'arn',
        rawPath: '/',
        requestContext: { http: { method: 'GET' } },
      },
      /authorizer/,
    ],
    [
      'an authorizer of a REST API',
      { type: 'REQUEST', methodArn: 'arn', path: '/', httpMethod: 'GET', requestContext: {} },
      /authorizer/,
    ],
    ['S3', records({ eventSource: 'aws:s3', s3: {} }), /S3 notification.*SQS queue/],
    ['SNS', records({ EventSource: 'aws:sns', Sns: {} }), /SNS notification.*SQS queue/],
    ['DynamoDB streams', records({ eventSource: 'aws:dynamodb' }), /DynamoDB stream/],
    ['Kinesis', records({ eventSource: 'aws:kinesis' }), /Kinesis stream/],
    ['Kafka', { eventSource: 'aws:kafka', records: {} }, /Kafka/],
    ['another service', records({ eventSource: 'aws:new' }), /an event of aws:new/],
    [
      'mixed records',
      { Records: [{ eventSource: 'aws:s3' }, { eventSource: 'aws:sqs' }] },
      /several sources \(aws:s3, aws:sqs\)/,
    ],
    ['a broken SQS batch', records({ eventSource: 'aws:sqs' }), /no messageId/],
    ['Lattice 1.0', { raw_path: '/', method: 'GET', headers: {} }, /structure 1\.0.*V2/],
    ['Lambda@Edge', records({ cf: {} }), /CloudFront/],
    ['Cognito', { triggerSource: 'PreSignUp_SignUp' }, /Cognito trigger \(PreSignUp_SignUp\)/],
    ['CloudWatch Logs', { awslogs: { data: '' } }, /CloudWatch Logs/],
    ['Firehose', { deliveryStreamArn: 'arn', records: [] }, /Firehose/],
    [
      'another EventBridge event',
      { 'detail-type': 'EC2 Instance State-change', source: 'aws.ec2' },
      /EC2 Instance State-change.*SQS queue/,
    ],
    ['direct invocation', { hello: 'secret value' }, /an object with hello\. Apps take/],
    ['a name with a line break', { 'a\nb': 1 }, /a\?b/],
    ['an empty object', {}, /an empty object/],
    ['a list', [], /an empty object/],
    ['null', null, /null/],
    ['text', 'x', /string/],
  ])('%s', async (_, event, message) => {
    const error: unknown = await handle(event).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'Unsupported', message: expect.stringMatching(message) })
    expect(String(error)).not.toContain('secret value')
  })

  it('refuses a queue that no handler consumes, naming it', async () => {
    const record = { eventSource: 'aws:sqs', messageId: '1', eventSourceARN: 'arn:aws:sqs:eu-west-1:1:other' }
    await expect(handle({ Records: [record] })).rejects.toMatchObject({
      code: 'NotFound',
      message: expect.stringContaining('arn:aws:sqs:eu-west-1:1:other'),
    })
  })
})

function cookies(count: number): () => Response {
  return () => {
    const response = new Response('ok')
    for (let index = 0; index < count; index++)
      response.headers.append('set-cookie', `c${index}=v; Expires=Wed, 21 Oct 2026 07:28:00 GMT`)
    return response
  }
}
