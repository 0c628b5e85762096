/**
 * One HTTP exchange over node:http. `fetch` is not used: it decompresses bodies with a Content-Encoding,
 * which a blob must keep, and it costs several times the CPU. The modules are loaded with `getBuiltinModule`,
 * because importing node:http as an ES module evaluates all its lazy exports (tens of milliseconds of a cold
 * start).
 */
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http'

/** An HTTP request with all its headers, ready to be sent. */
export interface HttpRequest {
  method: string
  url: URL
  headers: Record<string, string>
  body: Uint8Array | string | undefined
  /** Milliseconds without progress after which an HTTP request to AWS fails. */
  timeout: number
  signal: AbortSignal | undefined
}

/** An HTTP answer whose body the caller must still read or destroy. */
export interface HttpResponse {
  status: number
  headers: IncomingMessage['headers']
  body: IncomingMessage
}

/** A failure of an HTTP exchange below HTTP: of the connection, by a timeout or by an abort. */
export class HttpFailure extends Error {
  /** Why an HTTP exchange failed; `connection` means that the connection failed. */
  readonly kind: 'timeout' | 'aborted' | 'connection'
  /** True if the server may have received the request of a failed HTTP exchange. */
  readonly sent: boolean

  constructor(kind: HttpFailure['kind'], message: string, sent: boolean, cause: unknown) {
    super(message, { cause })
    this.kind = kind
    this.sent = sent
  }
}

/** Number of timeouts that a slow reader of an HTTP body may cause before the exchange fails. */
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
    // AWS closes idle connections after a while. Our HTTP agent closes unused ones earlier, so that a request
    // rarely meets a closing connection.
    agent = new module.Agent({ keepAlive: true, maxSockets: 64, timeout: 60_000 })
    agents.set(protocol, agent)
  }
  return { request: module.request, agent }
}

/**
 * Sends an HTTP request and resolves when the answer's headers have arrived. Rejects with {@link
 * HttpFailure}.
 */
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
        // The reader of an HTTP body gets its error from reading. This listener keeps the error of an unread
        // body from ending the process.
        incoming.on('error', () => {})
        incoming.once('close', () => signal?.removeEventListener('abort', onAbort))
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: incoming })
      },
    )
    const fail = (failure: HttpFailure): void => {
      reject(failure)
      // Once the headers of an HTTP answer have arrived, its promise is settled, so the failure goes to the
      // reader of the body.
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
      // Unread bytes of an HTTP body mean that the reader is slow, not the server. A reader that never
      // continues must not hold the connection for ever.
      if (response !== undefined && response.readableLength > 0 && ++pauses < MAX_PAUSES)
        request.setTimeout(timeout)
      else fail(new HttpFailure('timeout', `no progress for ${timeout} ms`, connected, undefined))
    }
    request.setTimeout(timeout)
    request.on('timeout', onTimeout)
    // The HTTP request's error listener stays on, because a connection that breaks after the answer has begun
    // is reported to it too.
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

/** Reads the whole body of an HTTP answer, which frees the connection. */
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
