import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Lab, startLab } from './isolate-lab.ts'

let lab: Lab
let server: Server
let url: string
beforeAll(async () => {
  // Says what it got, as text: how it was framed, and its bytes as hexadecimal.
  server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('error', () => {})
    incoming.on('end', () => {
      const { 'content-length': length, 'transfer-encoding': coding } = incoming.headers
      const bytes = Buffer.concat(chunks)
      outgoing.end(`${length ?? coding ?? 'none'} ${bytes.byteLength > 99 ? 'many' : bytes.toString('hex')}`)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  lab = await startLab()
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await lab[Symbol.asyncDispose]()
})

/** Sends a request as bytes and returns the answer's, one character each. */
async function exchange(head: string, body: string): Promise<string> {
  const socket = connect(Number(new URL(lab.runtime.url).port), '127.0.0.1')
  socket.write(
    `POST /run HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${head}\r\n${body}`,
    'latin1',
  )
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(socket, 'close')
  return Buffer.concat(chunks).toString('latin1')
}

describe('chunks of a body', () => {
  const STREAM = `const stream = (make) => new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode('<')); c.enqueue(make()); c.enqueue('>'); c.close() } });`
  it.each([
    [`'ä€'`, '3cc3a4e282ac3e'],
    [`''`, '3c3e'],
    [`'a\\ud800'`, '3c61efbfbd3e'],
    [`new Uint16Array([258, 259])`, '3c020103013e'],
    [`new DataView(new TextEncoder().encode('abcd').buffer, 1, 2)`, '3c62633e'],
    [`new TextEncoder().encode('buf').buffer`, '3c6275663e'],
    [`new TextEncoder().encode('abcdef').subarray(1, 3)`, '3c62633e'],
    [`new Uint8Array(new SharedArrayBuffer(2))`, '3c00003e'],
    [`new ArrayBuffer(0)`, '3c3e'],
  ])('may be %s, sent and answered', async (make, hex) => {
    expect(
      await lab.run(
        `${STREAM} return (await fetch('${url}', { method: 'POST', body: stream(() => ${make}) })).text()`,
      ),
    ).toBe(`chunked ${hex}`)
    const answer = await lab.send(`${STREAM} return new Response(stream(() => ${make}))`)
    expect(Buffer.from(await answer.arrayBuffer()).toString('hex')).toBe(hex)
  })

  it.each([`5`, `null`, `undefined`, `{}`, `new Blob(['x'])`, `new SharedArrayBuffer(2)`])(
    'are not %s: the request fails, and so does the answer',
    async (make) => {
      expect(
        await lab.run(
          `${STREAM} return fetch('${url}', { method: 'POST', body: stream(() => ${make}) }).then((r) => r.text(), (error) => [error.name, /gives views of bytes, ArrayBuffers or text/.test(error.message)])`,
        ),
      ).toEqual(['TypeError', true])
      const answer = await lab.send(`${STREAM} return new Response(stream(() => ${make}))`)
      expect([answer.status, await answer.text()]).toEqual([500, 'Internal Server Error'])
    },
  )

  it('are bytes where an app reads them: text is refused there, as on workerd', async () => {
    expect(
      await lab.run(
        `const read = (chunk) => new Response(new ReadableStream({ start(c) { c.enqueue(chunk); c.close() } })).text().catch((error) => error.name);
         return [await read(new Uint16Array([0x6161])), await read(new TextEncoder().encode('ab').buffer), await read(new DataView(new TextEncoder().encode('abc').buffer, 1)), await read('text'), await read(7)]`,
      ),
    ).toEqual(['aa', 'ab', 'bc', 'TypeError', 'TypeError'])
  })
})

describe('a body of known length', () => {
  it.each([
    ['text', `'abc'`],
    ['bytes', `new Uint8Array(3)`],
    ['a Blob', `new Blob(['abc'])`],
    ['the stream of a Blob', `new Blob(['abc']).stream()`],
    ['the stream of a large Blob', `new Blob([new Uint8Array(200_000)]).stream()`],
    ['the stream of a Response of text', `new Response('abc').body`],
    ['a branch of one', `new Response('abc').body.tee()[1]`],
    ['a copy of one', `new Response(new Response('abc').body).clone().body`],
    ['what was fetched', `(await fetch('UPSTREAM')).body`],
    ['a Request', `new Request('http://x/', { method: 'POST', body: 'abc' }).body`],
    ['URLSearchParams', `new URLSearchParams({ a: '1' })`],
    [
      'the stream of a stored blob',
      `(await env.files.put('known', 'abcdef'), (await env.files.get('known')).body)`,
    ],
    [
      'the stream of a large stored blob',
      `(await env.files.put('large', new Uint8Array(200_000)), (await env.files.get('large')).body)`,
    ],
    [
      'a stream whose length the app says',
      `new Response('abc').body.pipeThrough(new TransformStream()), headers: { 'content-length': '3' }`,
    ],
  ])('goes out with it: %s', async (_name, body) => {
    const got = await lab.run(
      `return (await fetch('${url}', { method: 'POST', body: ${body.replace('UPSTREAM', url)} })).text()`,
    )
    expect(got).toMatch(/^\d+ /)
  })

  it('is passed on with it, whichever way the request came in', async () => {
    const long = 'x'.repeat(100_000)
    const pass = `return fetch('${url}', { method: 'POST', body: new Response(REST).body })`
    expect(await (await lab.send(pass.replace('REST', `'${long}'`))).text()).toBe('100000 many')
  })

  it('needs no duplex where it is not known', async () => {
    expect(
      await lab.run(
        `const body = new Response('abc').body.pipeThrough(new TransformStream()); const asked = new Request('${url}', { method: 'POST', body }); return [asked.duplex, await (await fetch(asked)).text()]`,
      ),
    ).toEqual(['half', 'chunked 616263'])
  })
})

describe('headers', () => {
  it('of one byte a character come in and go out so', async () => {
    const answer = await exchange(
      'x-in: caf\xe9 \x80\xff\r\n',
      `return new Response([...request.headers.get('x-in')].map((c) => c.charCodeAt(0)).join(), { headers: [['x-out', request.headers.get('x-in')], ['__proto__', 'kept']] })`,
    )
    expect(answer).toMatch(/\r\n__proto__: kept\r\n/)
    expect(answer).toMatch(/\r\nx-out: caf\xe9 \x80\xff\r\n/)
    expect(answer).toMatch(/\r\n99,97,102,233,32,128,255$/)
  })

  it('of a request that came in, and of what was fetched, are immutable; copies are not', async () => {
    expect(
      await lab.run(`
        const may = (work) => { try { work(); return true } catch (error) { return error.name } };
        const fetched = await fetch('${url}');
        return [
          may(() => request.headers.set('a', 'b')), may(() => request.headers.append('a', 'b')), may(() => request.headers.delete('a')),
          may(() => new Headers(request.headers).set('a', 'b')), may(() => new Request('http://x/', { headers: request.headers }).headers.set('a', 'b')),
          may(() => fetched.headers.set('a', 'b')), may(() => fetched.clone().headers.set('a', 'b')), may(() => new Response(null, fetched).headers.set('a', 'b')),
          may(() => new Response('x').headers.set('a', 'b')), may(() => Response.redirect('http://x/').headers.set('a', 'b')),
        ]`),
    ).toEqual([
      'TypeError',
      'TypeError',
      'TypeError',
      true,
      true,
      'TypeError',
      'TypeError',
      true,
      true,
      'TypeError',
    ])
  })
})

describe('compression', () => {
  it.each(['gzip', 'deflate', 'deflate-raw', 'brotli'])(
    'with %s, what is written and closed before anybody reads ends',
    async (format) => {
      expect(
        await lab.run(`
          const all = async (stream, ...chunks) => { const writer = stream.writable.getWriter(); for (const chunk of chunks) await writer.write(chunk); await writer.close(); return new Uint8Array(await new Response(stream.readable).arrayBuffer()) };
          const bytes = new Uint8Array(1_000_000); for (let at = 0; at < bytes.length; at += 50_000) crypto.getRandomValues(bytes.subarray(at, at + 50_000));
          const packed = await all(new CompressionStream('${format}'), bytes, bytes.subarray(0, 10), bytes);
          const back = await all(new DecompressionStream('${format}'), packed);
          return [packed.length > 1_000_000, back.length, back.subarray(0, 1_000_000).every((byte, at) => byte === bytes[at])]`),
      ).toEqual([true, 2_000_010, true])
    },
  )

  it('holds a fast source back once megabytes wait for a slow reader', async () => {
    expect(
      await lab.run(`
        const bytes = new Uint8Array(60_000); let pulled = 0;
        const source = new ReadableStream({ pull(c) { pulled++; c.enqueue(crypto.getRandomValues(bytes.slice())) } }, { highWaterMark: 0 });
        const reader = source.pipeThrough(new CompressionStream('gzip')).getReader();
        while (pulled * bytes.length < 4_000_000) await new Promise((resolve) => setTimeout(resolve, 5));
        // Each is a job of the host's, as each chunk is: a source that nobody holds back gets on as far.
        for (let job = 0; job < 300; job++) await crypto.subtle.digest('SHA-256', bytes);
        await reader.cancel();
        return pulled * bytes.length < 8_000_000`),
    ).toBe(true)
  })
})
