/**
 * A server on node:http alone for controls and upstreams. It adds nothing to an answer: frameworks' own
 * servers set a `content-type` where the app left it out, and the like.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

export interface PlainServer {
  url: string
  close(): Promise<void>
}

/** Serves on a free port of 127.0.0.1. What the handler throws is a 500 and a line on stderr. */
export async function servePlainly(
  handler: (request: Request) => Response | Promise<Response>,
): Promise<PlainServer> {
  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing, handler).catch((error: unknown) => {
      console.error(error)
      if (outgoing.headersSent) outgoing.destroy()
      else
        outgoing.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' }).end('Internal Server Error')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => void server.close(() => resolve()))
    },
  }
}

async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  handler: (request: Request) => Response | Promise<Response>,
): Promise<void> {
  const response = await handler(toRequest(incoming))
  for (const [name, value] of response.headers) if (name !== 'set-cookie') outgoing.setHeader(name, value)
  const cookies = response.headers.getSetCookie()
  if (cookies.length > 0) outgoing.setHeader('set-cookie', cookies)
  outgoing.writeHead(response.status)
  if (response.body === null || incoming.method === 'HEAD') outgoing.end()
  // Some libraries answer with classes of their own, whose bodies are no streams of Node's class.
  else await pipeline(chunksOf(response.body), outgoing)
}

async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    yield value
  }
}

function toRequest(incoming: IncomingMessage): Request {
  const { method = 'GET', rawHeaders } = incoming
  const headers = new Headers()
  for (let at = 0; at < rawHeaders.length; at += 2)
    headers.append(rawHeaders[at] as string, rawHeaders[at + 1] as string)
  const hasBody = method !== 'GET' && method !== 'HEAD'
  return new Request(`http://${incoming.headers.host}${incoming.url}`, {
    method,
    headers,
    redirect: 'manual',
    ...(hasBody ? { body: Readable.toWeb(incoming) as RequestInit['body'], duplex: 'half' } : {}),
  } as RequestInit)
}
