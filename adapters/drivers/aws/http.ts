/**
 * One HTTP exchange over node:http. Not `fetch`: that decompresses bodies with a Content-Encoding, which a
 * blob must keep, and costs several times the CPU. The modules are taken by `getBuiltinModule`, because
 * importing node:http as an ES module evaluates every lazy export of it (tens of milliseconds of a cold
 * start).
 */
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http'

/** A request that is ready to be sent. */
export interface HttpRequest {
  method: string
  url: URL
  headers: Record<string, string>
  body: Uint8Array | string | undefined
  /** Milliseconds without progress. */
  timeout: number
  signal: AbortSignal | undefined
}

/** An answer whose body is still to be read (or destroyed). */
export interface HttpResponse {
  status: number
  headers: IncomingMessage['headers']
  body: IncomingMessage
}

/** What went wrong below HTTP. */
export class HttpFailure extends Error {
  /** `timeout`, `aborted`, or the connection failed. */
  readonly kind: 'timeout' | 'aborted' | 'connection'
  /** True if the server may have received the request. */
  readonly sent: boolean

  constructor(kind: HttpFailure['kind'], message: string, sent: boolean, cause: unknown) {
    super(message, { cause })
    this.kind = kind
    this.sent = sent
  }
}

/** Time-outs that a slow reader of a body may take. */
const MAX_PAUSES = 30

const agents = new Map<string, Agent>()

function transport(protocol: string): {
  request: (options: RequestOptions, onResponse: (response: IncomingMessage) => void) => ClientRequest
  agent: Agent
} {
  const module =
    protocol === 'https:' ? process.getBuiltinModule('node:https') : process.getBuiltinModule('node:http')
  let agent = agents.get(protocol)
  if (agent === undefined) {
    // AWS closes idle connections after a while; unused ones are let go earlier, so that a request rarely
    // meets a closing one.
    agent = new module.Agent({ keepAlive: true, maxSockets: 64, timeout: 60_000 })
    agents.set(protocol, agent)
  }
  return { request: module.request, agent }
}

/** Sends a request and resolves at the answer's headers. Rejects with {@link HttpFailure}. */
export function exchange({
  method,
  url,
  headers,
  body,
  timeout,
  signal,
}: HttpRequest): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(new HttpFailure('aborted', 'aborted before it was sent', false, signal.reason))
      return
    }
    const { request: open, agent } = transport(url.protocol)
    let connected = false
    let response: IncomingMessage | undefined
    const request = open(
      {
        method,
        host: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port,
        path: url.pathname + url.search,
        headers,
        agent,
      },
      (incoming) => {
        response = incoming
        // Whoever reads the body gets the error from reading; a body that nobody reads must not end the
        // process.
        incoming.on('error', () => {})
        incoming.once('close', () => signal?.removeEventListener('abort', onAbort))
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: incoming })
      },
    )
    const fail = (failure: HttpFailure): void => {
      reject(failure)
      // After the headers the promise has settled; whoever reads the body gets the failure instead.
      response?.destroy(failure)
      request.destroy(failure)
    }
    const onAbort = (): void => fail(new HttpFailure('aborted', 'aborted', connected, signal?.reason))
    signal?.addEventListener('abort', onAbort, { once: true })
    request.once('socket', (socket) => {
      if (socket.connecting) socket.once('connect', () => (connected = true))
      else connected = true
    })
    let pauses = 0
    const onTimeout = (): void => {
      // Bytes that wait to be read mean that the reader is slow, not the server; a reader that never comes
      // back must not hold the connection.
      if (response !== undefined && response.readableLength > 0 && ++pauses < MAX_PAUSES)
        request.setTimeout(timeout)
      else fail(new HttpFailure('timeout', `no progress for ${timeout} ms`, connected, undefined))
    }
    request.setTimeout(timeout)
    request.on('timeout', onTimeout)
    // Every time: after the answer has begun, a broken connection is told here too.
    request.on('error', (error) => {
      signal?.removeEventListener('abort', onAbort)
      reject(
        error instanceof HttpFailure
          ? error
          : new HttpFailure(
              'connection',
              error.message || String((error as NodeJS.ErrnoException).code),
              connected,
              error,
            ),
      )
    })
    request.end(body)
  })
}

/** The whole body; frees the connection. */
export async function readBody(body: IncomingMessage): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk as Uint8Array)
  const size = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
  const bytes = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.byteLength
  }
  return bytes
}
