import type { ServerResponse } from 'node:http'
import { UnmoorError } from '../../../../core/errors.ts'
import { IsolateEnded } from '../../engine/ended.ts'

const TEXTS: Readonly<Record<number, string>> = { 404: 'Not Found', 503: 'Service Unavailable' }

/**
 * Sends an error response of the host itself, as plain text that names the cause. The connection is closed,
 * as a request body may still be on its way.
 */
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

/**
 * Returns the reason of an app's failed start that a client may see: the limit that was hit, but nothing that
 * the app threw.
 */
export function startFailure(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof IsolateEnded) return `the app did not start: ${cause.message}`
  return error instanceof UnmoorError && error.code === 'Throttled' ? error.message : 'the app did not start'
}

/** Returns a 503 Response for a request that the host cannot serve now; its text names the cause. */
export function unavailable(cause: string): Response {
  return new Response(`Service Unavailable: ${cause}.`, {
    status: 503,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'retry-after': '1' },
  })
}
