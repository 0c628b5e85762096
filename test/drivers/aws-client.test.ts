import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { AwsClient, type AwsRequest } from '../../adapters/drivers/aws/client.ts'
import { type AwsService, resolveAws } from '../../adapters/drivers/aws/settings.ts'
import { escapeXml, parseXml } from '../../adapters/drivers/aws/xml.ts'
import { UnmoorError } from '../../core/errors.ts'
import { PATIENCE } from '../patience.ts'
import { failure } from './contracts/harness.ts'

const VARIABLES: Readonly<Record<string, string>> = {
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'AKID',
  AWS_SECRET_ACCESS_KEY: 'sekret',
  AWS_SESSION_TOKEN: 'token',
}
const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

type Handler = (request: IncomingMessage & { body: Buffer }, response: ServerResponse, count: number) => void

/** A server that fails as AWS does, which the local servers cannot be made to. */
async function failing(
  handler: Handler,
  options: { service?: AwsService; timeout?: number; retries?: number } = {},
): Promise<{ client: AwsClient; url: string; calls: () => number }> {
  let calls = 0
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () =>
      handler(Object.assign(request, { body: Buffer.concat(chunks) }), response, ++calls),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { service = 'dynamodb', ...rest } = options
  return {
    client: new AwsClient(
      resolveAws(service, { endpoint: url, ...rest }, { binding: 'b', variable: (name) => VARIABLES[name] }),
    ),
    url: `${url}/`,
    calls: () => calls,
  }
}

const call = (url: string, options: Partial<AwsRequest> = {}): AwsRequest => ({
  service: 'dynamodb',
  operation: 'PutItem',
  target: 'table "t"',
  url,
  body: '{}',
  write: true,
  repeatable: true,
  ...options,
})

const fails =
  (status: number, body: string, headers: Record<string, string> = {}): Handler =>
  (_, response) =>
    void response.writeHead(status, headers).end(body)

describe('the AWS client', () => {
  it.each([
    [
      400,
      '{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow"}',
      'Throttled',
      4,
    ],
    [503, '<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>slow</Message></Error>', 'Throttled', 4],
    [
      400,
      '{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"who"}',
      'PermissionDenied',
      1,
    ],
    [403, '<Error><Code>SignatureDoesNotMatch</Code></Error>', 'PermissionDenied', 1],
    [403, '', 'PermissionDenied', 1],
    [400, '{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"}', 'NotFound', 1],
    [400, '{"__type":"com.amazonaws.sqs#QueueDoesNotExist"}', 'NotFound', 1],
    [
      400,
      '{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}',
      'PreconditionFailed',
      1,
    ],
    [409, '<Error><Code>ConditionalRequestConflict</Code></Error>', 'Conflict', 1],
    [400, '{"__type":"com.amazon.coral.validate#ValidationException","message":"bad"}', 'Internal', 1],
    [500, '', 'Unavailable', 4],
    [502, '<html><body>Bad Gateway', 'Unavailable', 4],
  ] as const)('%i %s is %s', async (status, body, code, tries) => {
    const { client, url, calls } = await failing(fails(status, body))
    const error = await failure(client.text(call(url)), code)
    expect(calls()).toBe(tries)
    expect(error.mayHaveApplied).toBe(code === 'Unavailable')
    expect(error.cause).toBeInstanceOf(Error)
  })

  it('repeats what was rejected always, what may have been applied only where that is safe', async () => {
    const throttled = await failing((_, response, count) =>
      count === 1 ? response.writeHead(400).end('{"__type":"ThrottlingException"}') : response.end('{}'),
    )
    expect((await throttled.client.text(call(throttled.url, { repeatable: false }))).text).toBe('{}')
    const broken = await failing((_, response, count) =>
      count === 1 ? response.writeHead(500).end() : response.end('{}'),
    )
    expect(
      (await failure(broken.client.text(call(broken.url, { repeatable: false })), 'Unavailable'))
        .mayHaveApplied,
    ).toBe(true)
    expect(broken.calls()).toBe(1)
    expect((await broken.client.text(call(broken.url))).text).toBe('{}')
    const torn = await failing((_, response, count) => {
      if (count > 1) return response.end('whole')
      response.writeHead(200, { 'content-length': '100' }).write('half')
      setTimeout(() => response.destroy(), 20)
    })
    expect((await torn.client.text(call(torn.url))).text).toBe('whole')
  })

  it('tells how long to wait', async () => {
    const { client, url } = await failing(fails(429, '', { 'retry-after': '7' }), { retries: 0 })
    expect((await failure(client.text(call(url)), 'Throttled')).details.retryAfter).toBe(7)
  })

  it('times out without progress, aborts, and knows whether the server may have it', async () => {
    const silent = await failing(() => {}, { timeout: 0.1, retries: 1 })
    const error = await failure(silent.client.text(call(silent.url)), 'Timeout')
    expect(error.mayHaveApplied).toBe(true)
    await expect.poll(silent.calls, PATIENCE).toBe(2)
    const reason = new Error('gone')
    const abort = new AbortController()
    setTimeout(() => abort.abort(reason), 30)
    const aborted = await failure(
      silent.client.text(call(silent.url, { signal: abort.signal, timeout: 5000 })),
      'Aborted',
    )
    expect(aborted.cause).toBe(reason)
    expect(
      (await failure(silent.client.text(call(silent.url, { signal: AbortSignal.abort() })), 'Aborted'))
        .mayHaveApplied,
    ).toBe(false)
    const refused = new AwsClient(
      resolveAws(
        's3',
        { endpoint: 'http://127.0.0.1:1', retries: 1 },
        { binding: 'b', variable: (name) => VARIABLES[name] },
      ),
    )
    expect((await failure(refused.text(call('http://127.0.0.1:1/')), 'Unavailable')).mayHaveApplied).toBe(
      false,
    )
  })

  it('survives bodies that nobody reads and connections that break', async () => {
    const broken: Promise<unknown>[] = []
    const { client, url } = await failing((_, response) => {
      broken.push(once(response, 'close'))
      response.writeHead(200, { 'content-length': '5000000' }).write(Buffer.alloc(1_000_000))
      setTimeout(() => response.destroy(), 20)
    })
    const abandoned = await client.send(call(url))
    expect(abandoned.status).toBe(200)
    const abort = new AbortController()
    const aborted = await client.send(call(url, { signal: abort.signal }))
    expect(aborted.status).toBe(200)
    abort.abort()
    await Promise.all(broken)
    // An error that nobody handles would come in the turn of the close.
    await sleep(20)
  })

  it('gives the slow reader all, however long it pauses', async () => {
    const { client, url } = await failing((_, response) => void response.end(Buffer.alloc(4_000_000, 7)), {
      timeout: 3,
    })
    const slow = await client.send(call(url))
    await sleep(3500)
    let size = 0
    for await (const chunk of slow.body) size += (chunk as Buffer).byteLength
    expect(size).toBe(4_000_000)
  })

  it('signs as AWS computes it, also paths with every kind of character', async () => {
    let seen: (IncomingMessage & { body: Buffer }) | undefined
    const { client, url } = await failing(
      (request, response) => {
        seen = request
        response.end()
      },
      { service: 's3' },
    )
    await client.text(
      call(`${url}bucket/a%20b/%2B%27%28%C3%A9%0A//c?list-type=2&prefix=a%2Fb%20c`, {
        service: 's3',
        method: 'PUT',
        body: 'x',
        headers: { 'x-amz-meta-a': 'b  c', 'if-none-match': '*' },
      }),
    )
    const authorization = String(seen?.headers.authorization)
    const [, signed = '', signature = ''] =
      /SignedHeaders=([^,]+), Signature=([0-9a-f]+)/.exec(authorization) ?? []
    expect(signed.split(';')).toEqual([
      'host',
      'if-none-match',
      'x-amz-content-sha256',
      'x-amz-date',
      'x-amz-meta-a',
      'x-amz-security-token',
    ])
    const [path = '', search = ''] = String(seen?.url).split('?')
    const date = String(seen?.headers['x-amz-date'])
    const headers = signed
      .split(';')
      .map((name) => `${name}:${String(seen?.headers[name]).replace(/ +/g, ' ')}\n`)
      .join('')
    const canonical = ['PUT', path, search, headers, signed, seen?.headers['x-amz-content-sha256']].join('\n')
    const scope = `${date.slice(0, 8)}/eu-central-1/s3/aws4_request`
    const toSign = [
      'AWS4-HMAC-SHA256',
      date,
      scope,
      createHash('sha256').update(canonical).digest('hex'),
    ].join('\n')
    const key = [date.slice(0, 8), 'eu-central-1', 's3', 'aws4_request'].reduce<Buffer>(
      (hmac, part) => createHmac('sha256', hmac).update(part).digest(),
      Buffer.from('AWS4sekret'),
    )
    expect(createHmac('sha256', key).update(toSign).digest('hex')).toBe(signature)
  })

  it("signs a URL as in AWS's own example", async () => {
    // docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2013, 4, 24) })
    try {
      const variables: Record<string, string> = {
        AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
        AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
        AWS_REGION: 'us-east-1',
      }
      const client = new AwsClient(
        resolveAws('s3', {}, { binding: 'files', variable: (name) => variables[name] }),
      )
      const url = new URL(
        await client.signedUrl('https://examplebucket.s3.amazonaws.com/test.txt', 'GET', 86_400),
      )
      expect(Object.fromEntries(url.searchParams)).toEqual({
        'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
        'X-Amz-Credential': 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request',
        'X-Amz-Date': '20130524T000000Z',
        'X-Amz-Expires': '86400',
        'X-Amz-SignedHeaders': 'host',
        'X-Amz-Signature': 'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
      })
    } finally {
      vi.useRealTimers()
    }
  })

  it('takes an endpoint by service, and refuses one that is no origin', () => {
    const resolve = (variables: Record<string, string>): string | undefined =>
      resolveAws('s3', {}, { binding: 'b', variable: (name) => ({ ...VARIABLES, ...variables })[name] })
        .endpoint
    expect(resolve({})).toBeUndefined()
    expect(resolve({ AWS_ENDPOINT_URL: 'http://a:1/' })).toBe('http://a:1')
    expect(resolve({ AWS_ENDPOINT_URL: 'http://a:1', AWS_ENDPOINT_URL_S3: 'http://s:2' })).toBe('http://s:2')
    expect(() => resolve({ AWS_ENDPOINT_URL_S3: 'localhost:4566/path' })).toThrow(UnmoorError)
  })
})

describe('XML', () => {
  it('reads elements, entities, CDATA, empty elements and prefixes', () => {
    const root = parseXml(
      '<?xml version="1.0"?>\n<!-- c --><a xmlns="x"><ns:b at="1>2">1 &lt; 2 &amp; &#65;&#x1F600; &unknown;</ns:b><b/><c><![CDATA[<raw> & ]]>x</c></a>',
    )
    expect(root?.name).toBe('a')
    expect(root?.all('b').map(({ content }) => content)).toEqual(['1 < 2 & A\u{1f600} &unknown;', ''])
    expect(root?.text('c')).toBe('<raw> & x')
    expect(parseXml('')).toBeUndefined()
    expect(() => parseXml('<a><b></b>')).toThrow(SyntaxError)
    const odd = `<&>"'\r\n\t é`
    expect(parseXml(`<a>${escapeXml(odd)}</a>`)?.content).toBe(odd)
  })
})
