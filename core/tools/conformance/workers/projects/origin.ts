/**
 * The origin server, which Workers of the cases fetch from; it answers in several content codings. Runs on
 * Node.
 */
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net'
import { brotliCompressSync, gzipSync } from 'node:zlib'

/** Decoded text of all answers of the origin server. */
export const ORIGIN_TEXT = 'from the origin, '.repeat(500)

const ANSWERS: Readonly<Record<string, () => Uint8Array>> = {
  gzip: () => gzipSync(ORIGIN_TEXT),
  br: () => brotliCompressSync(ORIGIN_TEXT),
  plain: () => Buffer.from(ORIGIN_TEXT),
}

/**
 * Starts the origin server for `/gzip`, `/br` and `/plain`, whatever the client accepts, and a TCP server
 * that echoes.
 */
export async function startOrigin(): Promise<{ url: string; echo: string; stop(): void }> {
  const server = createServer((request, response) => {
    const name = request.url?.slice(1) ?? ''
    const bytes = ANSWERS[name]?.()
    if (bytes === undefined) return void response.writeHead(404).end()
    const label = name === 'plain' ? {} : { 'content-encoding': name }
    response.writeHead(200, { 'content-type': 'text/plain', 'x-kept': 'yes', connection: 'close', ...label })
    response.end(bytes)
  })
  const echo = createTcpServer((socket) => void socket.on('error', () => {}).pipe(socket))
  for (const one of [server, echo])
    await new Promise<void>((listening) => void one.listen(0, '127.0.0.1', listening))
  const hostOf = (one: TcpServer): string => `127.0.0.1:${(one.address() as AddressInfo).port}`
  return {
    url: `http://${hostOf(server)}`,
    echo: hostOf(echo),
    stop() {
      server.close()
      echo.close()
    },
  }
}
