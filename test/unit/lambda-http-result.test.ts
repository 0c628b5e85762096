import { describe, expect, it } from 'vitest'
import { bufferedLimit, toBufferedResult, toHead } from '../../adapters/lambda/runtime/http-result.ts'

describe('head', () => {
  it('has one cookie entry per Set-Cookie and none joined in the headers', () => {
    const response = new Response('x')
    response.headers.append('set-cookie', 'a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT')
    response.headers.append('set-cookie', 'b=2')
    const { head } = toHead(response, 'GET')
    expect(head.cookies).toEqual(['a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT', 'b=2'])
    expect(head.headers).not.toHaveProperty('set-cookie')
  })

  it('leaves out what describes a connection', () => {
    const { head } = toHead(
      new Response('x', { headers: { connection: 'close', 'transfer-encoding': 'chunked', 'x-a': '1' } }),
      'GET',
    )
    expect(head.headers).toEqual({ 'content-type': 'text/plain;charset=UTF-8', 'x-a': '1' })
  })

  it.each([
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 205],
    ['GET', 304],
  ])('%s %d has no body', (method, status) => {
    const response = new Response(status === 200 ? 'body' : null, {
      status,
      headers: { 'content-length': '4' },
    })
    expect(toHead(response, method)).toMatchObject({ body: null, head: { statusCode: status } })
  })

  it.each(['4', '99', 'None'])(
    'leaves the length of a body to the front, also where the app says %j',
    (value) => {
      const headers = { 'content-length': value }
      expect(toHead(new Response('body', { headers }), 'GET').head.headers).not.toHaveProperty(
        'content-length',
      )
      expect(toHead(new Response(null, { headers }), 'GET').head.headers).not.toHaveProperty('content-length')
      expect(toHead(new Response('body', { headers }), 'HEAD').head.headers).not.toHaveProperty(
        'content-length',
      )
    },
  )

  it('keeps the length of what GET has, if it is one', () => {
    const headers = (value: string): object =>
      toHead(new Response(null, { headers: { 'content-length': value } }), 'HEAD').head.headers
    expect([headers('77'), headers('None')]).toEqual([{ 'content-length': '77' }, {}])
  })

  it('cancels a body that HTTP does not let out', async () => {
    let cancelled = false
    toHead(new Response(new ReadableStream({ cancel: () => void (cancelled = true) })), 'HEAD')
    await Promise.resolve()
    expect(cancelled).toBe(true)
  })

  it('makes a 500 of Response.error()', () => {
    expect(toHead(Response.error(), 'GET').head.statusCode).toBe(500)
  })
})

describe('buffered result', () => {
  it('has text as text', async () => {
    expect(await toBufferedResult(Response.json({ a: '€' }), 'GET', 'url')).toMatchObject({
      body: '{"a":"€"}',
      isBase64Encoded: false,
    })
  })

  it.each<[string, Response]>([
    ['binary types', new Response(Uint8Array.of(0, 255), { headers: { 'content-type': 'image/png' } })],
    ['no type', new Response(Uint8Array.of(65))],
    [
      'compressed text',
      new Response(Uint8Array.of(31, 139, 8), {
        headers: { 'content-type': 'text/html', 'content-encoding': 'gzip' },
      }),
    ],
    [
      'text that is not UTF-8',
      new Response(Uint8Array.of(255, 254), { headers: { 'content-type': 'text/plain' } }),
    ],
  ])('has base64 without line breaks for %s', async (_, response) => {
    const expected = Buffer.from(await response.clone().arrayBuffer())
    const result = await toBufferedResult(response, 'GET', 'url')
    expect(result).toMatchObject({ isBase64Encoded: true })
    expect(result?.body).not.toMatch(/\s/)
    expect(Buffer.from(result?.body ?? '', 'base64')).toEqual(expected)
  })

  it('counts base64 against the limit', async () => {
    const size = Math.floor((bufferedLimit('url') - 200) / 4) * 3
    expect(await toBufferedResult(new Response(new Uint8Array(size - 300)), 'GET', 'url')).toBeDefined()
    expect(await toBufferedResult(new Response(new Uint8Array(size + 300)), 'GET', 'url')).toBeUndefined()
  })

  it('counts what escapes add', async () => {
    const text = '"'.repeat(bufferedLimit('url') / 2 + 1)
    expect(await toBufferedResult(new Response(text), 'GET', 'url')).toBeUndefined()
  })

  it('stops reading at the limit and cancels the rest', async () => {
    let chunks = 0
    let cancelled = false
    const body = new ReadableStream({
      pull(controller) {
        chunks++
        controller.enqueue(new Uint8Array(1024 * 1024))
      },
      cancel: () => void (cancelled = true),
    })
    expect(await toBufferedResult(new Response(body), 'GET', 'url')).toBeUndefined()
    expect(cancelled).toBe(true)
    expect(chunks).toBeLessThan(10)
  })

  it('rejects for a stream of numbers', async () => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(5)
        controller.close()
      },
    })
    await expect(toBufferedResult(new Response(body), 'GET', 'url')).rejects.toThrow('Uint8Array')
  })
})
