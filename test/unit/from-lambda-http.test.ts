/** The way there and back, with the Lambda adapter and its local front as the measure. */
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createFront, type Front } from '../../adapters/lambda/local/front.ts'
import type { ApiResponse } from '../../adapters/lambda/local/runtime-api.ts'
import { handleEvent } from '../../adapters/lambda/runtime/events.ts'
import type { HttpEventKind } from '../../core/compat/from-lambda/http-events.ts'
import { defineApp, type App } from '../../core/app.ts'
import { createContext } from '../../core/context.ts'
import { fromLambda, type LambdaHandler } from '../../core/compat/from-lambda/index.ts'
import { createRuntime } from '../../core/runtime/runtime.ts'

const SOURCES: readonly HttpEventKind[] = ['url', 'v2', 'v1', 'alb', 'alb-multi', 'lattice']

const app = defineApp({
  async fetch(request: Request) {
    const { pathname, search } = new URL(request.url)
    switch (pathname) {
      case '/cookies':
        return new Response('two', {
          headers: [
            ['set-cookie', 'a=1; Path=/'],
            ['set-cookie', 'b=2'],
          ],
        })
      case '/cookie':
        return new Response('one', { headers: { 'set-cookie': 'a=1' } })
      case '/empty':
        return new Response(null, { status: 204 })
      case '/same':
        return new Response(null, { status: 304, headers: { etag: '"1"' } })
      case '/away':
        return new Response(null, { status: 302, headers: { location: '/there?x=1' } })
      case '/bytes':
        return new Response(
          Uint8Array.from({ length: 256 }, (_, index) => index),
          { headers: { 'content-type': 'image/png' } },
        )
      case '/broken':
        throw new Error('no')
      default:
        return Response.json(
          {
            method: request.method,
            path: pathname,
            search,
            headers: [...request.headers].filter(
              ([name]) => name === 'cookie' || name === 'content-type' || name.startsWith('x-own'),
            ),
            body: [...new Uint8Array(await request.arrayBuffer())],
          },
          { status: 201, headers: { 'x-own': 'ü'.normalize(), vary: 'accept' } },
        )
    }
  },
})

/** The app as the Lambda adapter runs it: a handler of one source's events. */
async function lambdaHandler(): Promise<LambdaHandler> {
  const log = (): void => {}
  const runtime = await createRuntime({
    app,
    name: 'test',
    drivers: {},
    variable: () => undefined,
    onError: log,
  })
  return async (event: unknown) => {
    const result = await handleEvent(event, createContext(), new AbortController().signal, {
      runtime,
      invokeMode: 'BUFFERED',
      variable: () => undefined,
      log,
    })
    return 'json' in result ? result.json : undefined
  }
}

const facts = async (response: Response): Promise<object> => ({
  status: response.status,
  headers: [...response.headers].filter(
    ([name]) => !['date', 'connection', 'keep-alive', 'content-length', 'transfer-encoding'].includes(name),
  ),
  body: [...new Uint8Array(await response.arrayBuffer())],
})

const call = async (of: App, request: Request): Promise<Response> =>
  (of.fetch as NonNullable<App['fetch']>)(request, {} as never, createContext())

const REQUESTS: readonly [name: string, path: string, init?: RequestInit][] = [
  ['a query', '/?a=1&b=two%20words&c=%C3%BC'],
  ['an encoded path', '/a%20b/%C3%BC'],
  ['JSON', '/', { method: 'POST', body: '{"a":"ü"}', headers: { 'content-type': 'application/json' } }],
  ['bytes', '/', { method: 'PUT', body: Uint8Array.from({ length: 256 }, (_, index) => index) }],
  [
    'bytes that call themselves text',
    '/',
    { method: 'POST', body: new Uint8Array([0xff, 0xfe]), headers: { 'content-type': 'text/plain' } },
  ],
  ['a form', '/', { method: 'POST', body: new URLSearchParams({ a: '1', b: 'ü' }) }],
  ['cookies and headers', '/', { headers: { cookie: 'a=1; b=2', 'x-own': 'yes', 'x-own-list': 'a, b' } }],
  ['HEAD', '/', { method: 'HEAD' }],
  ['DELETE', '/x', { method: 'DELETE' }],
  ['one cookie', '/cookie'],
  ['two cookies', '/cookies'],
  ['204', '/empty'],
  ['304', '/same'],
  ['302', '/away'],
  ['binary', '/bytes'],
]

beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => {}))
afterEach(() => void vi.restoreAllMocks())

describe.each(SOURCES)('there and back through the events of %s', (source) => {
  it.each(REQUESTS)('%s', async (name, path, init) => {
    if (source === 'alb' && name === 'two cookies') return
    const moved = fromLambda(await lambdaHandler(), { event: source })
    // The adapter tells a Function URL by its domain.
    const url = `http://${source === 'url' ? 'abc.lambda-url.eu-west-1.on.aws' : 'app.example'}${path}`
    const expected = await facts(await call(app, new Request(url, init)))
    const answer = await call(moved, new Request(url, init))
    // A HEAD's body is dropped by whoever sends it.
    expect(await facts(name === 'HEAD' ? new Response(null, answer) : answer)).toEqual(
      name === 'HEAD' ? { ...expected, body: [] } : expected,
    )
  })

  it('500 where the app fails', async () => {
    const moved = fromLambda(await lambdaHandler(), { event: source })
    expect((await call(moved, new Request('http://app.example/broken'))).status).toBe(500)
  })
})

const ANSWERS: Readonly<Record<string, unknown>> = {
  plain: { statusCode: 201, headers: { 'Content-Type': 'text/plain', 'X-Number': 5 }, body: 'hällo' },
  base64: { statusCode: 200, headers: { 'content-type': 'image/png' }, body: 'AP/+', isBase64Encoded: true },
  'no body': { statusCode: 204 },
  'a null body': { statusCode: 200, headers: null, body: null },
  cookies: { statusCode: 200, cookies: ['a=1', 'b=2'], body: '' },
  'multi-value headers': {
    statusCode: 200,
    headers: { 'X-One': 'old', 'x-two': '2' },
    multiValueHeaders: { 'x-one': ['1', '2'], 'Set-Cookie': ['a=1', 'b=2'] },
    body: 'x',
  },
  'an object without a status': { hello: 'world' },
  'a text': 'hello',
  'a number': 5,
  nothing: undefined,
  'a status that is text': { statusCode: '200', body: 'x' },
  'a body that is none': { statusCode: 200, body: { a: 1 } },
  'a header that HTTP does not allow': { statusCode: 200, headers: { 'bad name': 'x' }, body: '' },
}

describe('answers of handlers, beside the local front of the Lambda adapter', () => {
  const fronts: Front[] = []
  afterAll(() => Promise.all(fronts.map((front) => front.stop())))

  it.each(SOURCES)('are the same behind %s', async (source) => {
    const events: unknown[] = []
    const invoke = async (payload: string): Promise<ApiResponse> => {
      const event = JSON.parse(payload) as { path?: string; rawPath?: string }
      events.push(event)
      const name = decodeURIComponent(event.rawPath ?? event.path ?? '').slice(1)
      return { kind: 'buffered', payload: JSON.stringify(ANSWERS[name] ?? null) }
    }
    const front = await createFront({
      host: '127.0.0.1',
      port: 0,
      source,
      patience: 1000,
      invoke,
      onError() {},
    })
    fronts.push(front)
    for (const [name, answer] of Object.entries(ANSWERS)) {
      const url = `${front.url}/${encodeURIComponent(name)}`
      const expected = await facts(await fetch(url))
      let event: unknown
      const moved = fromLambda(
        (given: unknown) => {
          event = given
          return Promise.resolve(answer)
        },
        { event: source, sourceIp: () => '127.0.0.1' },
      )
      const own = await facts(
        await call(moved, new Request(url, { headers: { 'user-agent': 'node', accept: '*/*' } })),
      )
      expect({ name, ...own }).toEqual({ name, ...expected })
      expect(shapeOf(event)).toEqual(shapeOf(events.at(-1)))
    }
  })
})

/**
 * An event without what differs from call to call: ids, times, and the headers that a client adds by itself.
 */
function shapeOf(event: unknown): unknown {
  return JSON.parse(JSON.stringify(event), (key, value: unknown) => {
    if (/^(requestId|time|timeEpoch|requestTimeEpoch)$/.test(key)) return typeof value
    if (/^(headers|multiValueHeaders)$/.test(key))
      return Object.fromEntries(
        Object.entries(value ?? {}).filter(
          ([name]) => !/^(sec-|accept|user-agent|x-forwarded-port)/.test(name),
        ),
      )
    return value
  })
}
