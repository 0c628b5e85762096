/**
 * Converts node:http messages to fetch's Request and back from its Response. Usable without the rest of the
 * server: the isolate host uses it too.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { type ClientHeader, createTrust, type TrustProxy } from '../../../../core/client.ts'
import { createContext, type ContextOptions, type OwnedContext } from '../../../../core/context.ts'
import { UnmoorError } from '../../../../core/errors.ts'
import { isNews, runEvent } from '../events.ts'
import { AnswerLimit } from './answer-limit.ts'
import { isClientGone } from './client-gone.ts'
import { Exchange, refuseLate, setClientHeader } from './exchange.ts'
import type { CountBytes } from './incoming-body.ts'
import { createLimitedServer, type ServerLimits } from './limited-server.ts'
import { IncomingRequest } from './request.ts'
import { respond } from './respond.ts'
import type { HttpListener, Upgrades } from './upgrades.ts'
import { requestOrigin } from './url.ts'

/** Answers an HTTP request. An error that it throws becomes a 500. */
export type HttpHandler = (request: Request, ctx: OwnedContext) => Response | Promise<Response>

/** Options of {@link createListener}, which turns HTTP requests into calls of a handler. */
export interface HttpOptions {
  /** Largest request body in bytes; a larger one is answered with 413. Default: no limit. */
  maxBodyBytes?: number | undefined
  /** Proxies that are trusted to set `X-Forwarded-*` headers. Default: none. */
  trustProxy?: TrustProxy | undefined
  /** The request header that is set to the client's address. Default: none. */
  clientHeader?: ClientHeader | undefined
  /** Seconds until the handler must have answered; later, the client receives a 503. Default: no limit. */
  wallTimeout?: number | undefined
  /** Options of the context (`ctx`) of every request. Default: none. */
  context?: ContextOptions | undefined
  /**
   * Called with the `waitUntil` work that remains after a request was answered. Default: the work is not
   * tracked.
   */
  onBackground?: ((work: Promise<unknown>) => void) | undefined
  /** Handles requests that want to leave HTTP. Default: they are answered like all others. */
  upgrades?: Upgrades | undefined
  /**
   * Called with errors that a handler throws and with answers that cannot be sent. Default: console.error.
   */
  onError?: ((message: string, error: unknown) => void) | undefined
  /** Called with each request before it is answered. Default: nothing is called. */
  onRequest?: HttpListener | undefined
}

/** Creates a node:http server with the settings that {@link createListener} needs. Call `listen` on it. */
export function createHttpServer(
  handler: HttpHandler,
  options: HttpOptions = {},
  limits: ServerLimits = {},
): Server {
  const { onRequest, upgrades } = options
  const listener = createListener(handler, options)
  if (onRequest === undefined) return createLimitedServer(listener, limits, undefined, upgrades)
  const observed: HttpListener = (...request) => {
    onRequest(...request)
    listener(...request)
  }
  return createLimitedServer(observed, limits, undefined, upgrades)
}

/** Creates only the request listener, for a server of {@link createLimitedServer}. */
export function createListener(handler: HttpHandler, options: HttpOptions = {}): HttpListener {
  const { maxBodyBytes, onBackground, clientHeader } = options
  const trust = createTrust(options.trustProxy)
  const onError = options.onError ?? ((message: string, error: unknown) => console.error(message, error))
  const limit = options.wallTimeout === undefined ? undefined : answerLimit(options.wallTimeout)

  const finish = (ctx: OwnedContext): void => {
    ctx.ended()
    if (ctx.pending === 0) return
    const work = ctx.settled()
    onBackground?.(work)
  }
  const fail = (incoming: IncomingMessage, outgoing: ServerResponse, error: unknown): void => {
    if (!isClientGone(error) && isNews(error)) onError(`${incoming.method} ${incoming.url} failed:`, error)
    if (outgoing.headersSent) outgoing.destroy()
    else refuse(outgoing, 500)
  }
  const send = (exchange: Exchange, ctx: OwnedContext, response: Response): void => {
    const { incoming, outgoing, upgrade } = exchange
    // The app's response is dropped: its client is gone, or was answered with a 413 already.
    if (outgoing.headersSent || outgoing.destroyed) response.body?.cancel().catch(() => {})
    else {
      try {
        const isTaken = upgrade?.take(outgoing, response) === true
        const streamed = isTaken ? undefined : respond(outgoing, response, incoming.method === 'HEAD')
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

  // Calls the handler inside the request's event, so that everything the handler starts is attributed to this
  // request.
  const answerWith = (exchange: Exchange, request: Request, ctx: OwnedContext): void => {
    const { incoming, outgoing } = exchange
    try {
      const answer = handler(request, ctx)
      if (!isPromise(answer)) return send(exchange, ctx, answer)
      limit?.begin(exchange)
      answer.then(
        (response) => {
          limit?.end(exchange)
          send(exchange, ctx, response)
        },
        (error: unknown) => {
          limit?.end(exchange)
          fail(incoming, outgoing, error)
          finish(ctx)
        },
      )
    } catch (error) {
      fail(incoming, outgoing, error)
      finish(ctx)
    }
  }

  return (incoming, outgoing, upgrade) => {
    const origin = requestOrigin(incoming, trust)
    if (origin === undefined)
      return refuse(outgoing, 400, 'a missing or malformed Host header or request target')
    // fetch's Request does not allow the method TRACE.
    if (incoming.method === 'TRACE') return refuse(outgoing, 501)
    if (maxBodyBytes !== undefined && Number(incoming.headers['content-length'] ?? 0) > maxBodyBytes)
      return refuseBody(incoming, outgoing)
    const count = maxBodyBytes === undefined ? undefined : bodyCounter(incoming, outgoing, maxBodyBytes)
    if (clientHeader !== undefined) setClientHeader(incoming, trust, clientHeader)
    // An IncomingRequest is a Request by its prototype, which the type system cannot see.
    const request = new IncomingRequest(incoming, outgoing, origin, count) as unknown as Request
    const exchange = new Exchange(incoming, outgoing, request, trust)
    exchange.upgrade = upgrade
    const ctx = createContext(options.context, exchange)
    runEvent(exchange, answerWith, exchange, request, ctx)
  }
}

function answerLimit(seconds: number): AnswerLimit<Exchange> {
  const text = `Service Unavailable: no answer came within the limit of wallTimeout, ${seconds} s.`
  return new AnswerLimit(seconds, ({ outgoing }) => refuseLate(outgoing, 503, text))
}

function isPromise(answer: Response | Promise<Response>): answer is Promise<Response> {
  return typeof (answer as Promise<Response>).then === 'function'
}

function bodyCounter(incoming: IncomingMessage, outgoing: ServerResponse, max: number): CountBytes {
  let size = 0
  return (bytes) => {
    size += bytes
    if (size <= max) return
    if (!outgoing.headersSent) refuseBody(incoming, outgoing)
    throw new UnmoorError('LimitExceeded', `The request body is over this server's maxBodyBytes of ${max}.`, {
      details: { limit: 'maxBodyBytes', actual: size, max },
    })
  }
}

const TEXTS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  413: 'Content Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
}

/** Answers an HTTP request with an error of the server itself, as plain text. */
function refuse(outgoing: ServerResponse, status: number, why?: string): void {
  const text = why === undefined ? (TEXTS[status] as string) : `${TEXTS[status]}: ${why}`
  outgoing.writeHead(status, refusalFields(text, status !== 500))
  outgoing.end(text)
}

/** Milliseconds that a client has to receive a 413, while the rest of its body is discarded. */
const LINGER = 2000

/**
 * Sends a 413. The connection closes after a delay: closing it with unread bytes would reset it, and the
 * client might never see the answer.
 */
function refuseBody(incoming: IncomingMessage, outgoing: ServerResponse): void {
  const text = TEXTS[413] as string
  outgoing.writeHead(413, refusalFields(text, true))
  outgoing.write(text)
  const timer = setTimeout(() => outgoing.end(), LINGER)
  incoming.once('close', () => clearTimeout(timer))
  incoming.once('end', () => outgoing.end())
  incoming.resume()
}

/**
 * Header fields of a refused request's error answer. With `close` the connection closes after the answer,
 * because the unread rest of the request would be parsed as the next request.
 */
function refusalFields(text: string, close: boolean): string[] {
  return [
    'content-type',
    'text/plain; charset=utf-8',
    'content-length',
    String(Buffer.byteLength(text)),
    ...(close ? ['connection', 'close'] : []),
  ]
}
