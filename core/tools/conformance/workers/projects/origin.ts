/** A server that Workers fetch from: answers in several codings. Runs on Node. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliCompressSync, gzipSync } from 'node:zlib'

/** The text of each of its answers. */
export const ORIGIN_TEXT = 'from the origin, '.repeat(500)

const ANSWERS: Readonly<Record<string, () => Uint8Array>> = {
  gzip: () => gzipSync(ORIGIN_TEXT),
  br: () => brotliCompressSync(ORIGIN_TEXT),
  plain: () => Buffer.from(ORIGIN_TEXT),
}

/** Serves `/gzip`, `/br` and `/plain`, whatever the client accepts. */
export async function startOrigin(): Promise<{ url: string; stop(): void }> {
  const server = createServer((request, response) => {
    const name = request.url?.slice(1) ?? ''
    const bytes = ANSWERS[name]?.()
    if (bytes === undefined) return void response.writeHead(404).end()
    const label = name === 'plain' ? {} : { 'content-encoding': name }
    response.writeHead(200, { 'content-type': 'text/plain', 'x-kept': 'yes', connection: 'close', ...label })
    response.end(bytes)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop: () => server.close() }
}
