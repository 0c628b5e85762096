/**
 * node:http messages to and from fetch's Request and Response. Stands alone: the isolate host uses it too.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerOptions, type ServerResponse } from 'node:http'
import { createContext, type ContextOptions, type OwnedContext } from '../../../core/context.ts'
import { UnmoorError } from '../../../core/errors.ts'
import type { CountBytes } from './incoming-body.ts'
import { IncomingRequest } from './request.ts'
import { respond } from './respond.ts'
import { requestOrigin } from './url.ts'

/** Answers a request. What it throws is a 500. */
export type HttpHandler = (request: Request, ctx: OwnedContext) => Response | Promise<Response>

/** Options of {@link createListener}. */
export interface HttpOptions {
  /** Largest request body in bytes; beyond it: 413. Default: no limit. */
  maxBodyBytes?: number | undefined
  /** Whether `X-Forwarded-Proto` and `X-Forwarded-Host` make the request's URL. Only behind a proxy that sets them. Default: false. */
  trustProxy?: boolean | undefined
  /** Options of every request's context. Default: none. */
  context?: ContextOptions | undefined
  /** Given the rest of a request's `waitUntil` work once it is answered. Default: nothing waits for it. */
  onBackground?: ((work: Promise<unknown>) => void) | undefined
  /** Given what a handler throws, and answers that cannot be sent. Default: console.error. */
  onError?: ((message: string, error: unknown) => void) | undefined
}

/** A node:http server with the settings that {@link createListener} relies on. Call `listen` on it. */
export function createHttpServer(handler: HttpHandler, options: HttpOptions = {}, serverOptions: ServerOptions = {}): Server {
  // Repeated request headers are joined, as fetch says, where node would drop some.
  return createServer({ ...serverOptions, joinDuplicateHeaders: true }, createListener(handler, options))
}

/** The listener alone, for a server made with `joinDuplicateHeaders: true`. */
export function createListener(handler: HttpHandler, options: HttpOptions = {}): RequestListener {
  const { maxBodyBytes, onBackground } = options
  const trustProxy = options.trustProxy ?? false
  const onError = options.onError ?? ((message: string, error: unknown) => console.error(message, error))

  const finish = (ctx: OwnedContext): void => {
    if (ctx.pending > 0) {
      const work = ctx.settled()
      onBackground?.(work)
    }
  }
  const fail = (incoming: IncomingMessage, outgoing: ServerResponse, error: unknown): void => {
    onError(`${incoming.method} ${incoming.url} failed:`, error)
    if (outgoing.headersSent) outgoing.destroy()
    else refuse(outgoing, 500)
  }
  const send = (incoming: IncomingMessage, outgoing: ServerResponse, ctx: OwnedContext, response: Response): void => {
    // Gone, or answered already with a 413.
    if (outgoing.writableEnded || outgoing.destroyed) response.body?.cancel().catch(() => {})
    else {
      try {
        const streamed = respond(outgoing, response, incoming.method === 'HEAD')
        if (streamed !== undefined) {
          void streamed.catch((error: unknown) => fail(incoming, outgoing, error)).then(() => finish(ctx))
          return
        }
      } catch (error) {
        fail(incoming, outgoing, error)
      }
    }
    finish(ctx)
  }

  return (incoming, outgoing) => {
    const origin = requestOrigin(incoming, trustProxy)
    if (origin === undefined) return refuse(outgoing, 400, 'a missing or malformed Host header or request target')
    // fetch's Request has no such method.
    if (incoming.method === 'TRACE') return refuse(outgoing, 501)
    if (maxBodyBytes !== undefined && Number(incoming.headers['content-length'] ?? 0) > maxBodyBytes) return refuse(outgoing, 413)
    const count = maxBodyBytes === undefined ? undefined : bodyCounter(outgoing, maxBodyBytes)
    const ctx = createContext(options.context)
    // An IncomingRequest is a Request by its prototype, which the type system cannot see.
    const request = new IncomingRequest(incoming, outgoing, origin, count) as unknown as Request
    try {
      const answer = handler(request, ctx)
      if (isPromise(answer)) {
        answer.then(
          (response) => send(incoming, outgoing, ctx, response),
          (error: unknown) => {
            fail(incoming, outgoing, error)
            finish(ctx)
          },
        )
      } else send(incoming, outgoing, ctx, answer)
    } catch (error) {
      fail(incoming, outgoing, error)
      finish(ctx)
    }
  }
}

function isPromise(answer: Response | Promise<Response>): answer is Promise<Response> {
  return typeof (answer as Promise<Response>).then === 'function'
}

function bodyCounter(outgoing: ServerResponse, max: number): CountBytes {
  let size = 0
  return (bytes) => {
    size += bytes
    if (size <= max) return
    if (!outgoing.headersSent) refuse(outgoing, 413)
    throw new UnmoorError('LimitExceeded', `The request body is over this server's maxBodyBytes of ${max}.`, {
      details: { limit: 'maxBodyBytes', actual: size, max },
    })
  }
}

const TEXTS: Readonly<Record<number, string>> = { 400: 'Bad Request', 413: 'Content Too Large', 500: 'Internal Server Error', 501: 'Not Implemented' }

/** An answer of the server's own, as plain text. */
function refuse(outgoing: ServerResponse, status: number, why?: string): void {
  const text = why === undefined ? (TEXTS[status] as string) : `${TEXTS[status]}: ${why}`
  // What is left of a refused request would be read as the next one's start, or for ever.
  const connection = status === 500 ? [] : ['connection', 'close']
  outgoing.writeHead(status, ['content-type', 'text/plain; charset=utf-8', 'content-length', String(Buffer.byteLength(text)), ...connection])
  outgoing.end(text)
}
