import { createServer, type Server, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import * as zlib from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { OutboundClient, type OutboundRequest } from '../../adapters/isolate/services/outbound/client.ts'
import { OutboundPolicy } from '../../adapters/isolate/services/outbound/rules.ts'

/** A request as its bytes came, and how to answer it. */
interface Arrived {
  /** Number of the connection it came by, from 0. */
  connection: number
  head: string
  socket: Socket
}

let server: Server
let client: OutboundClient
const sockets: Socket[] = []
afterEach(() => {
  client.close()
  for (const socket of sockets.splice(0)) socket.destroy()
  server.close()
})

/** A server that sees and sends bytes; returns how to send to it. */
async function listen(
  arrived: (request: Arrived) => void,
): Promise<(given?: Partial<OutboundRequest>) => Promise<Response>> {
  server = createServer((socket) => {
    const connection = sockets.push(socket) - 1
    let text = ''
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1')
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, end)
        const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
        if (text.length < end + 4 + length) return
        text = /transfer-encoding/i.test(head) ? '' : text.slice(end + 4 + length)
        arrived({ connection, head, socket })
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  client = new OutboundClient({ policy: new OutboundPolicy({ allow: ['127.0.0.1'] }) })
  return (given) =>
    client.fetch({ method: 'GET', url, headers: [], redirect: 'follow', body: null, ...given })
}

const answer = (socket: Socket, head: string, body: Uint8Array | string = ''): void => {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body
  socket.write(`HTTP/1.1 200 OK\r\n${head}content-length: ${bytes.byteLength}\r\n\r\n`, 'latin1')
  socket.write(bytes)
}
const streamOf = (...parts: string[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(new TextEncoder().encode(part))
      controller.close()
    },
  })

describe('an answer that is compressed', () => {
  const TEXT = 'decoded '.repeat(20)
  const CODED: readonly [string, Uint8Array][] = [
    ['gzip', zlib.gzipSync(TEXT)],
    ['x-gzip', zlib.gzipSync(TEXT)],
    [' GZip ', zlib.gzipSync(TEXT)],
    ['deflate', zlib.deflateSync(TEXT)],
    ['deflate', zlib.deflateRawSync(TEXT)],
    ['br', zlib.brotliCompressSync(TEXT)],
    ['zstd', zlib.zstdCompressSync(TEXT)],
    ['gzip, zstd', zlib.zstdCompressSync(zlib.gzipSync(TEXT))],
    ['identity, br', zlib.brotliCompressSync(TEXT)],
  ]

  it.each(CODED)('with %s comes decoded, without label and length', async (coding, bytes) => {
    const send = await listen(({ socket }) =>
      answer(socket, `content-encoding: ${coding}\r\netag: "x"\r\n`, bytes),
    )
    const response = await send({ headers: [['accept-encoding', 'identity']] })
    expect([...response.headers]).toEqual([['etag', '"x"']])
    expect(await response.text()).toBe(TEXT)
  })

  it.each(['gzip', 'deflate', 'br', 'zstd'])('with %s and no bytes is empty', async (coding) => {
    const send = await listen(({ socket }) => answer(socket, `content-encoding: ${coding}\r\n`))
    expect(await (await send()).text()).toBe('')
  })

  it('with bare deflate, of many megabytes, comes whole to a slow reader', async () => {
    const bytes = Buffer.alloc(8_000_000, 'some text that repeats ')
    const send = await listen(({ socket }) =>
      answer(socket, 'content-encoding: deflate\r\n', zlib.deflateRawSync(bytes)),
    )
    const seen: Uint8Array[] = []
    for await (const chunk of (await send()).body as ReadableStream<Uint8Array>) {
      seen.push(chunk)
      if (seen.length < 5) await new Promise(setImmediate)
    }
    expect(Buffer.concat(seen).equals(bytes)).toBe(true)
  })

  it.each(['gzip', 'deflate', 'br', 'zstd'])('with what is no %s breaks the body', async (coding) => {
    const send = await listen(({ socket }) =>
      answer(socket, `content-encoding: ${coding}\r\n`, 'no such data'),
    )
    await expect((await send()).text()).rejects.toThrow()
  })

  it.each(['unknown', 'gzip, unknown', 'gzip,gzip,gzip,gzip,gzip,gzip'])(
    'with %s is handed on as it is, with its label',
    async (coding) => {
      const send = await listen(({ socket }) => answer(socket, `content-encoding: ${coding}\r\n`, 'raw'))
      const response = await send()
      expect([...response.headers]).toEqual([
        ['content-encoding', coding],
        ['content-length', '3'],
      ])
      expect(await response.text()).toBe('raw')
    },
  )

  it('keeps label and length for HEAD, which tells of what a GET would get', async () => {
    const send = await listen(({ socket }) =>
      socket.write('HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 123\r\n\r\n'),
    )
    expect([...(await send({ method: 'HEAD' })).headers]).toEqual([
      ['content-encoding', 'gzip'],
      ['content-length', '123'],
    ])
  })

  it('is asked for where the app says nothing else', async () => {
    const heads: string[] = []
    const send = await listen(({ head, socket }) => {
      heads.push(head)
      answer(socket, '')
    })
    await (await send()).text()
    await (await send({ headers: [['accept-encoding', 'br;q=0.1']] })).text()
    expect(heads.map((head) => /accept-encoding: (.*)/.exec(head)?.[1])).toEqual([
      'gzip, deflate, br',
      'br;q=0.1',
    ])
  })
})

describe('a streamed body', () => {
  const framing = (head: string): string =>
    head
      .split('\r\n')
      .filter((line) => /^(content-length|transfer-encoding)/i.test(line))
      .join()
  it.each([
    [{ length: 6 }, 'content-length: 6'],
    [{}, 'transfer-encoding: chunked'],
    [{ headers: [['content-length', '6']] as const }, 'content-length: 6'],
    [{ length: 6, headers: [['content-length', '99']] as const }, 'content-length: 6'],
    [{ headers: [['content-length', '6, 6']] as const }, 'transfer-encoding: chunked'],
  ])('of %o goes out with %s', async (given, expected) => {
    const send = await listen(({ head, socket }) => answer(socket, '', framing(head)))
    const response = await send({ method: 'POST', body: streamOf('abc', 'def'), ...given })
    expect((await response.text()).toLowerCase()).toBe(expected)
  })

  it.each([4, 8])('of another length than %i, as announced, fails', async (length) => {
    const send = await listen(({ socket }) => answer(socket, '', 'never'))
    const sent = send({ method: 'POST', body: streamOf('abc', 'def'), length })
    await expect(sent.then((response) => response.text())).rejects.toThrow()
  })
})

describe('a connection that was kept and has been closed', () => {
  /** Answers the first request of a connection; the second one on it ends it, after `before` bytes. */
  async function once(before = ''): Promise<{
    send: (given?: Partial<OutboundRequest>) => Promise<Response>
    heads: string[]
  }> {
    const used = new Set<number>()
    const heads: string[] = []
    const send = await listen(({ connection, head, socket }) => {
      heads.push(`${connection} ${head.split(' ')[0]}`)
      if (used.has(connection)) return void (before === '' ? socket.resetAndDestroy() : socket.end(before))
      used.add(connection)
      answer(socket, '', 'answered')
    })
    // The connection is kept: the answer has been read to its end.
    await (await send()).text()
    return { send, heads }
  }

  it.each([
    ['GET', null],
    ['HEAD', null],
    ['OPTIONS', null],
    ['DELETE', null],
    ['PUT', 'body'],
    ['PUT', new Uint8Array([1])],
  ])('sends %s with %o once more', async (method, body) => {
    const { send, heads } = await once()
    expect((await send({ method, body: body as never })).status).toBe(200)
    expect(heads).toEqual(['0 GET', `0 ${method}`, `1 ${method}`])
  })

  it.each([
    ['POST', 'body'],
    ['PATCH', 'body'],
    ['PUT', streamOf('x')],
  ])('%s with %o may have been carried out, and fails', async (method, body) => {
    const { send, heads } = await once()
    await expect(send({ method, body: body as never })).rejects.toThrow('fetch failed')
    expect(heads).toEqual(['0 GET', `0 ${method}`])
  })

  it('an answer that had begun is not asked for again', async () => {
    const { send, heads } = await once('HTTP/1.1 20')
    await expect(send()).rejects.toThrow('fetch failed')
    expect(heads).toEqual(['0 GET', '0 GET'])
  })

  it('a new connection that is closed is a failure at once', async () => {
    let asked = 0
    const send = await listen(({ socket }) => {
      asked++
      socket.resetAndDestroy()
    })
    await expect(send()).rejects.toThrow('fetch failed')
    expect(asked).toBe(1)
  })

  it('a second one that is closed too is a failure', async () => {
    let asked = 0
    const send = await listen(({ socket }) => {
      asked++
      if (asked === 1) answer(socket, '')
      else socket.resetAndDestroy()
    })
    await (await send()).text()
    await expect(send()).rejects.toThrow('fetch failed')
    expect(asked).toBe(3)
  })
})

describe('header values', () => {
  it.each([
    ['no body', null],
    ['a text', 'tëxt'],
    ['bytes', new Uint8Array([1])],
    ['a stream', 'stream'],
  ])('above ASCII are one byte each, in and out, with %s', async (_name, body) => {
    let head = ''
    const send = await listen((request) => {
      head = request.head
      answer(request.socket, 'x-in: \xe4\xff\x80\r\n__proto__: kept\r\n')
    })
    const response = await send({
      method: body === null ? 'GET' : 'POST',
      headers: [
        ['x-out', 'caf\xe9 \x80\xff'],
        ['__proto__', 'sent'],
      ],
      body: body === 'stream' ? streamOf('ä') : body,
    })
    // The head has been read as one character for each byte.
    expect(head).toContain('\r\nx-out: caf\xe9 \x80\xff\r\n')
    expect(head).toContain('\r\n__proto__: sent\r\n')
    expect([response.headers.get('x-in'), response.headers.get('__proto__')]).toEqual([
      '\xe4\xff\x80',
      'kept',
    ])
  })
})
