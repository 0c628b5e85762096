/**
 * The upstream server, which the conformance app fetches from: answers in every coding, late first chunks,
 * header values beyond ASCII, wrong lengths. Runs on Node, outside the target.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'

/** A running upstream server, which the conformance app fetches from. */
export interface Upstream {
  /** Origin of the upstream server, as the target reaches it. */
  readonly url: string
  stop(): Promise<void>
}

/** Default body of the upstream server's path `/answer`. */
export const UPSTREAM_TEXT = 'From upstream, for Zoë. '.repeat(40)

/**
 * Starts the upstream server that the conformance app fetches from. Its paths:
 *
 * - `/answer`: {@link UPSTREAM_TEXT}. Query: `coding` (content codings in the order applied, separated by
 *   commas, whether or not the client accepts them), `label` (content-encoding to send instead of `coding`),
 *   `length` (`exact`, the default; `none` sends chunks; a number is sent unchanged, true or not), `body` (in
 *   place of the text), `status`, `h=name:value` (further headers, written as Latin-1), `gate=KEY` (the body
 *   waits for `/open/KEY`).
 * - `/redirect?to=`: 302.
 * - `/echo`: returns the received method, headers as pairs, and the body as Latin-1.
 * - `/open/KEY`: opens that gate for good.
 */
export async function startUpstream({ host = '127.0.0.1', port = 0 } = {}): Promise<Upstream> {
  const gates = new Map<string, PromiseWithResolvers<void>>()
  const gate = (key: string): PromiseWithResolvers<void> => {
    let found = gates.get(key)
    if (found === undefined) gates.set(key, (found = Promise.withResolvers<void>()))
    return found
  }
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://upstream')
    const [, route, key = ''] = url.pathname.split('/')
    if (route === 'answer') void answer(url.searchParams, response, (name) => gate(name).promise)
    else if (route === 'redirect')
      response.writeHead(302, { location: url.searchParams.get('to') ?? '/answer' }).end()
    // A client of the upstream server that goes away receives no answer; other requests are not affected.
    else if (route === 'echo') echo(request, response).catch(() => response.destroy())
    else if (route === 'open') {
      gate(key).resolve()
      response.end('open')
    } else response.writeHead(404).end()
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

const ENCODERS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: (bytes) => gzipSync(bytes),
  'x-gzip': (bytes) => gzipSync(bytes),
  br: (bytes) => brotliCompressSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes),
}

async function answer(
  query: URLSearchParams,
  response: ServerResponse,
  opened: (key: string) => Promise<void>,
): Promise<void> {
  const codings = query.get('coding')?.split(',') ?? []
  const label = query.get('label') ?? codings.join(', ')
  const length = query.get('length') ?? 'exact'
  const status = Number(query.get('status') ?? 200)
  let body: Buffer = Buffer.from(query.get('body') ?? UPSTREAM_TEXT)
  for (const coding of codings) body = ENCODERS[coding]?.(body) ?? body
  const headers: string[] = ['content-type', query.get('type') ?? 'text/plain; charset=utf-8']
  if (label !== '') headers.push('content-encoding', label)
  if (length !== 'none') headers.push('content-length', length === 'exact' ? String(body.length) : length)
  for (const pair of query.getAll('h'))
    headers.push(pair.slice(0, pair.indexOf(':')), pair.slice(pair.indexOf(':') + 1))
  response.writeHead(status, headers)
  const key = query.get('gate')
  if (key !== null) {
    // An empty write sends the head of the upstream server's answer as Latin-1; flushHeaders() would write
    // header values as UTF-8.
    response.write(Buffer.alloc(0))
    await opened(key)
  }
  const promised = length === 'exact' || length === 'none' ? body.length : Number(length)
  if (response.req.method === 'HEAD') response.end()
  else if (body.length >= promised) response.end(body.subarray(0, promised))
  // The upstream server destroys the connection to tell the client that the rest of the answer's body is
  // missing.
  else response.write(body, () => response.destroy())
}

async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  const headers: [string, string][] = []
  for (let index = 0; index < request.rawHeaders.length; index += 2)
    headers.push([(request.rawHeaders[index] ?? '').toLowerCase(), request.rawHeaders[index + 1] ?? ''])
  const body = Buffer.concat(chunks).toString('latin1')
  response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ method: request.method, headers, body }))
}

/** Answer of the upstream server's path `/echo`. */
export interface Echo {
  method: string
  headers: [name: string, value: string][]
  /** Body of the echoed request as Latin-1: one character per byte. */
  body: string
}
