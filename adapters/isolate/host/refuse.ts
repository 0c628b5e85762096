import type { ServerResponse } from 'node:http'

const TEXTS: Readonly<Record<number, string>> = { 404: 'Not Found', 503: 'Service Unavailable' }

/** An answer of the host's own, as plain text that names the cause. The connection closes: a body may be on its way. */
export function refuse(outgoing: ServerResponse, status: number, cause: string): void {
  const text = `${TEXTS[status] ?? 'Error'}: ${cause}.`
  outgoing.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    connection: 'close',
    ...(status === 503 ? { 'retry-after': '1' } : {}),
  })
  outgoing.end(text)
}
