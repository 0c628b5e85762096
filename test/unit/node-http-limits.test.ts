import { afterAll, describe, expect, it } from 'vitest'
import { closeAll, encode, exchange, open, plainFetch, serve } from './node-http-server.ts'

afterAll(closeAll)

const late = (): { promise: Promise<void>; resolve: () => void } => Promise.withResolvers<void>()

describe('a client that has closed its side', () => {
  it('is answered, also after a while', async () => {
    const gate = late()
    const { port } = await serve(async () => (await gate.promise, new Response('answered')))
    const { socket, until } = open(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const closed = new Promise<void>((resolve) => socket.end(() => resolve()))
    await closed
    gate.resolve()
    expect(await until(/answered/)).toContain('HTTP/1.1 200')
  })

  it.each(['end', 'destroySoon'] as const)('has its body read whole after %s', async (how) => {
    const [gate, reached, read] = [late(), late(), Promise.withResolvers<string>()]
    const { port, errors } = await serve(async (request) => {
      reached.resolve()
      await gate.promise
      read.resolve(await request.text().catch((error: Error) => `${error.name}: ${error.message}`))
      return new Response('x')
    })
    const { socket } = open(port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nthe body')
    await reached.promise
    await new Promise((resolve) => {
      socket.once('finish', resolve)
      socket[how]()
    })
    gate.resolve()
    expect(await read.promise).toBe('the body')
    expect(errors).toEqual([])
  })

  it('whose connection is reset loses an unread body, for a true reason', async () => {
    const [gate, reached, read] = [late(), late(), Promise.withResolvers<string>()]
    const { port, idle } = await serve(async (request) => {
      reached.resolve()
      await gate.promise
      read.resolve(await request.text().catch((error: Error) => error.message))
      return new Response('x')
    })
    const { socket } = open(port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nthe body')
    await reached.promise
    socket.resetAndDestroy()
    await idle()
    gate.resolve()
    expect(await read.promise).toMatch(/^The connection broke before the request body, which had arrived/)
  })

  it('and is then gone is noticed, though nothing is written', async () => {
    const [reached, aborted] = [late(), late()]
    const { port, url } = await serve(({ url: asked, signal }) => {
      if (!asked.endsWith('/hang')) return new Response('x')
      signal.addEventListener('abort', () => aborted.resolve())
      reached.resolve()
      return new Promise(() => {})
    })
    const { socket } = open(port, 'GET /hang HTTP/1.1\r\nHost: a\r\n\r\n')
    await reached.promise
    await new Promise<void>((resolve) => socket.end(() => resolve()))
    // The server has seen the end by when it answers this.
    await plainFetch(url)
    // What a kernel sends for a program that is gone, a minute after its end.
    socket.resetAndDestroy()
    await aborted.promise
  })
})

describe('limits of a server', () => {
  it('keep an idle connection for 65 s, and say so, unless told otherwise', async () => {
    const keepAlive = async (limits: object): Promise<string | null> => {
      const { url } = await serve(() => new Response('x'), {}, limits)
      return (await plainFetch(url)).headers.get('keep-alive')
    }
    expect(await keepAlive({})).toBe('timeout=65')
    expect(await keepAlive({ keepAliveTimeout: 120 })).toBe('timeout=120')
  })

  it('take a head of 64 KiB, or as much as they are told, and refuse more with a 431', async () => {
    const status = async (size: number, limits: object = {}): Promise<number> => {
      const { port } = await serve(() => new Response('x'), {}, limits)
      return (await exchange(port, `GET / HTTP/1.1\nHost: a\nX-Long: ${'h'.repeat(size)}`)).status
    }
    expect(await status(65_000)).toBe(200)
    expect(await status(66_000)).toBe(431)
    expect(await status(5000, { maxHeaderBytes: 4096 })).toBe(431)
  })

  it('end an upload that pauses for too long with a 408, and reject its read', async () => {
    const read = Promise.withResolvers<string>()
    const { port } = await serve(
      async (request) => {
        read.resolve(await request.text().catch((error: Error) => error.message))
        return new Response('x')
      },
      {},
      { uploadTimeout: 0.3 },
    )
    const { closed, received } = open(port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc')
    await closed
    expect(received()).toMatch(/^HTTP\/1\.1 408 [^]*Request Timeout$/)
    expect(await read.promise).toBe('The client sent nothing more of its request body for 0.3 s.')
  })

  it('do not blame a client whose body the handler does not read', async () => {
    const [gate, size] = [late(), 3_000_000]
    const { port } = await serve(
      async (request) => {
        await gate.promise
        return new Response(String((await request.bytes()).byteLength))
      },
      {},
      { uploadTimeout: 0.2 },
    )
    const { socket, until } = open(port, `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`)
    socket.write('x'.repeat(size))
    // Several times the limit.
    setTimeout(() => gate.resolve(), 1500)
    expect(await until(/3000000$/)).toContain('HTTP/1.1 200')
  })

  it('end a whole request that takes too long, however it trickles', async () => {
    const { port } = await serve(
      async (request) => new Response(await request.text()),
      {},
      { uploadTotalTimeout: 0.5 },
    )
    const { socket, closed, received } = open(
      port,
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n',
    )
    const feed = setInterval(() => socket.write('x'), 50)
    await closed
    clearInterval(feed)
    expect(received()).toMatch(/^HTTP\/1\.1 408 /)
  })

  it('give a handler that never answers a 503 that names the limit, and others their answers', async () => {
    const { url } = await serve(
      (request) =>
        request.url.endsWith('/hang') ? new Promise(() => {}) : Promise.resolve(new Response('x')),
      { wallTimeout: 0.4 },
    )
    const hanging = plainFetch(`${url}/hang`)
    expect((await plainFetch(url)).status).toBe(200)
    const answer = await hanging
    expect([answer.status, await answer.text()]).toEqual([
      503,
      'Service Unavailable: no answer came within the limit of wallTimeout, 0.4 s.',
    ])
  })

  it('do not cut an answer that has begun', async () => {
    const { url } = await serve(
      async () =>
        new Response(
          new ReadableStream({
            async start(controller) {
              controller.enqueue(encode('first;'))
              await new Promise((resolve) => setTimeout(resolve, 600))
              controller.enqueue(encode('last'))
              controller.close()
            },
          }),
        ),
      { wallTimeout: 0.2 },
    )
    expect(await (await plainFetch(url)).text()).toBe('first;last')
  })
})

describe('ctx.client', () => {
  it('is the other end of the connection, whatever a client says', async () => {
    const { url } = await serve((_request, ctx) => Response.json(ctx.client))
    const answer = await plainFetch(url, {
      headers: { 'x-forwarded-for': '203.0.113.66', 'cf-connecting-ip': '203.0.113.66' },
    })
    expect(await answer.json()).toEqual({
      remote: {
        address: '127.0.0.1',
        addressType: 'IPv4',
        port: expect.any(Number) as number,
        transport: 'tcp',
      },
    })
  })

  it('is what a trusted proxy says, from the right, and without a port', async () => {
    const ask = async (trustProxy: true | string[]): Promise<unknown> => {
      const { url } = await serve((request, ctx) => Response.json([ctx.client, request.url]), { trustProxy })
      const answer = await plainFetch(`${url}/`, {
        headers: { 'x-forwarded-for': '203.0.113.66, 192.0.2.7', 'x-forwarded-host': 'example.com' },
      })
      return answer.json()
    }
    const believed = [{ remote: { address: '192.0.2.7', addressType: 'IPv4' } }, 'http://example.com/']
    expect(await ask(true)).toEqual(believed)
    expect(await ask(['127.0.0.0/8'])).toEqual(believed)
    expect(await ask(['10.0.0.0/8'])).toEqual([
      { remote: expect.objectContaining({ address: '127.0.0.1' }) as object },
      expect.stringContaining('http://127.0.0.1:') as string,
    ])
  })

  it('is still known when the client has gone', async () => {
    const [gate, reached, told] = [late(), late(), Promise.withResolvers<unknown>()]
    const { port, idle } = await serve(async (_request, ctx) => {
      reached.resolve()
      await gate.promise
      told.resolve(ctx.client.remote.address)
      return new Response('x')
    })
    const { socket } = open(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await reached.promise
    socket.resetAndDestroy()
    await idle()
    gate.resolve()
    expect(await told.promise).toBe('127.0.0.1')
  })
})

describe('a malformed request', () => {
  it.each([
    ['garbage', 'GARBAGE\r\n\r\n', 400],
    ['no Host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
    ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['another authority in its target', 'GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 400],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
    ],
    ['CONNECT', 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n', 501],
    ['TRACE', 'TRACE / HTTP/1.1\r\nHost: a\r\n\r\n', 501],
  ])('(%s) is refused, its connection closes, and the server serves on', async (_what, text, status) => {
    const { port, url } = await serve(() => new Response('x'))
    const { closed, received } = open(port, text)
    await closed
    expect(received()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect((await plainFetch(url)).status).toBe(200)
  })

  it.each(['http://a:80/x?y=1', 'HTTP://a/x?y=1', '/x?y=1'])('is none with the target %s', async (target) => {
    const { port } = await serve((request) => new Response(request.url))
    expect((await exchange(port, `GET ${target} HTTP/1.1\nHost: a:80`)).body).toBe('http://a/x?y=1')
  })
})

describe('a header named __proto__', () => {
  it('is kept beside others, joined where it is repeated', async () => {
    const { port } = await serve(({ headers }) =>
      Response.json([headers.get('__proto__'), headers.has('__PROTO__'), [...headers].map(([name]) => name)]),
    )
    const { body } = await exchange(
      port,
      'GET / HTTP/1.1\nHost: a\n__proto__: one\nX-Last: x\n__Proto__: two',
    )
    expect(JSON.parse(body)).toEqual(['one, two', true, ['__proto__', 'connection', 'host', 'x-last']])
    expect(({} as { one?: unknown }).one).toBeUndefined()
  })
})
