import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import type { HttpHandler } from '../../adapters/node-server/runtime/http/listener.ts'
import { PATIENCE } from '../patience.ts'
import { closeAll, encode, exchange, open, plainFetch, serve } from './node-http-server.ts'

afterAll(closeAll)

describe('the request as an object', () => {
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
    expect(await (await plainFetch(url, { method: 'PUT', body: 'bödy' })).json()).toEqual([
      true,
      true,
      true,
      'PUT',
      '1',
      'bödy',
      'bödy',
      true,
      'TypeError',
    ])
  })

  it('may have a stream as its body without duplex, as on Workers', async () => {
    const { url } = await serve((request) => new Response(request.body))
    const body = (): ReadableStream => new Blob(['streamed']).stream()
    expect(await new Request('http://x/', { method: 'POST', body: body() }).text()).toBe('streamed')
    expect(await (await fetch(url, { method: 'POST', body: body() })).text()).toBe('streamed')
    expect(await (await fetch(new Request(url, { method: 'POST', body: body() }))).text()).toBe('streamed')
  })

  it('is remade under another URL with its body', async () => {
    const { url } = await serve(async (request) => {
      const other = new Request('http://other/x', request)
      return new Response(`${other.method} ${other.url} ${other.headers.get('x-a')} ${await other.text()}`)
    })
    expect(await (await plainFetch(url, { method: 'POST', body: 'b', headers: { 'x-a': '1' } })).text()).toBe(
      'POST http://other/x 1 b',
    )
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
      return Response.json([
        request.bodyUsed,
        remake(),
        request.body?.locked,
        await request.json().catch((error: Error) => error.constructor.name),
      ])
    })
    expect(await (await plainFetch(url, { method: 'POST', body: '{}' })).json()).toEqual([
      true,
      'TypeError',
      false,
      'TypeError',
    ])
  })

  it.each(['text', 'json', 'arrayBuffer', 'bytes', 'blob', 'formData', 'stream'] as const)(
    'reads its body as %s',
    async (how) => {
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
      } else
        expect(await (await plainFetch(url, { method: 'POST', body: '{"a":"ü"}' })).text()).toBe('{"a":"ü"}')
    },
  )

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
      expect(await (await plainFetch(url, { method: 'POST', body: bytes })).text()).toBe(
        new TextDecoder().decode(encode(new TextDecoder().decode(bytes))),
      )
    }
  })

  it('carries all bytes both ways, also 5 MB of them', async () => {
    const { url } = await serve((request) => new Response(request.body))
    const bytes = Uint8Array.from({ length: 5 * 1024 * 1024 }, (_, index) => (index * 7) % 256)
    const answer = new Uint8Array(
      await (await plainFetch(url, { method: 'POST', body: bytes })).arrayBuffer(),
    )
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
      for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>)
        seen.push(new TextDecoder().decode(chunk))
      return new Response('done')
    })
    const connection = open(
      port,
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n',
    )
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
      for (let next = await reader.read(); !next.done; next = await reader.read())
        size += next.value.byteLength
      return new Response(String(size))
    })
    const size = 32 * 1024 * 1024
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
    const reached = Promise.withResolvers<void>()
    const { port } = await serve(async (request) => {
      request.signal.addEventListener('abort', () =>
        outcome.push(`signal ${(request.signal.reason as Error).name}`),
      )
      const read = request.text().catch((error: Error) => outcome.push(`read ${error.name}`))
      reached.resolve()
      await read
      return new Response('x')
    })
    const { socket } = open(port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc')
    await reached.promise
    socket.destroy()
    await expect.poll(() => outcome.toSorted(), PATIENCE).toEqual(['read AbortError', 'signal AbortError'])
  })

  it.each(['text', 'body'] as const)('cannot be read (%s) after the answer was sent', async (how) => {
    const outcome = Promise.withResolvers<string>()
    const answered = Promise.withResolvers<void>()
    const { url } = await serve((request) => {
      const read = async (): Promise<unknown> =>
        how === 'text' ? request.text() : request.body?.getReader().read()
      void answered.promise.then(async () =>
        outcome.resolve(await read().then(String, (error: Error) => error.message)),
      )
      return new Response('x')
    })
    await (await plainFetch(url, { method: 'POST', body: 'abc' })).text()
    answered.resolve()
    expect(await outcome.promise).toMatch(/after the answer was sent/)
  })

  it('that the client broke off is no failure to be logged', async () => {
    const reached = Promise.withResolvers<void>()
    const { port, errors, idle } = await serve(async (request) => {
      const body = request.text()
      reached.resolve()
      return new Response(await body)
    })
    const { socket } = open(port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc')
    await reached.promise
    socket.destroy()
    await idle()
    // A line would be written in the turn in which the read fails.
    await sleep(20)
    expect(errors).toEqual([])
  })

  it('does not abort its signal after a whole answer, and has it aborted if asked too late', async () => {
    const signals: AbortSignal[] = []
    const [reached, gone] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const { port, url, idle } = await serve(async (request) => {
      if (request.url.endsWith('/late')) {
        reached.resolve()
        await gone.promise
      }
      signals.push(request.signal)
      return new Response('x', { headers: { connection: 'close' } })
    })
    await (await plainFetch(url, { headers: { connection: 'close' } })).text()
    const { socket } = open(port, 'GET /late HTTP/1.1\r\nHost: a\r\n\r\n')
    await reached.promise
    // A mere close could as well be a client that still listens.
    socket.resetAndDestroy()
    await idle()
    gone.resolve()
    await expect.poll(() => signals.map((signal) => signal.aborted), PATIENCE).toEqual([false, true])
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
    expect(
      (
        await exchange(
          port,
          'POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked',
          '3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n',
        )
      ).status,
    ).toBe(413)
    expect((await exchange(port, 'POST / HTTP/1.1\nHost: a\nContent-Length: 4', 'abcd')).body).toBe('abcd')
  })

  it.each(['declared', 'streamed'])(
    'of 20 MB (%s) over maxBodyBytes: the client sees the 413, whatever the handler does',
    async (how) => {
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
    },
  )

  it("is passed on by fetch, without its connection's headers and without following redirects", async () => {
    const target = await serve((request) => {
      if (request.url.endsWith('/moved')) return Response.redirect('http://elsewhere.example/', 302)
      return request.text().then((body) =>
        Response.json({
          host: request.headers.get('host'),
          upgrade: request.headers.get('upgrade-insecure-requests'),
          te: request.headers.get('te'),
          body,
        }),
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
    expect(answer.body).toContain(
      JSON.stringify({ host: target.url.slice(7), upgrade: '1', te: null, body: 'hi' }),
    )
    expect((await exchange(port, 'GET /moved HTTP/1.1\nHost: front')).head).toMatch(
      /^HTTP\/1.1 302 [^]*location: http:\/\/elsewhere\.example\//,
    )
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
      Array.from({ length: 100 }, async (_, id) =>
        (await plainFetch(url, { method: 'POST', body: `b${id}`, headers: { 'x-id': String(id) } })).text(),
      ),
    )
    expect(answers).toEqual(Array.from({ length: 100 }, (_, id) => `${id} b${id}`))
  })
})
