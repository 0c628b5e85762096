import type { QueueIncoming, QueueSettlement } from '../../../core/bindings/drivers.ts'
import type { Context } from '../../../core/context.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { bodyFromGuest, pairs } from './codec.ts'
import { IsolateEnded } from './ended.ts'
import type { Guest, GuestEvents } from './guest.ts'
import type { PlainRequest } from './inline.ts'
import { type HostServices, Operations } from './operations.ts'
import { describe } from './streams.ts'
import { TimerTable } from './timers.ts'
import type { GuestLog } from './log.ts'

/** An event on the host's side: who waits for it, and what the guest may want of it. */
export interface HostEvent {
  readonly ctx: Context
  /** The request's, asked for when the guest asks for it. */
  readonly signal?: AbortSignal | undefined
  /** The guest's answer: what its message says after the id. */
  answer(data: readonly unknown[]): void
  fail(error: unknown): void
}

/** What is kept of an event under way. */
interface Pending {
  event: HostEvent
  /** The request's body in the stream table. */
  body: number | undefined
  /** `waitUntil` promises of the guest that have not settled. */
  waits: (() => void)[] | undefined
  /** The answer is there, all of it: only `waitUntil` work may be left. */
  finished: boolean
}

/** A body of the guest's, as it becomes a Response's. */
export type GuestBody = ReturnType<typeof bodyFromGuest>

/** An answer of the guest's: status and headers are what a tenant says, so whoever sends them checks them. */
export interface GuestAnswer {
  status: number
  statusText: string
  /** Names and values in turn. */
  list: readonly string[]
  /** Whether those are ASCII. */
  isAscii: boolean
  body: GuestBody
}

/** What a host may hold an isolate to, besides its {@link Limits}. */
export interface IsolateHooks {
  /** Timers at once; the isolate is ended beyond it. Default: 10,000, and none more is started. */
  timers?: number | undefined
  /** Given each answer's body; gives back what is sent in its place, or throws. Default: as it is. */
  body?(body: GuestBody): GuestBody
}

/** Makes isolates of one app. */
export type GuestFactory = (events: GuestEvents) => Promise<Guest>

/**
 * One isolate at work and what the host keeps for it: events under way, streams, timers, keys. When the isolate ends, all of it ends.
 */
export class IsolateApp {
  #guest!: Guest
  #operations: Operations
  #timers: TimerTable
  #log: GuestLog
  #pending = new Map<unknown, Pending>()
  #nextEvent = 1
  #ended: IsolateEnded | undefined
  #onEnd: (error: IsolateEnded) => void

  #hooks: IsolateHooks
  #hearsRejections = false

  private constructor(services: HostServices, log: GuestLog, onEnd: (error: IsolateEnded) => void, hooks: IsolateHooks) {
    const send = (...message: [string, ...unknown[]]): void => this.#guest.send(...message)
    this.#operations = new Operations(services, send, {
      charge: (microseconds) => this.#guest.chargeBeside(microseconds),
      keep: (bytes) => this.#guest.held.keep(bytes),
    })
    this.#timers =
      hooks.timers === undefined
        ? new TimerTable((id) => send('timer', id))
        : new TimerTable(
            (id) => send('timer', id),
            hooks.timers,
            (max) => this.#guest.end('timers', `it started more than its limit of ${max} timers`),
          )
    this.#hooks = hooks
    this.#log = log
    this.#onEnd = onEnd
  }

  /** Starts an isolate; `values` are what the env's stubs need (variables, dialects). */
  static async start(
    create: GuestFactory,
    services: HostServices,
    values: Readonly<Record<string, unknown>>,
    log: GuestLog,
    onEnd: (error: IsolateEnded) => void,
    hooks: IsolateHooks = {},
  ): Promise<IsolateApp> {
    const app = new IsolateApp(services, log, onEnd, hooks)
    await create({
      created(guest) {
        app.#guest = guest
      },
      message: (message) => app.#receive(message),
      sync: (data) => app.#operations.sync(data),
      uncaught: (reason) => app.#rejected(reason),
      ended: (error) => app.#end(error),
      catastrophe(message) {
        log('error', `V8 has lost control of an isolate (${message}). The process ends.`)
        // What isolated-vm asks for: nothing that V8 holds can be trusted any more. A supervisor starts the process again.
        process.abort()
      },
    })
    if (Object.keys(services.manifest.bindings).length > 0) app.#guest.send('env', values)
    return app
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined
  }

  close(): void {
    this.#guest.close()
    this.#end(new IsolateEnded('closed', 'the isolate was closed'))
  }

  /** Calls the fetch handler. Rejects with {@link IsolateEnded} where the isolate ended first, with `Internal` where the handler threw. */
  async fetch(request: Request, ctx: Context): Promise<Response> {
    let headers = ''
    for (const [name, value] of request.headers) headers = headers === '' ? `${name}\n${value}` : `${headers}\n${name}\n${value}`
    const { streams } = this.#operations
    const body = request.body === null ? undefined : streams.toGuest(request.body)
    const wireBody = body === undefined ? null : { stream: body }
    const data = await this.#event({ ctx, request }, body, (id) => this.#guest.send('fetch', id, request.method, request.url, headers, wireBody))
    const { status, statusText, list, body: content } = this.readAnswer(data)
    return new Response(content, { status, statusText, headers: pairs(list) })
  }

  /** Calls the fetch handler without a Request, with a body that is there. */
  serve(request: HostEvent & PlainRequest): void {
    if (this.#ended !== undefined) return request.fail(this.#ended)
    request.id = this.#begin(request, undefined)
    this.#guest.fetch(request)
  }

  /** What the guest answered, its types checked and its body as the host lets it through. @throws `LimitExceeded` for a body that is too large. */
  readAnswer([status, statusText, headers, content]: readonly unknown[]): GuestAnswer {
    const body = bodyFromGuest(content, this.#operations.streams)
    return {
      status: Number(status),
      statusText: String(statusText),
      ...headerList(headers),
      body: this.#hooks.body === undefined ? body : this.#hooks.body(body),
    }
  }

  /** Calls a queue's handler. */
  async queue(
    binding: string,
    messages: readonly QueueIncoming[],
    retryDelay: number,
    ctx: Context,
  ): Promise<{ settlements: QueueSettlement[]; error?: unknown }> {
    const [settlements, error] = await this.#event({ ctx }, undefined, (id) => this.#guest.send('queue', id, binding, messages.map(plainMessage), retryDelay))
    return { settlements: checkSettlements(settlements, messages), ...(error === undefined ? {} : { error: guestFailure(error) }) }
  }

  /** Calls a cron's handler. */
  async cron(name: string, scheduledTime: number, ctx: Context): Promise<{ error?: unknown; retry: boolean }> {
    const [error, retry] = await this.#event({ ctx }, undefined, (id) => this.#guest.send('cron', id, name, scheduledTime))
    return error === undefined ? { retry: false } : { error: guestFailure(error), retry: retry !== false }
  }

  #event({ ctx, request }: { ctx: Context; request?: Request }, body: number | undefined, send: (id: number) => void): Promise<readonly unknown[]> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    return new Promise((answer, fail) => {
      const event = {
        ctx,
        get signal() {
          return request?.signal
        },
        answer,
        fail,
      }
      send(this.#begin(event, body))
    })
  }

  #begin(event: HostEvent, body: number | undefined): number {
    const id = this.#nextEvent++
    this.#pending.set(id, { event, body, waits: undefined, finished: false })
    return id
  }

  #receive(message: readonly unknown[]): void {
    const [operation, id, ...data] = message
    switch (operation) {
      case 'response':
        this.#pending.get(id)?.event.answer(data)
        // A streamed answer is finished when the guest says so; until then the client may go away.
        if (!isStreamed(data[3])) this.#finish(id)
        return
      case 'queued':
      case 'cronDone':
        this.#pending.get(id)?.event.answer(data)
        return this.#finish(id)
      case 'failed':
        this.#pending.get(id)?.event.fail(guestFailure(data[0]))
        return this.#finish(id)
      case 'finished':
        return this.#finish(id)
      case 'wait':
        return this.#wait(id)
      case 'waited':
        this.#settleWait(id)
        return
      case 'watch':
        return this.#watch(id, data[0])
      case 'timer':
        return this.#timers.start(id, data[0])
      case 'timerClear':
        return this.#timers.clear(id)
      case 'rejections':
        this.#hearsRejections = true
        return
      case 'log':
        return this.#log(String(id), String(data[0]))
    }
    this.#operations.handle(message)
  }

  // An app that listens for rejections decides whether they are logged.
  #rejected(reason: unknown): void {
    const error = reason instanceof Error ? { name: reason.name, message: reason.message, stack: ownStack(reason) } : undefined
    if (this.#hearsRejections) this.#guest.send('rejection', error === undefined ? { value: reason } : { error })
    else this.#log('error', `Unhandled rejection: ${error === undefined ? String(reason) : error.stack || error.message}`)
  }

  #finish(id: unknown): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    pending.finished = true
    if (pending.waits === undefined || pending.waits.length === 0) this.#forget(id, pending)
  }

  #forget(id: unknown, pending: Pending): void {
    this.#pending.delete(id)
    if (pending.body !== undefined) this.#operations.streams.drop(pending.body)
  }

  #wait(id: unknown): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    const { promise, resolve } = Promise.withResolvers<void>()
    ;(pending.waits ??= []).push(resolve)
    pending.event.ctx.waitUntil(promise)
  }

  #settleWait(id: unknown): void {
    const pending = this.#pending.get(id)
    if (pending?.waits === undefined) return
    pending.waits.pop()?.()
    if (pending.finished && pending.waits.length === 0) this.#forget(id, pending)
  }

  // The guest has asked for a signal: it hears of its abort from now on.
  #watch(id: unknown, what: unknown): void {
    const pending = this.#pending.get(id)
    const signal = what === 'context' ? pending?.event.ctx.signal : pending?.event.signal
    if (signal === undefined) return
    const abort = (): void => {
      const { name, message } = describe(signal.reason)
      this.#guest.send('abort', id, what, message, name)
    }
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  }

  #end(error: IsolateEnded): void {
    if (this.#ended !== undefined) return
    this.#ended = error
    this.#timers.clearAll()
    for (const pending of this.#pending.values()) {
      pending.event.fail(error)
      for (const resolve of pending.waits ?? []) resolve()
    }
    this.#pending.clear()
    this.#operations.close(error)
    this.#onEnd(error)
  }
}

/** The isolate's part of a stack: what follows is the host's, with its paths. */
function ownStack({ stack = '' }: Error): string {
  return stack.replace(/\n[^\n]*<isolated-vm boundary>[^]*$/, '')
}

type HeaderList = Pick<GuestAnswer, 'list' | 'isAscii'>

/** Lists by their text: most answers of an app have the same headers. Bounded, as an app can make texts up. */
const knownLists = new Map<string, HeaderList>()
const MAX_KNOWN_LISTS = 200
const NO_HEADERS: HeaderList = { list: [], isAscii: true }
const ASCII = /^[\t\n\x20-\x7e]*$/

/** Names and values in turn, of headers as they cross the bridge. */
function headerList(text: unknown): HeaderList {
  if (typeof text !== 'string' || text === '') return NO_HEADERS
  const known = knownLists.get(text)
  if (known !== undefined) return known
  const list = text.split('\n')
  if (list.length % 2 === 1) list.pop()
  const parsed = { list, isAscii: ASCII.test(text) }
  if (knownLists.size >= MAX_KNOWN_LISTS) knownLists.clear()
  if (text.length < 1000) knownLists.set(text, parsed)
  return parsed
}

function isStreamed(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'stream' in body
}

/** What a handler threw, as its text; never for the client. */
function guestFailure(text: unknown): UnmoorError {
  return new UnmoorError('Internal', typeof text === 'string' ? text : 'The handler failed.')
}

// Bytes in a buffer of their own: drivers may give views of larger ones.
function plainMessage({ id, contentType, body, attempts, timestamp, lease }: QueueIncoming): QueueIncoming {
  return { id, contentType, body: typeof body === 'string' ? body : new Uint8Array(body), attempts, timestamp, lease }
}

/** The guest's settlements, one per message and of their own leases only; what is missing is retried. */
function checkSettlements(data: unknown, messages: readonly QueueIncoming[]): QueueSettlement[] {
  const given = new Map<unknown, Record<string, unknown>>()
  if (Array.isArray(data))
    for (const entry of data as unknown[])
      if (typeof entry === 'object' && entry !== null) given.set((entry as { lease?: unknown }).lease, entry as Record<string, unknown>)
  return messages.map(({ lease }) => {
    const entry = given.get(lease)
    if (entry?.['outcome'] === 'ack') return { lease, outcome: 'ack' }
    const delay = entry?.['delaySeconds']
    return { lease, outcome: 'retry', delaySeconds: typeof delay === 'number' && Number.isInteger(delay) && delay >= 0 && delay <= 900 ? delay : 0 }
  })
}
