import { afterAll, describe, expect, it } from 'vitest'
import type { HttpHandler } from '../../adapters/node-server/runtime/http/listener.ts'
import { closeAll, exchange, plainFetch, serve } from './node-http-server.ts'

afterAll(closeAll)

describe('the request', () => {
  it('has method, URL and headers as they came', async () => {
    const { port } = await serve((request) =>
      Response.json({
        method: request.method,
        url: request.url,
        headers: [...request.headers],
        twice: request.headers.get('X-Twice'),
        cookie: request.headers.get('cookie'),
      }),
    )
    const { body } = await exchange(
      port,
      'GET /a%2Fb//c%3F/%C3%A9/?q=1&q=&r=%20+&s=%26 HTTP/1.1\nHost: Example.com:80\nX-Twice: 1\nx-twice: 2\nAuthorization: one\nCookie: a=1\ncookie: b=2\nX-High: \xe9',
    )
    const seen = JSON.parse(Buffer.from(body, 'latin1').toString())
    expect(seen.url).toBe('http://example.com/a%2Fb//c%3F/%C3%A9/?q=1&q=&r=%20+&s=%26')
    expect(seen.twice).toBe('1, 2')
    expect(seen.cookie).toBe('a=1; b=2')
    expect(seen.headers).toContainEqual(['x-high', 'é'])
    expect(seen.headers.map(([name]: [string]) => name)).toEqual([
      'authorization',
      'connection',
      'cookie',
      'host',
      'x-high',
      'x-twice',
    ])
  })

  it.each([
    '/',
    '//',
    '///a',
    '/a/../b',
    '/a/./b/',
    '/a/%2e%2E/b',
    '/..',
    '/a\\b',
    '/a|b^c`{}"<>',
    '/%zz',
    "/?a='b'",
    '/?"<>',
    '/a?b?c',
    '/a;b=c,d@e:f',
    '/.well-known/x',
    '/a..b/c.',
  ])('resolves %s as new URL does', async (target) => {
    const { port } = await serve((request) => new Response(request.url))
    const { body } = await exchange(port, `GET ${target} HTTP/1.1\nHost: h`)
    expect(body).toBe(new URL(`http://h${target}`).href)
  })

  it.each([
    ['no Host', 'GET / HTTP/1.1'],
    ['no Host in HTTP/1.0', 'GET / HTTP/1.0'],
    ['an empty Host', 'GET / HTTP/1.1\nHost: '],
    ['a path in Host', 'GET / HTTP/1.1\nHost: a/b'],
    ['a user in Host', 'GET / HTTP/1.1\nHost: me@b'],
    ['a query in Host', 'GET / HTTP/1.1\nHost: a?b'],
    ['a blank in Host', 'GET / HTTP/1.1\nHost: a b'],
    ['a wrong port', 'GET / HTTP/1.1\nHost: a:99999'],
    ['two Hosts', 'GET / HTTP/1.1\nHost: a\nHost: b'],
    ['another authority in the target', 'GET http://evil/ HTTP/1.1\nHost: a'],
    ['a target that is no path', 'OPTIONS * HTTP/1.1\nHost: a'],
  ])('with %s is a 400', async (_name, head) => {
    const { port } = await serve(() => new Response('reached'))
    expect((await exchange(port, head)).status).toBe(400)
  })

  it('takes an absolute target that agrees with Host, but the scheme from the socket', async () => {
    const { port } = await serve((request) => new Response(request.url))
    expect((await exchange(port, 'GET https://a:81/x?y HTTP/1.1\nHost: a:81')).body).toBe('http://a:81/x?y')
  })

  it('believes a proxy only where told to', async () => {
    const head =
      'GET / HTTP/1.1\nHost: inner\nX-Forwarded-Proto: http, https\nX-Forwarded-Host: evil, outer.example'
    const show: HttpHandler = (request) => new Response(request.url)
    expect((await exchange((await serve(show)).port, head)).body).toBe('http://inner/')
    const { port } = await serve(show, { trustProxy: true })
    expect((await exchange(port, head)).body).toBe('https://outer.example/')
    expect((await exchange(port, 'GET / HTTP/1.1\nHost: a\nX-Forwarded-Host: b/c')).status).toBe(400)
  })

  it('has the id that a trusted proxy gave, where it can stand in a log line, else one of our own', async () => {
    const show: HttpHandler = (_, ctx) => new Response(`${ctx.requestId} ${ctx.requestId}`)
    const ask = async (port: number, id: string): Promise<string> =>
      (await exchange(port, `GET / HTTP/1.1\nHost: a\nX-Request-Id: ${id}`)).body
    const own = /^([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}) \1$/
    expect(await ask((await serve(show)).port, 'order-17')).toMatch(own)
    expect(await ask((await serve(show, { trustProxy: ['10.0.0.0/8'] })).port, 'order-17')).toMatch(own)
    const { port } = await serve(show, { trustProxy: ['127.0.0.1'] })
    expect(await ask(port, 'order-17')).toBe('order-17 order-17')
    for (const bad of ['two words', 'a,b', 'x'.repeat(129), 'a\nX-Request-Id: b'])
      expect(await ask(port, bad)).toMatch(own)
  })

  it('has immutable headers that pass for a Headers', async () => {
    const { url } = await serve((request) => {
      const { headers } = request
      const change = (): string => {
        try {
          headers.set('a', 'b')
          return 'changed'
        } catch (error) {
          return (error as Error).constructor.name
        }
      }
      return Response.json([
        headers instanceof Headers,
        change(),
        new Headers(headers).get('x-a'),
        headers.has('constructor'),
        headers.get('constructor'),
        new Request('http://x/', { headers }).headers.get('x-a'),
      ])
    })
    expect(await (await plainFetch(url, { headers: { 'x-a': '1' } })).json()).toEqual([
      true,
      'TypeError',
      '1',
      false,
      null,
      '1',
    ])
  })
})
