import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isUnmoorError, UnmoorError } from '../../../core/errors.ts'
import { FAILED } from '../../../core/compat/from-lambda/http-result.ts'
import { createLimitedServer } from '../../node-server/runtime/http/limited-server.ts'
import { requestOrigin } from '../../node-server/runtime/http/url.ts'
import { sendAnswer } from './front-answer.ts'
import { toEvent } from './front-event.ts'
import { PAYLOAD_LIMIT, type ApiResponse } from './runtime-api.ts'
import type { HttpEventKind } from '../../../core/compat/from-lambda/http-events.ts'

/** Options of {@link createFront}. */
export interface FrontOptions {
  host: string
  /** Port on which the local Lambda front listens; 0 takes a free one. */
  port: number
  source: HttpEventKind
  /** Milliseconds that a stop of the Lambda front waits for requests under way. */
  patience: number
  invoke: (payload: string) => Promise<ApiResponse>
  /** Called with a message about a fault of the Lambda function or its front. */
  onError: (message: string) => void
}

/** An HTTP server in front of a Lambda function, like a Function URL or an HTTP API. */
export interface Front {
  readonly url: string
  /** Stops the Lambda front: accepts no more requests; resolves when those under way are answered. */
  stop(): Promise<void>
}

/** Starts the local front of a Lambda function. @throws `Unavailable` if the port is taken. */
export async function createFront(options: FrontOptions): Promise<Front> {
  let stopping = false
  const server = createLimitedServer((request, response) => {
    // A keep-alive connection would delay the stop of the Lambda front.
    response.on('close', () => {
      if (stopping) setImmediate(() => server.closeIdleConnections())
    })
    void serve(request, response, options)
  })
  const listening = once(server, 'listening')
  server.listen(options.port, options.host)
  await listening.catch((error: NodeJS.ErrnoException) => {
    const what =
      error.code === 'EADDRINUSE'
        ? `Port ${options.port} is in use. Take another with --port, or 0 for a free one.`
        : `Cannot listen on ${options.host}:${options.port}: ${error.message}`
    throw new UnmoorError('Unavailable', what, { operation: 'start', retryable: false, cause: error })
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    async stop() {
      stopping = true
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      // A stop of the Lambda front cuts connections after `patience`: a client may never finish its request.
      const timer = setTimeout(() => server.closeAllConnections(), options.patience)
      await closed
      clearTimeout(timer)
    },
  }
}

/**
 * True if the event of an HTTP request is over Lambda's limit in bytes, or over a load balancer's limit of 1
 * MB of body.
 */
function tooLarge(body: Buffer, payload: string, source: HttpEventKind): boolean {
  return (
    Buffer.byteLength(payload) > PAYLOAD_LIMIT ||
    ((source === 'alb' || source === 'alb-multi') && body.byteLength > 1024 * 1024)
  )
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { source, invoke, onError }: FrontOptions,
): Promise<void> {
  try {
    if (requestOrigin(request, undefined) === undefined) return plain(response, 400, 'Bad Request')
    const body = await readBody(request)
    const payload = body === undefined ? undefined : JSON.stringify(toEvent(request, body, source))
    if (body === undefined || payload === undefined || tooLarge(body, payload, source))
      return plain(response, 413, 'Request too large for the function')
    const answer = await invoke(payload)
    if (answer.kind === 'error') {
      onError(`${request.method} ${request.url}: ${answer.errorType}: ${answer.errorMessage}`)
      return plain(response, FAILED[source], 'Internal Server Error')
    }
    await sendAnswer(answer, source, response)
  } catch (error) {
    if (request.destroyed && !request.complete) return
    onError(`${request.method} ${request.url}: ${error instanceof Error ? error.message : String(error)}`)
    if (response.headersSent) response.destroy()
    else if (isUnmoorError(error, 'Timeout')) plain(response, 504, 'Gateway Timeout')
    else plain(response, FAILED[source], 'Internal Server Error')
  }
}

function plain(response: ServerResponse, status: number, text: string): void {
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text)
}

/**
 * Reads an HTTP request's body; undefined if it is over Lambda's limit. The rest is then read and dropped, so
 * that the client can read the answer.
 */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.byteLength
    if (size <= PAYLOAD_LIMIT) chunks.push(chunk)
  }
  return size <= PAYLOAD_LIMIT ? Buffer.concat(chunks, size) : undefined
}
