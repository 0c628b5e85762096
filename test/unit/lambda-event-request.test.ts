/** The Request of an event is a Request in all that an app can see. */
import { inspect } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { installGlobals } from '../../adapters/lambda/runtime/globals.ts'
import { readHttpEvent, type HttpEventOptions } from '../../adapters/lambda/runtime/http-event.ts'

const toRequest = (event: object, options?: HttpEventOptions): Request =>
  readHttpEvent(event, options)?.request as Request

beforeAll(installGlobals)

function post(
  body: string,
  more: { headers?: Record<string, string>; isBase64Encoded?: boolean; signal?: AbortSignal } = {},
): Request {
  const { signal, ...event } = more
  return toRequest(
    {
      rawPath: '/p',
      rawQueryString: 'a=1',
      body,
      headers: {},
      ...event,
      requestContext: { domainName: 'x.lambda-url.eu-west-1.on.aws', http: { method: 'POST' } },
    },
    { signal },
  )
}

it('is an instance, with the fields of one', () => {
  const request = post('x')
  expect(request).toBeInstanceOf(Request)
  expect(request.constructor).toBe(Object.getPrototypeOf(request).constructor)
  expect({
    method: request.method,
    url: request.url,
    redirect: request.redirect,
    mode: request.mode,
    used: request.bodyUsed,
  }).toEqual({
    method: 'POST',
    url: 'https://x.lambda-url.eu-west-1.on.aws/p?a=1',
    redirect: 'manual',
    mode: 'cors',
    used: false,
  })
  expect(request.headers).toBe(request.headers)
  expect(request.signal).toBe(request.signal)
  expect(inspect(request)).toContain("method: 'POST'")
})

describe('its body', () => {
  it.each<[string, (request: Request) => Promise<unknown>, unknown]>([
    ['text', (request) => request.text(), '{"a":"ä"}'],
    ['json', (request) => request.json(), { a: 'ä' }],
    ['bytes', async (request) => Buffer.from(await request.bytes()).toString(), '{"a":"ä"}'],
    ['arrayBuffer', async (request) => Buffer.from(await request.arrayBuffer()).toString(), '{"a":"ä"}'],
    [
      'blob',
      async (request) => [(await request.blob()).type, (await request.blob().catch(() => 'used')) as string],
      ['application/json', 'used'],
    ],
    ['body', async (request) => new Response(request.body).text(), '{"a":"ä"}'],
    [
      'clone',
      async (request) => Promise.all([request.clone().text(), request.text()]),
      ['{"a":"ä"}', '{"a":"ä"}'],
    ],
    ['new Request', async (request) => new Request(request, { headers: { x: '1' } }).json(), { a: 'ä' }],
  ])('%s gives it, once', async (_, read, expected) => {
    const request = post('{"a":"ä"}', { headers: { 'content-type': 'application/json' } })
    expect(await read(request)).toEqual(expected)
    expect(request.bodyUsed).toBe(true)
    for (const again of [
      () => request.text(),
      () => request.json(),
      () => request.bytes(),
      () => request.arrayBuffer(),
      () => request.formData(),
    ])
      await expect(again()).rejects.toThrow(TypeError)
    expect(() => request.clone()).toThrow(TypeError)
    expect(() => new Request(request)).toThrow(TypeError)
  })

  it('has no byte order mark as text, and all its bytes as bytes', async () => {
    expect(await post('\ufeffx').text()).toBe('x')
    expect(await post('\ufeff1').json()).toBe(1)
    expect([...(await post('\ufeffx').bytes())]).toEqual([0xef, 0xbb, 0xbf, 0x78])
  })

  it('is memory of its own', async () => {
    const bytes = await post('AAAA', { isBase64Encoded: true }).arrayBuffer()
    expect(bytes.byteLength).toBe(3)
  })

  it('is a form', async () => {
    const form = await post('a=1&b=2', {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    }).formData()
    expect([...form]).toEqual([
      ['a', '1'],
      ['b', '2'],
    ])
  })

  it('that is no JSON is a SyntaxError, and no body is empty', async () => {
    await expect(post('{').json()).rejects.toThrow(SyntaxError)
    const empty = toRequest({ rawPath: '/', requestContext: { domainName: 'x', http: { method: 'POST' } } })
    expect([empty.body, await empty.text(), empty.bodyUsed]).toEqual([null, '', false])
  })
})

it('aborts with the event, also as a copy', () => {
  const controller = new AbortController()
  const request = post('x', { signal: controller.signal })
  const copy = new Request(request)
  controller.abort(new Error('late'))
  expect([request.signal.aborted, copy.signal.aborted]).toEqual([true, true])
})

it.each([
  ['user:secret@evil.example', 'no host'],
  ['good.example/path?', 'no host'],
  ['a b', 'no host'],
  ['', 'no host'],
])('a host %j makes no request', (host, message) => {
  const event = { httpMethod: 'GET', path: '/', headers: { host }, requestContext: { elb: {} } }
  expect(() => toRequest(event)).toThrow(message)
})

it.each([
  ['patch', 'patch'],
  ['get', 'GET'],
  ['PURGE', 'PURGE'],
])('method %s is %s', (method, expected) => {
  expect(toRequest({ rawPath: '/', requestContext: { domainName: 'x', http: { method } } }).method).toBe(
    expected,
  )
})

it('a method that is none is refused', () => {
  expect(() =>
    toRequest({ rawPath: '/', requestContext: { domainName: 'x', http: { method: 'G T' } } }),
  ).toThrow(/makes no request/)
})
