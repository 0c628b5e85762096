import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { service } from '../../adapters/drivers/http/index.ts'
import { service as declareService } from '../../core/bindings/declarations.ts'
import type { ServiceDriver } from '../../core/bindings/drivers.ts'
import { Service } from '../../core/bindings/service.ts'
import { reservePort } from '../../core/tools/conformance/backends/ports.ts'
import { PATIENCE } from '../patience.ts'
import { driverContext, failure, pattern } from './contracts/harness.ts'

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

let aborted = 0
/** Called when a request comes that is never answered. */
let onNever: () => void = () => {}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://x')
  switch (pathname) {
    case '/base/echo':
      response.setHeader('content-type', request.headers['content-type'] ?? 'application/octet-stream')
      response.end(await bodyOf(request))
      return
    case '/base/redirect':
      response.writeHead(302, { location: 'https://elsewhere.example/x' }).end()
      return
    case '/base/empty':
      response.writeHead(204).end()
      return
    case '/base/cookies':
      response.writeHead(200, { 'set-cookie': ['a=1', 'b=2'] }).end('ok')
      return
    case '/base/gzip':
      response
        .writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'text/plain' })
        .end(gzipSync('compressed anyway'))
      return
    case '/base/fail':
      response.writeHead(500).end('broken')
      return
    case '/base/never':
      response.on('close', () => aborted++)
      onNever()
      return
    case '/base/cut':
      await bodyOf(request)
      request.socket.destroy()
      return
    case '/base/stream': {
      // Answers each chunk as it comes.
      response.writeHead(200)
      for await (const chunk of request) response.write(chunk)
      response.end()
      return
    }
    default:
      response.end(
        JSON.stringify({
          method: request.method,
          url: request.url,
          headers: request.headers,
          body: (await bodyOf(request)).toString(),
        }),
      )
  }
}

describe('http service driver', () => {
  let server: Server
  let port: number
  let driver: ServiceDriver
  let api: Service
  const open = (url: string, timeout?: number): ServiceDriver =>
    service(
      timeout === undefined ? { url } : { url, timeout },
      driverContext({ binding: 'api', declaration: declareService() }),
    ) as ServiceDriver

  beforeAll(async () => {
    server = createServer(
      (request, response) => void answer(request, response).catch(() => response.destroy()),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
    driver = open(`http://127.0.0.1:${port}/base/`)
    api = new Service(driver, { binding: 'api' })
  })
  afterAll(
    () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(resolve)
      }),
  )

  it('method, path, query and headers arrive; the host is the target', async () => {
    const response = await api.fetch('https://ignored.example/a%2Fb/?x=1&x=2&y=a%20b+c', {
      method: 'PUT',
      headers: {
        'x-one': '1',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        connection: 'keep-alive, x-hop',
        'x-hop': 'no',
      },
      body: 'text',
    })
    const seen = (await response.json()) as {
      method: string
      url: string
      body: string
      headers: Record<string, string>
    }
    expect(seen).toMatchObject({ method: 'PUT', url: '/base/a%2Fb/?x=1&x=2&y=a%20b+c', body: 'text' })
    expect(seen.headers).toMatchObject({
      'x-one': '1',
      host: `127.0.0.1:${port}`,
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    })
    expect(seen.headers['x-hop']).toBeUndefined()
    expect(((await (await api.fetch('/path?q=1')).json()) as { url: string }).url).toBe('/base/path?q=1')
  })

  it('5 MB of binary data both ways', async () => {
    const bytes = pattern(5_000_000)
    const response = await api.fetch('/echo', {
      method: 'POST',
      body: bytes,
      headers: { 'content-type': 'image/png' },
    })
    expect(response.headers.get('content-type')).toBe('image/png')
    expect(Buffer.compare(new Uint8Array(await response.arrayBuffer()), bytes)).toBe(0)
  })

  it('bodies stream both ways: the first chunk comes back before the last is sent', async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const writer = writable.getWriter()
    void writer.write(Buffer.from('first'))
    const response = await api.fetch('/stream', {
      method: 'POST',
      body: readable,
      duplex: 'half',
    } as RequestInit)
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('first')
    void writer.write(Buffer.from('last'))
    void writer.close()
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('last')
    expect((await reader.read()).done).toBe(true)
  })

  it('redirects, empty answers, cookies and failures come back as they are', async () => {
    const redirect = await api.fetch('/redirect')
    expect([redirect.status, redirect.headers.get('location')]).toEqual([302, 'https://elsewhere.example/x'])
    const empty = await api.fetch('/empty')
    expect([empty.status, empty.body]).toEqual([204, null])
    expect((await api.fetch('/cookies')).headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    const failed = await api.fetch('/fail')
    expect([failed.status, await failed.text()]).toEqual([500, 'broken'])
  })

  it('a compressed answer is decoded, and does not say otherwise', async () => {
    const response = await api.fetch('/gzip', { headers: { 'accept-encoding': 'gzip, br' } })
    expect(await response.text()).toBe('compressed anyway')
    expect(response.headers.get('content-encoding')).toBeNull()
    expect(
      ((await (await api.fetch('/any')).json()) as { headers: Record<string, string> }).headers[
        'accept-encoding'
      ],
    ).toBe('identity')
  })

  it("the caller's abort reaches the service", async () => {
    const before = aborted
    const controller = new AbortController()
    onNever = () => controller.abort()
    await failure(api.fetch('/never', { signal: controller.signal }), 'Aborted')
    await expect.poll(() => aborted, PATIENCE).toBe(before + 1)
    onNever = () => {}
  })

  it('no answer in time is Timeout', async () => {
    const error = await failure(
      open(`http://127.0.0.1:${port}/base`, 0.1).fetch(new Request('http://api/never')),
      'Timeout',
    )
    expect(error).toMatchObject({
      retryable: true,
      mayHaveApplied: true,
      message: expect.stringContaining('within 0.1 s'),
    })
  })

  it('the timeout ends with the headers: a slow body is no error', async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const writer = writable.getWriter()
    void writer.write(Buffer.from('a'))
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const response = await open(`http://127.0.0.1:${port}/base`, 0.2).fetch(
        new Request('http://api/stream', { method: 'POST', body: readable, duplex: 'half' } as RequestInit),
      )
      vi.advanceTimersByTime(400)
      void writer.write(Buffer.from('b'))
      void writer.close()
      expect(await response.text()).toBe('ab')
    } finally {
      vi.useRealTimers()
    }
  })

  it('a service that is not there is Unavailable, not applied; one that drops the connection may have acted', async () => {
    const unused = await reservePort()
    const url = `http://127.0.0.1:${unused.port}`
    const nobody = await failure(
      open(url).fetch(new Request('http://api/x', { method: 'POST', body: 'x' })),
      'Unavailable',
    )
    expect(nobody).toMatchObject({ retryable: true, mayHaveApplied: false })
    expect(nobody.message).toContain(url)
    unused.release()
    await failure(open('http://127.0.0.1:1').fetch(new Request('http://api/x')), 'InvalidArgument')
    expect(await failure(api.fetch('/cut', { method: 'POST', body: 'x' }), 'Unavailable')).toMatchObject({
      mayHaveApplied: true,
      binding: 'api',
      operation: 'fetch',
    })
  })

  it("a request's body that fails is Aborted", async () => {
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.error(new Error('the source broke'))
      },
    })
    await failure(api.fetch('/echo', { method: 'POST', body, duplex: 'half' } as RequestInit), 'Aborted')
  })

  it('100 calls at once do not mix', async () => {
    const texts = await Promise.all(
      Array.from({ length: 100 }, async (_, index) =>
        (await api.fetch('/echo', { method: 'POST', body: `body ${index}` })).text(),
      ),
    )
    expect(texts).toEqual(Array.from({ length: 100 }, (_, index) => `body ${index}`))
  })

  it('a url that is none is refused at start, a missing one names its variable', () => {
    expect(() => open('ftp://x')).toThrow(expect.objectContaining({ code: 'InvalidArgument' }))
    expect(() => service({}, driverContext({ binding: 'api', declaration: declareService() }))).toThrow(
      /API_URL/,
    )
  })
})
