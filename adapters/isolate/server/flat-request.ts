/**
 * Flat requests: node:http's message is passed over the bridge as flat data, and the guest's flat answer is
 * written to node:http. No Request, no Response and no promise is made, and no timer unless the handler
 * waits. A request that does not fit (a body that is long or of unknown length, an answer for a service
 * binding) is a full request.
 */
import { isUtf8 } from 'node:buffer'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ClientInfo, Trust } from '../../../core/client.ts'
import { type ContextOptions, createContext, type OwnedContext } from '../../../core/context.ts'
import { isUnmoorError } from '../../../core/errors.ts'
import { clientGone, isClientGone } from '../../node-server/runtime/http/client-gone.ts'
import { clientOf, setClientHeader } from '../../node-server/runtime/http/exchange.ts'
import { writeParts } from '../../node-server/runtime/http/respond.ts'
import { LOST, lostHeader } from '../../node-server/runtime/http/incoming-headers.ts'
import { requestOrigin, resolveUrl } from '../../node-server/runtime/http/url.ts'
import { IsolateEnded } from '../engine/ended.ts'
import type { FlatRequest } from '../engine/inline-entries.ts'
import type { EngineEvent } from '../services/pending-events.ts'
import type { IsolateApp } from './isolate-app.ts'

/**
 * Bytes of the longest body of a request that is read before the app's handler is called. The body's length
 * must be declared.
 */
const MAX_BODY = 64 * 1024

/** Options that are the same for all flat requests of an app. */
export interface FlatOptions {
  context?: ContextOptions | undefined
  /** Milliseconds within which the handler must answer a flat request. Default: no limit. */
  wallMs?: number | undefined
  /** Milliseconds of `wallMs` that had passed before the flat request began. Default: 0. */
  spentMs?: number | undefined
  /** Proxies whose `X-Forwarded-*` headers are believed. Default: none. */
  trust?: Trust | undefined
  /** Called if the answer to a flat request did not come within `wallMs`. */
  onLate?(): void
  /** Called with the `waitUntil` work of a flat request that goes on after its answer. */
  onBackground?(work: Promise<unknown>): void
  /**
   * Called with the error that the handler of a flat request threw, or that kept its answer from being sent.
   */
  onError(message: string, error: unknown): void
}

/**
 * Returns the bytes of the body to read before a flat request starts, 0 if it has no body; undefined if the
 * request must be a full one.
 */
export function flatLength({ method, headers }: IncomingMessage, max: number): number | undefined {
  if (method === 'TRACE' || headers['transfer-encoding'] !== undefined) return undefined
  const text = headers['content-length']
  if (text === undefined || method === 'GET' || method === 'HEAD') return 0
  const length = Number(text)
  return length <= MAX_BODY && length <= max ? length : undefined
}

/** Passes the whole body of a flat request to `whenRead`; undefined if the client went away. */
function readBody(
  incoming: IncomingMessage,
  length: number,
  whenRead: (body: string | Uint8Array<ArrayBuffer> | undefined) => void,
): void {
  let first: Buffer | undefined
  let chunks: Buffer[] | undefined
  let finished = false
  incoming.on('data', (chunk: Buffer) => {
    if (first === undefined) first = chunk
    else (chunks ??= [first]).push(chunk)
  })
  incoming.on('end', () => {
    finished = true
    const bytes = chunks === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(chunks, length)
    // A body that is valid UTF-8 is passed on as text: most handlers want text, and it is the cheapest form
    // to copy. The text encodes to the same bytes.
    whenRead(isUtf8(bytes) ? bytes.toString() : new Uint8Array(bytes))
  })
  const gone = (): void => {
    if (finished) return
    finished = true
    whenRead(undefined)
  }
  incoming.on('error', gone)
  incoming.on('close', gone)
}

/** Returns a request's headers as they cross the bridge: each name and each value on a line of its own. */
function headerText({ headers, rawHeaders }: IncomingMessage): string {
  let text = ''
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value === undefined) continue
    for (const one of typeof value === 'string' ? [value] : value)
      text = text === '' ? `${name}\n${one}` : `${text}\n${name}\n${one}`
  }
  const lost = lostHeader(rawHeaders)
  return lost === undefined ? text : `${text}\n${LOST}\n${lost}`
}

/** A flat request (one that crosses to the isolate as strings) and its answer. */
export class FlatExchange implements EngineEvent, FlatRequest {
  id = 0
  url = ''
  body: string | Uint8Array<ArrayBuffer> | null = null
  #app: IsolateApp
  #incoming: IncomingMessage
  #outgoing: ServerResponse
  #options: FlatOptions
  #done: () => void
  #ctx: OwnedContext | undefined
  #abort: AbortController | undefined
  #timer: NodeJS.Timeout | undefined
  #answered = false

  /** @param done Called once, when the flat request's answer is written or the request is given up. */
  constructor(
    app: IsolateApp,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    options: FlatOptions,
    done: () => void,
  ) {
    this.#app = app
    this.#incoming = incoming
    this.#outgoing = outgoing
    this.#options = options
    this.#done = done
  }

  /**
   * Serves a request whose {@link flatLength} is known. Returns false, and never calls `done`, if the
   * request's origin is invalid: a full request then refuses it.
   */
  serve(length: number): boolean {
    const incoming = this.#incoming
    const origin = requestOrigin(incoming, this.#options.trust)
    if (origin === undefined) return false
    const url = resolveUrl(origin, incoming.url as string)
    if (length === 0) this.#start(url, null)
    else readBody(incoming, length, (body) => (body === undefined ? this.#giveUp() : this.#start(url, body)))
    return true
  }

  #start(url: string, body: string | Uint8Array<ArrayBuffer> | null): void {
    this.url = url
    this.body = body
    this.#app.serve(this)
  }

  get method(): string {
    return this.#incoming.method as string
  }

  get headers(): string {
    const { clientHeader } = this.#app
    if (clientHeader !== undefined) setClientHeader(this.#incoming, this.#options.trust, clientHeader)
    return headerText(this.#incoming)
  }

  // Starts the timer of a flat request's limit `wallMs`, which most requests do not need: their answers are
  // already there.
  entered(): void {
    const { wallMs, spentMs = 0 } = this.#options
    if (this.#answered || wallMs === undefined) return
    this.#timer = setTimeout(() => {
      this.#options.onLate?.()
      this.#refuse(
        503,
        `Service Unavailable: no answer came within the limit of wallTimeout, ${wallMs / 1000} s.`,
      )
    }, wallMs - spentMs)
  }

  /** Ends the flat request without an answer, because the client went away. */
  #giveUp(): void {
    this.#answered = true
    this.#done()
  }

  get ctx(): OwnedContext {
    return (this.#ctx ??= createContext(this.#options.context, this))
  }

  get client(): ClientInfo {
    return clientOf(this.#incoming, this.#options.trust)
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      const abort = (this.#abort = new AbortController())
      const outgoing = this.#outgoing
      const check = (): void => {
        if (!outgoing.writableFinished) abort.abort(clientGone('The client went away.'))
      }
      if (outgoing.destroyed || outgoing.socket?.destroyed === true) check()
      else outgoing.once('close', check)
    }
    return this.#abort.signal
  }

  answer(data: readonly unknown[]): void {
    // An answer to a flat request that was refused or given up meanwhile is discarded.
    if (this.#answered) return this.#discard(data)
    this.#answered = true
    clearTimeout(this.#timer)
    const outgoing = this.#outgoing
    if (outgoing.headersSent || outgoing.destroyed) {
      this.#discard(data)
      return this.#finish()
    }
    try {
      const { status, statusText, list, body, isAscii } = this.#app.readAnswer(data)
      // node:http writes the head and a text body as one UTF-8 string, which would change a head that is not
      // ASCII. The body of such an answer is passed as bytes.
      const content = typeof body === 'string' && !isAscii ? Buffer.from(body) : body
      const streamed = writeParts(
        outgoing,
        { status, statusText, list, headers: undefined, body: content },
        this.#incoming.method === 'HEAD',
      )
      if (streamed === undefined) return this.#finish()
      void streamed.catch((error: unknown) => this.#failed(error)).then(() => this.#finish())
    } catch (error) {
      this.#failed(error)
      this.#finish()
    }
  }

  fail(error: unknown): void {
    if (this.#answered) return
    const { method } = this.#incoming
    if (error instanceof IsolateEnded)
      return this.#refuse(503, `Service Unavailable: the app's isolate was stopped: ${error.message}.`)
    this.#options.onError(`${method} ${this.#incoming.url} failed:`, error)
    this.#refuse(500, 'Internal Server Error')
  }

  #failed(error: unknown): void {
    const { method, url } = this.#incoming
    if (!isClientGone(error)) this.#options.onError(`${method} ${url} failed:`, error)
    if (this.#outgoing.headersSent) this.#outgoing.destroy()
    else {
      // node:http keeps a response's reason phrase that it has refused, and would refuse it again with the
      // error's answer.
      this.#outgoing.statusMessage = ''
      write(this.#outgoing, 500, failureText(error))
    }
  }

  #refuse(status: number, text: string): void {
    this.#answered = true
    clearTimeout(this.#timer)
    if (!this.#outgoing.headersSent && !this.#outgoing.destroyed) write(this.#outgoing, status, text)
    this.#finish()
  }

  #discard(data: readonly unknown[]): void {
    try {
      const { body } = this.#app.readAnswer(data)
      if (body instanceof ReadableStream) body.cancel().catch(() => {})
    } catch {
      // The discarded answer to a flat request had a body that was too large; nobody waits for that error.
    }
  }

  #finish(): void {
    const ctx = this.#ctx
    ctx?.ended()
    if (ctx !== undefined && ctx.pending > 0) this.#options.onBackground?.(ctx.settled())
    this.#done()
  }
}

/**
 * Returns the text that clients see of an error: limits of unmoor are named, errors of the app are not shown.
 */
function failureText(error: unknown): string {
  return isUnmoorError(error) && error.code === 'LimitExceeded'
    ? `Internal Server Error: ${error.message}`
    : 'Internal Server Error'
}

function write(outgoing: ServerResponse, status: number, text: string): void {
  const retry = status === 503 ? ['retry-after', '1'] : []
  outgoing.writeHead(status, [
    'content-type',
    'text/plain; charset=utf-8',
    'content-length',
    String(Buffer.byteLength(text)),
    ...retry,
  ])
  outgoing.end(text)
}
