import { AsyncLocalStorage } from 'node:async_hooks'
import type { Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { installGlobals } from '../../adapters/node/runtime/globals.ts'
import { createHttpServer, type HttpHandler, type HttpOptions } from '../../adapters/node/runtime/http.ts'

const plainFetch = globalThis.fetch
const servers: Server[] = []
const sockets: Socket[] = []

beforeAll(() => installGlobals())
afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve).closeAllConnections())))
})

interface Running {
  url: string
  port: number
  /** What was logged. */
  errors: string[]
}

async function serve(handler: HttpHandler, options: HttpOptions = {}): Promise<Running> {
  const errors: string[] = []
  const server = createHttpServer(handler, { onError: (message, error) => errors.push(`${message} ${String(error)}`), ...options })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port, errors }
}

/** A socket of its own, and all that came back so far as Latin-1. */
function open(port: number, text: string): { socket: Socket; received: () => string; until: (pattern: RegExp) => Promise<string>; closed: Promise<void> } {
  const socket = connect(port, '127.0.0.1')
  sockets.push(socket)
  let text0 = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => (text0 += chunk))
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  socket.write(text, 'latin1')
  const until = async (pattern: RegExp): Promise<string> => {
    for (let wait = 0; wait < 500; wait++) {
      if (pattern.test(text0)) return text0
      await sleep(10)
    }
    throw new Error(`never came: ${pattern}; came: ${text0}`)
  }
  return { socket, received: () => text0, until, closed }
}

/** One exchange over a connection of its own. */
async function exchange(port: number, head: string, body = ''): Promise<{ status: number; head: string; body: string }> {
  const { received, closed } = open(port, `${head.trim().replaceAll(/\r?\n/g, '\r\n')}\r\nConnection: close\r\n\r\n${body}`)
  await closed
  const text = received()
  const end = text.indexOf('\r\n\r\n')
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]), head: text.slice(0, end), body: text.slice(end + 4) }
}

const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)

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
    expect(seen.headers.map(([name]: [string]) => name)).toEqual(['authorization', 'connection', 'cookie', 'host', 'x-high', 'x-twice'])
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
    const head = 'GET / HTTP/1.1\nHost: inner\nX-Forwarded-Proto: http, https\nX-Forwarded-Host: evil, outer.example'
    const show: HttpHandler = (request) => new Response(request.url)
    expect((await exchange((await serve(show)).port, head)).body).toBe('http://inner/')
    const { port } = await serve(show, { trustProxy: true })
    expect((await exchange(port, head)).body).toBe('https://outer.example/')
    expect((await exchange(port, 'GET / HTTP/1.1\nHost: a\nX-Forwarded-Host: b/c')).status).toBe(400)
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
    expect(await (await plainFetch(url, { headers: { 'x-a': '1' } })).json()).toEqual([true, 'TypeError', '1', false, null, '1'])
  })

  it('is a Request that can be cloned, remade and read once', async () => {
    const { url } = await serve(async (request) => {
      const clone = request.clone()
      const remade = new Request(request, { headers: { 'x-b': '1' } })
      const result = [
        request instanceof Request,
        clone instanceof Request,
        request.bodyUsed,
        remade.method,
        remade.headers.get('x-b'),
        await remade.text(),
        await clone.text(),
        request.bodyUsed,
      ]
      return Response.json([...result, await request.text().catch((error: Error) => error.constructor.name)])
    })
    expect(await (await plainFetch(url, { method: 'PUT', body: 'bödy' })).json()).toEqual([true, true, true, 'PUT', '1', 'bödy', 'bödy', true, 'TypeError'])
  })

  it('is remade under another URL with its body', async () => {
    const { url } = await serve(async (request) => {
      const other = new Request('http://other/x', request)
      return new Response(`${other.method} ${other.url} ${other.headers.get('x-a')} ${await other.text()}`)
    })
    expect(await (await plainFetch(url, { method: 'POST', body: 'b', headers: { 'x-a': '1' } })).text()).toBe('POST http://other/x 1 b')
  })

  it('cannot be remade or read after its body was read', async () => {
    const { url } = await serve(async (request) => {
      await request.text()
      const remake = (): string => {
        try {
          return String(new Request(request))
        } catch (error) {
          return (error as Error).constructor.name
        }
      }
      return Response.json([request.bodyUsed, remake(), request.body?.locked, await request.json().catch((error: Error) => error.constructor.name)])
    })
    expect(await (await plainFetch(url, { method: 'POST', body: '{}' })).json()).toEqual([true, 'TypeError', false, 'TypeError'])
  })

  it.each(['text', 'json', 'arrayBuffer', 'bytes', 'blob', 'formData', 'stream'] as const)('reads its body as %s', async (how) => {
    const { url } = await serve(async (request) => {
      switch (how) {
        case 'text':
          return new Response(await request.text())
        case 'json':
          return Response.json(await request.json())
        case 'arrayBuffer':
          return new Response(await request.arrayBuffer())
        case 'bytes':
          return new Response(await request.bytes())
        case 'blob':
          return new Response((await request.blob()).stream())
        case 'formData':
          return Response.json([...(await request.formData())])
        case 'stream':
          return new Response(request.body)
      }
    })
    if (how === 'formData') {
      const data = new FormData()
      data.append('a', '1')
      data.append('a', 'ü')
      expect(await (await plainFetch(url, { method: 'POST', body: data })).json()).toEqual([
        ['a', '1'],
        ['a', 'ü'],
      ])
    } else expect(await (await plainFetch(url, { method: 'POST', body: '{"a":"ü"}' })).text()).toBe('{"a":"ü"}')
  })

  it('decodes text as TextDecoder does', async () => {
    const { url } = await serve(async (request) => new Response(await request.text()))
    const samples = [
      [0xef, 0xbb, 0xbf, 0x61],
      [0xef, 0xbb],
      [0xff, 0x61, 0xc3],
      [0xe2, 0x82, 0x28, 0xf0, 0x9f, 0x98],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [],
    ]
    for (const sample of samples) {
      const bytes = Uint8Array.from(sample)
      expect(await (await plainFetch(url, { method: 'POST', body: bytes })).text()).toBe(new TextDecoder().decode(encode(new TextDecoder().decode(bytes))))
    }
  })

  it('carries all bytes both ways, also 5 MB of them', async () => {
    const { url } = await serve((request) => new Response(request.body))
    const bytes = Uint8Array.from({ length: 5 * 1024 * 1024 }, (_, index) => (index * 7) % 256)
    const answer = new Uint8Array(await (await plainFetch(url, { method: 'POST', body: bytes })).arrayBuffer())
    expect(Buffer.compare(answer, bytes)).toBe(0)
  })

  it('has a byte stream for a body', async () => {
    const { url } = await serve(async (request) => {
      const reader = (request.body as ReadableStream<Uint8Array>).getReader({ mode: 'byob' })
      const { value } = await reader.read(new Uint8Array(2))
      await reader.cancel()
      return new Response(value)
    })
    expect(await (await plainFetch(url, { method: 'POST', body: 'abc' })).text()).toBe('ab')
  })

  it('streams in: the handler sees the first bytes before the last are sent', async () => {
    const seen: string[] = []
    const { port } = await serve(async (request) => {
      for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) seen.push(new TextDecoder().decode(chunk))
      return new Response('done')
    })
    const connection = open(port, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n')
    while (seen.length === 0) await sleep(5)
    expect(seen).toEqual(['one'])
    connection.socket.write('3\r\ntwo\r\n0\r\n\r\n')
    await connection.until(/done/)
    expect(seen).toEqual(['one', 'two'])
  })

  it('holds a sender back while the handler does not read', async () => {
    let read: (() => void) | undefined
    const may = new Promise<void>((resolve) => (read = resolve))
    const { port } = await serve(async (request) => {
      const reader = (request.body as ReadableStream<Uint8Array>).getReader()
      await reader.read()
      await may
      let size = 0
      for (let next = await reader.read(); !next.done; next = await reader.read()) size += next.value.byteLength
      return new Response(String(size))
    })
    const size = 64 * 1024 * 1024
    const { socket, until } = open(port, `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`)
    socket.write(Buffer.alloc(size))
    await sleep(300)
    // The kernel's buffers take a few MB; the rest waits in the client.
    expect(socket.bytesWritten - socket.writableLength).toBeLessThan(size)
    expect(socket.writableLength).toBeGreaterThan(size / 2)
    read?.()
    await until(/\r\n\r\n/)
  })

  it('aborts its signal when the client goes away, and rejects a read', async () => {
    const outcome: string[] = []
    const { port } = await serve(async (request) => {
      request.signal.addEventListener('abort', () => outcome.push(`signal ${(request.signal.reason as Error).name}`))
      await request.text().catch((error: Error) => outcome.push(`read ${error.name}`))
      await sleep(50)
      return new Response('x')
    })
    const { socket } = open(port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc')
    await sleep(50)
    socket.destroy()
    await sleep(100)
    expect(outcome.toSorted()).toEqual(['read AbortError', 'signal AbortError'])
  })

  it.each(['text', 'body'] as const)('cannot be read (%s) after the answer was sent', async (how) => {
    const outcome = Promise.withResolvers<string>()
    const { url } = await serve((request) => {
      const read = async (): Promise<unknown> => (how === 'text' ? request.text() : request.body?.getReader().read())
      void sleep(50).then(async () => outcome.resolve(await read().then(String, (error: Error) => error.message)))
      return new Response('x')
    })
    await (await plainFetch(url, { method: 'POST', body: 'abc' })).text()
    expect(await outcome.promise).toMatch(/after the answer was sent/)
  })

  it('that the client broke off is no failure to be logged', async () => {
    const { port, errors } = await serve(async (request) => new Response(await request.text()))
    const { socket } = open(port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc')
    await sleep(50)
    socket.destroy()
    await sleep(100)
    expect(errors).toEqual([])
  })

  it('does not abort its signal after a whole answer, and has it aborted if asked too late', async () => {
    const signals: AbortSignal[] = []
    const { port, url } = await serve(async (request) => {
      if (request.url.endsWith('/late')) await sleep(100)
      signals.push(request.signal)
      return new Response('x')
    })
    await (await plainFetch(url)).text()
    const { socket } = open(port, 'GET /late HTTP/1.1\r\nHost: a\r\n\r\n')
    await sleep(30)
    socket.destroy()
    await sleep(150)
    expect(signals.map((signal) => signal.aborted)).toEqual([false, true])
  })

  it('over maxBodyBytes is a 413, declared or not', async () => {
    let reached = 0
    const { port } = await serve(
      async (request) => {
        reached++
        return new Response(await request.text())
      },
      { maxBodyBytes: 4 },
    )
    expect((await exchange(port, 'POST / HTTP/1.1\nHost: a\nContent-Length: 5', 'abcde')).status).toBe(413)
    expect(reached).toBe(0)
    expect((await exchange(port, 'POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked', '3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n')).status).toBe(413)
    expect((await exchange(port, 'POST / HTTP/1.1\nHost: a\nContent-Length: 4', 'abcd')).body).toBe('abcd')
  })

  it.each(['declared', 'streamed'])('of 20 MB (%s) over maxBodyBytes: the client sees the 413, whatever the handler does', async (how) => {
    const bytes = new Uint8Array(20_000_000)
    const send = async (handler: HttpHandler): Promise<number> => {
      const { url } = await serve(handler, { maxBodyBytes: 1_000_000 })
      const body = how === 'declared' ? bytes : new Blob([bytes]).stream()
      return (await plainFetch(url, { method: 'POST', body, duplex: 'half' } as RequestInit)).status
    }
    // A handler that answers while it reads has sent its status by then; the connection breaks off instead.
    if (how === 'declared') expect(await send((request) => new Response(request.body))).toBe(413)
    expect(
      await send(async (request) => {
        await request.text().catch(() => {})
        return new Response('never seen')
      }),
    ).toBe(413)
  })

  it("is passed on by fetch, without its connection's headers and without following redirects", async () => {
    const target = await serve((request) => {
      if (request.url.endsWith('/moved')) return Response.redirect('http://elsewhere.example/', 302)
      return request
        .text()
        .then((body) =>
          Response.json({ host: request.headers.get('host'), upgrade: request.headers.get('upgrade-insecure-requests'), te: request.headers.get('te'), body }),
        )
    })
    const { port } = await serve(async (request) => {
      const path = new URL(request.url).pathname
      if (path === '/moved') return fetch(new Request(target.url + path, request))
      return fetch(target.url + path, request)
    })
    const answer = await exchange(
      port,
      'POST /x HTTP/1.1\nHost: front\nTE: trailers\nUpgrade-Insecure-Requests: 1\nTransfer-Encoding: chunked',
      '2\r\nhi\r\n0\r\n\r\n',
    )
    expect(answer.body).toContain(JSON.stringify({ host: target.url.slice(7), upgrade: '1', te: null, body: 'hi' }))
    expect((await exchange(port, 'GET /moved HTTP/1.1\nHost: front')).head).toMatch(/^HTTP\/1.1 302 [^]*location: http:\/\/elsewhere\.example\//)
  })

  it('keeps AsyncLocalStorage to itself', async () => {
    const storage = new AsyncLocalStorage<string>()
    const { url } = await serve((request) =>
      storage.run(request.headers.get('x-id') as string, async () => {
        const body = await request.text()
        await sleep(Math.random() * 20)
        return new Response(`${storage.getStore()} ${body}`)
      }),
    )
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, id) => (await plainFetch(url, { method: 'POST', body: `b${id}`, headers: { 'x-id': String(id) } })).text()),
    )
    expect(answers).toEqual(Array.from({ length: 100 }, (_, id) => `${id} b${id}`))
  })
})

describe('the answer', () => {
  it('has several Set-Cookie, and header bytes as they are beside a UTF-8 body', async () => {
    const { port } = await serve(
      () =>
        new Response('ü', {
          headers: [
            ['set-cookie', 'a=1'],
            ['Set-Cookie', 'b=2; Expires=Wed, 01 Jan 2031 00:00:00 GMT'],
            ['x-high', '\xe9\xff'],
          ],
        }),
    )
    const { head, body } = await exchange(port, 'GET / HTTP/1.1\nHost: a')
    expect(head.match(/set-cookie: [^\r]*/g)).toEqual(['set-cookie: a=1', 'set-cookie: b=2; Expires=Wed, 01 Jan 2031 00:00:00 GMT'])
    expect(head).toContain('x-high: \xe9\xff')
    expect(body).toBe('\xc3\xbc')
  })

  it.each([
    ['HEAD of a text', 'HEAD', () => new Response('hello'), /content-length: 5/],
    ['HEAD of a stream', 'HEAD', () => new Response(new ReadableStream()), /200 OK/],
    ['HEAD with a length of its own', 'HEAD', () => new Response(null, { headers: { 'content-length': '77' } }), /content-length: 77/],
    ['204', 'GET', () => new Response(null, { status: 204, headers: { 'content-length': '0' } }), /204 No Content\r\n(?![^]*content-length)/],
    ['205', 'GET', () => new Response(null, { status: 205 }), /205 [^]*content-length: 0/],
    ['304', 'GET', () => new Response(null, { status: 304, headers: { etag: '"a"' } }), /304 [^]*etag: "a"/],
    ['no body', 'GET', () => new Response(null), /content-length: 0/],
  ])('%s has no body', async (_name, method, make, head) => {
    const { port } = await serve(make)
    const answer = await exchange(port, `${method} / HTTP/1.1\nHost: a`)
    expect(answer.head).toMatch(head)
    expect(answer.head).not.toMatch(/transfer-encoding/i)
    expect(answer.body).toBe('')
  })

  it('cancels the stream of a HEAD', async () => {
    let cancelled = false
    const { port } = await serve(() => new Response(new ReadableStream({ cancel: () => void (cancelled = true) })))
    await exchange(port, 'HEAD / HTTP/1.1\nHost: a')
    expect(cancelled).toBe(true)
  })

  it('keeps its status text, and its content length right whatever the app says', async () => {
    const { port } = await serve(
      () => new Response('hello', { statusText: 'Fine', headers: { 'content-length': '2', connection: 'upgrade', 'transfer-encoding': 'chunked' } }),
    )
    const { head, body } = await exchange(port, 'GET / HTTP/1.1\nHost: a')
    expect(head).toMatch(/^HTTP\/1\.1 200 Fine\r\n/)
    expect(head).toMatch(/content-length: 5/)
    expect(head).not.toMatch(/transfer-encoding|upgrade/)
    expect(body).toBe('hello')
  })

  it.each([
    [
      'a throw',
      () => {
        throw new Error('secret detail')
      },
    ],
    ['a rejection', () => Promise.reject(new Error('secret detail'))],
    ['an invalid status', () => new Response('', { status: 99 })],
    ['an invalid header', () => new Response('', { headers: { 'a b': 'c' } })],
    ['a line break in a header', () => new Response('', { headers: { a: 'b\r\nc: d' } })],
    ['a header that HTTP/1.1 cannot carry', () => new Response('x', { headers: { a: '\x01' } })],
    ['an error response', () => Response.error()],
    [
      'a body that was read',
      async () => {
        const r = new Response('x')
        await r.text()
        return r
      },
    ],
    ['no response', () => undefined as unknown as Response],
    ['a stream that fails before its first chunk', () => new Response(new ReadableStream({ pull: () => Promise.reject(new Error('secret detail')) }))],
    ['a stream of no bytes', () => new Response(new ReadableStream({ start: (controller) => controller.enqueue('text') }))],
  ] as [string, HttpHandler][])('for %s is a 500 with a log line and no details', async (_name, handler) => {
    const { port, errors } = await serve(handler)
    const { status, body } = await exchange(port, 'GET /x HTTP/1.1\nHost: a')
    expect([status, body]).toEqual([500, 'Internal Server Error'])
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatch(/^GET \/x failed: /)
  })

  it('streams out: chunks arrive in order, the first before the last is made', async () => {
    let next: (() => void) | undefined
    const { port } = await serve(() => {
      let index = 0
      return new Response(
        new ReadableStream({
          async pull(controller) {
            if (index > 0) await new Promise<void>((resolve) => (next = resolve))
            controller.enqueue(encode(`part${index++};`))
            if (index === 3) controller.close()
          },
        }),
      )
    })
    const connection = open(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(await connection.until(/part0;/)).not.toContain('part1')
    next?.()
    expect(await connection.until(/part1;/)).not.toContain('part2')
    next?.()
    expect(await connection.until(/0\r\n\r\n$/)).toMatch(/part0;[^]*part1;[^]*part2;/)
  })

  it('sends its head while the first chunk is still to come', async () => {
    const { port } = await serve(() => new Response(new ReadableStream(), { headers: { 'content-type': 'text/event-stream' } }))
    const connection = open(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(await connection.until(/\r\n\r\n/)).toMatch(/content-type: text\/event-stream/)
  })

  it('gives a stream that is ready at once a length', async () => {
    const { port } = await serve(() => new Response(new Blob(['ab', 'cd']).stream().pipeThrough(new TransformStream())))
    const ready = await serve(
      () =>
        new Response(
          new ReadableStream({
            start(controller) {
              controller.enqueue(encode('ab'))
              controller.enqueue(encode('cd'))
              controller.close()
            },
          }),
        ),
    )
    expect((await exchange(ready.port, 'GET / HTTP/1.1\nHost: a')).head).toMatch(/content-length: 4/)
    expect((await exchange(port, 'GET / HTTP/1.0\nHost: a')).body).toBe('abcd')
  })

  it('gives a Blob its length and type', async () => {
    const { port } = await serve(() => new Response(new Blob(['hello'], { type: 'text/css' })))
    const { head, body } = await exchange(port, 'GET / HTTP/1.1\nHost: a')
    expect(head).toMatch(/content-type: text\/css[^]*content-length: 5/)
    expect(body).toBe('hello')
  })

  it('stops reading a stream while the client does not take it, and cancels it when the client goes', async () => {
    let made = 0
    let cancelled: unknown
    const { port } = await serve(
      () =>
        new Response(
          new ReadableStream({
            pull(controller) {
              made++
              controller.enqueue(new Uint8Array(64 * 1024))
            },
            cancel: (reason) => void (cancelled = reason),
          }),
        ),
    )
    const { socket } = open(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    socket.pause()
    await sleep(300)
    const before = made
    expect(before * 64).toBeLessThan(64 * 1024)
    await sleep(100)
    expect(made).toBe(before)
    socket.destroy()
    await sleep(100)
    expect((cancelled as Error).name).toBe('AbortError')
  })

  it.each([
    ['a failure', (controller: ReadableStreamDefaultController) => controller.error(new Error('in the middle')), {}],
    ['an end before its content-length', (controller: ReadableStreamDefaultController) => controller.close(), { 'content-length': '100' }],
  ])('that breaks off by %s breaks the connection off, with a log line', async (_name, end, headers) => {
    const { port, errors } = await serve(
      () =>
        new Response(
          new ReadableStream({
            async start(controller) {
              controller.enqueue(encode('begin'))
              await sleep(30)
              end(controller)
            },
          }),
          { headers: headers as HeadersInit },
        ),
    )
    const { closed, received } = open(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await closed
    expect(received()).toContain('begin')
    expect(received()).not.toMatch(/0\r\n\r\n$/)
    expect(errors).toHaveLength(1)
  })

  it.each([
    ['as it is', (fetched: Response) => fetched],
    ['remade', (fetched: Response) => new Response(fetched.body, fetched)],
    ['remade with its headers', (fetched: Response) => new Response(fetched.body, { headers: fetched.headers })],
    ['remade with more headers', (fetched: Response) => new Response(fetched.body, { headers: [...fetched.headers, ['x-b', 'é']] })],
  ])('hands a fetched response on %s, decoded as undici has it', async (_name, make) => {
    const { gzipSync } = await import('node:zlib')
    const packed = gzipSync('hello'.repeat(100))
    const target = await serve(() => new Response(packed, { headers: { 'content-encoding': 'gzip', 'x-a': '1' } }))
    const { port } = await serve(async () => make(await fetch(target.url)))
    const { head, body } = await exchange(port, 'GET / HTTP/1.1\nHost: a')
    expect(head).toMatch(/x-a: 1/)
    expect(head).not.toMatch(/content-encoding/)
    expect(body).toContain('hellohello')
  })

  it('leaves waitUntil work running, to be waited for', async () => {
    const work: Promise<unknown>[] = []
    let done = false
    const { url } = await serve(
      (_request, ctx) => {
        ctx.waitUntil(sleep(100).then(() => (done = true)))
        return new Response('x')
      },
      { onBackground: (promise) => work.push(promise) },
    )
    await (await plainFetch(url)).text()
    expect([done, work.length]).toEqual([false, 1])
    await Promise.all(work)
    expect(done).toBe(true)
  })

  it('follows a body that nobody read, on the same connection', async () => {
    const { port } = await serve((request) => new Response(request.url))
    const { until } = open(port, `POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100_000)}GET /two HTTP/1.1\r\nHost: a\r\n\r\n`)
    await until(/one[^]*http:\/\/a\/two$/)
  })
})
