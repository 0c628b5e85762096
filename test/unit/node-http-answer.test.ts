import { setTimeout as sleep } from 'node:timers/promises'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import type { HttpHandler } from '../../adapters/node-server/runtime/http/listener.ts'
import { PATIENCE } from '../patience.ts'
import { closeAll, encode, exchange, open, plainFetch, serve } from './node-http-server.ts'

afterAll(closeAll)

function streamOf(...chunks: unknown[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream<unknown>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk)
      controller.close()
    },
  }) as ReadableStream<Uint8Array<ArrayBuffer>>
}

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
    expect(head.match(/set-cookie: [^\r]*/g)).toEqual([
      'set-cookie: a=1',
      'set-cookie: b=2; Expires=Wed, 01 Jan 2031 00:00:00 GMT',
    ])
    expect(head).toContain('x-high: \xe9\xff')
    expect(body).toBe('\xc3\xbc')
  })

  it.each([
    ['HEAD of a text', 'HEAD', () => new Response('hello'), /content-length: 5/],
    ['HEAD of a stream', 'HEAD', () => new Response(new ReadableStream()), /200 OK/],
    [
      'HEAD with a length of its own',
      'HEAD',
      () => new Response(null, { headers: { 'content-length': '77' } }),
      /content-length: 77/,
    ],
    [
      '204',
      'GET',
      () => new Response(null, { status: 204, headers: { 'content-length': '0' } }),
      /204 No Content\r\n(?![^]*content-length)/,
    ],
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
    const { port } = await serve(
      () => new Response(new ReadableStream({ cancel: () => void (cancelled = true) })),
    )
    await exchange(port, 'HEAD / HTTP/1.1\nHost: a')
    expect(cancelled).toBe(true)
  })

  it('keeps its status text, and its content length right whatever the app says', async () => {
    const { port } = await serve(
      () =>
        new Response('hello', {
          statusText: 'Fine',
          headers: { 'content-length': '2', connection: 'upgrade', 'transfer-encoding': 'chunked' },
        }),
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
    [
      'a stream that fails before its first chunk',
      () => new Response(new ReadableStream({ pull: () => Promise.reject(new Error('secret detail')) })),
    ],
    [
      'a stream of no bytes',
      () => new Response(new ReadableStream({ start: (controller) => controller.enqueue(5) })),
    ],
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
    const { port } = await serve(
      () => new Response(new ReadableStream(), { headers: { 'content-type': 'text/event-stream' } }),
    )
    const connection = open(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(await connection.until(/\r\n\r\n/)).toMatch(/content-type: text\/event-stream/)
  })

  it('gives a stream that is ready at once a length', async () => {
    const { port } = await serve(
      () => new Response(new Blob(['ab', 'cd']).stream().pipeThrough(new TransformStream())),
    )
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
    const reads = { count: 0 }
    let cancelled: unknown
    const { port } = await serve(
      () =>
        new Response(
          new ReadableStream({
            pull(controller) {
              reads.count++
              controller.enqueue(new Uint8Array(64 * 1024))
            },
            cancel: (reason) => void (cancelled = reason),
          }),
        ),
    )
    const { socket } = open(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    socket.pause()
    // It fills what the system buffers, and then stops: a server that went on reading would never come to
    // this.
    let before: number
    do {
      before = reads.count
      await sleep(100)
    } while (reads.count !== before || reads.count === 0)
    socket.destroy()
    await expect.poll(() => (cancelled as Error | undefined)?.name, PATIENCE).toBe('AbortError')
  })

  it.each([
    [
      'a failure',
      (controller: ReadableStreamDefaultController) => controller.error(new Error('in the middle')),
      {},
    ],
    [
      'an end before its content-length',
      (controller: ReadableStreamDefaultController) => controller.close(),
      { 'content-length': '100' },
    ],
  ])('that breaks off by %s breaks the connection off, with a log line', async (_name, end, headers) => {
    const begun = Promise.withResolvers<void>()
    const { port, errors } = await serve(
      () =>
        new Response(
          new ReadableStream({
            async start(controller) {
              controller.enqueue(encode('begin'))
              await begun.promise
              end(controller)
            },
          }),
          { headers: headers as HeadersInit },
        ),
    )
    const { closed, received, until } = open(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await until(/begin/)
    begun.resolve()
    await closed
    expect(received()).toContain('begin')
    expect(received()).not.toMatch(/0\r\n\r\n$/)
    expect(errors).toHaveLength(1)
  })

  it.each([
    ['as it is', (fetched: Response) => fetched],
    ['remade', (fetched: Response) => new Response(fetched.body, fetched)],
    [
      'remade with its headers',
      (fetched: Response) => new Response(fetched.body, { headers: fetched.headers }),
    ],
    [
      'remade with more headers',
      (fetched: Response) => new Response(fetched.body, { headers: [...fetched.headers, ['x-b', 'é']] }),
    ],
    ['remade of its text', async (fetched: Response) => new Response(await fetched.text(), fetched)],
    [
      'through a transform',
      (fetched: Response) => new Response(fetched.body?.pipeThrough(new TransformStream()), fetched),
    ],
    ['as a clone', (fetched: Response) => fetched.clone()],
    [
      'as a clone of a clone, remade',
      (fetched: Response) => {
        const copy = fetched.clone().clone()
        return new Response(copy.body, copy)
      },
    ],
  ])('hands a fetched response on %s, decoded as undici has it', async (_name, make) => {
    const packed = gzipSync('hello'.repeat(100))
    const target = await serve(
      () => new Response(packed, { headers: { 'content-encoding': 'gzip', 'x-a': '1' } }),
    )
    const { port } = await serve(async () => make(await fetch(target.url)))
    const { head, body } = await exchange(port, 'GET / HTTP/1.1\nHost: a')
    expect(head).toMatch(/x-a: 1/)
    expect(head).not.toMatch(/content-encoding/)
    expect(body).toContain('hellohello')
  })

  it.each([
    ['gzip', (bytes: Buffer) => gzipSync(bytes), true],
    ['X-GZIP', (bytes: Buffer) => gzipSync(bytes), true],
    ['br', (bytes: Buffer) => brotliCompressSync(bytes), true],
    ['deflate', (bytes: Buffer) => deflateSync(bytes), true],
    ['zstd', (bytes: Buffer) => zstdCompressSync(bytes), true],
    ['gzip ,br', (bytes: Buffer) => brotliCompressSync(gzipSync(bytes)), true],
    ['identity', (bytes: Buffer) => bytes, false],
    ['gzip, x-own', (bytes: Buffer) => bytes, false],
    ['x-own', (bytes: Buffer) => bytes, false],
  ])('says of a fetched response in %s whether it was decoded', async (coding, pack, decoded) => {
    const packed = new Uint8Array(pack(Buffer.from('hello'.repeat(100))))
    const target = await serve(
      () => new Response(packed, { headers: { 'content-encoding': coding, 'x-a': '1' } }),
    )
    const seen = Promise.withResolvers<Response>()
    const { url } = await serve(async () => {
      seen.resolve(await fetch(target.url))
      return new Response()
    })
    await plainFetch(url)
    const fetched = await seen.promise
    expect([...fetched.headers.keys()].includes('content-encoding')).toBe(!decoded)
    expect([...fetched.headers.keys()].includes('content-length')).toBe(!decoded)
    expect(fetched.headers.get('x-a')).toBe('1')
    expect(() => fetched.headers.set('x-a', '2')).toThrow(TypeError)
    expect(() => fetched.clone().headers.delete('x-a')).toThrow(TypeError)
    expect([fetched.url, fetched.redirected]).toEqual([`${target.url}/`, false])
    expect(await fetched.text()).toBe('hello'.repeat(100))
  })

  it.each(['99', '2', 'None', '-1', '1e3'])(
    'ignores a content-length of %j where the body is known by the end of the turn',
    async (length) => {
      const headers = { 'content-length': length }
      for (const make of [
        () => new Response('hello', { headers }),
        () => new Response(new Blob(['hello']), { headers }),
        () => new Response(new Response('hello').body, { headers }),
        () => new Response(streamOf(encode('hel'), encode('lo')), { headers }),
      ]) {
        const { port } = await serve(make)
        const { head, body } = await exchange(port, 'GET / HTTP/1.1\nHost: a')
        expect(head).toMatch(/content-length: 5(\r|$)/)
        expect(body).toBe('hello')
      }
    },
  )

  it('writes its head as Latin-1 where the first chunk comes late', async () => {
    const gate = Promise.withResolvers<void>()
    const { port } = await serve(
      () =>
        new Response(
          new ReadableStream({
            async pull(controller) {
              await gate.promise
              controller.enqueue(encode('late'))
              controller.close()
            },
          }),
          { headers: { 'x-high': '\x80\xe9\xff' } },
        ),
    )
    const { received, until } = open(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await until(/\r\n\r\n/)
    expect(received()).toContain('x-high: \x80\xe9\xff\r\n')
    gate.resolve()
    await until(/late/)
  })

  it('takes text, ArrayBuffers and views of any kind as chunks, and reads the latter two', async () => {
    const chunks = (): unknown[] => [
      new Uint16Array(encode('16').buffer),
      encode('buffer').buffer,
      new DataView(encode('_view_').buffer, 1, 4),
    ]
    const { port } = await serve(() => new Response(streamOf('Zoë', ...chunks())))
    const { body } = await exchange(port, 'GET / HTTP/1.1\nHost: a')
    expect(body).toBe('Zo\xc3\xab16bufferview')
    const seen: unknown[] = []
    const { url } = await serve(async () => {
      seen.push(await new Response(streamOf(...chunks())).text())
      seen.push(await new Response(streamOf('text')).text().catch((error: unknown) => error))
      return new Response()
    })
    await plainFetch(url)
    expect(seen).toEqual(['16bufferview', expect.any(TypeError)])
  })

  it('leaves waitUntil work running, to be waited for', async () => {
    const work: Promise<unknown>[] = []
    let done = false
    const gate = Promise.withResolvers<void>()
    const { url } = await serve(
      (_request, ctx) => {
        ctx.waitUntil(gate.promise.then(() => (done = true)))
        return new Response('x')
      },
      { onBackground: (promise) => work.push(promise) },
    )
    await (await plainFetch(url)).text()
    expect([done, work.length]).toEqual([false, 1])
    gate.resolve()
    await Promise.all(work)
    expect(done).toBe(true)
  })

  it('follows a body that nobody read, on the same connection', async () => {
    const { port } = await serve((request) => new Response(request.url))
    const { until } = open(
      port,
      `POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100_000)}GET /two HTTP/1.1\r\nHost: a\r\n\r\n`,
    )
    await until(/one[^]*http:\/\/a\/two$/)
  })
})
