import type { QueueIncoming, QueueSettlement } from '../../../core/bindings/drivers.ts'
import type { Context } from '../../../core/context.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { bodyFromGuest } from './codec.ts'
import { type Guest, type GuestEvents, IsolateEnded } from './guest.ts'
import { type HostServices, Operations } from './operations.ts'
import { describe } from './streams.ts'
import { TimerTable } from './timers.ts'
import type { GuestLog } from './log.ts'

/** What the guest answers to an event. */
interface Pending {
  ctx: Context
  resolve(value: readonly unknown[]): void
  reject(error: unknown): void
  request?: Request
  /** The request's body in the stream table. */
  body?: number
  /** `waitUntil` promises of the guest that have not settled. */
  waits: (() => void)[]
  /** The answer is there, all of it: only `waitUntil` work may be left. */
  finished: boolean
}

/** A body of the guest's, as it becomes a Response's. */
export type GuestBody = ReturnType<typeof bodyFromGuest>

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
    this.#operations = new Operations(services, send, (microseconds) => this.#guest.chargeBeside(microseconds))
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
    app.#guest.send('env', values)
    return app
  }

  close(): void {
    this.#guest.close()
    this.#end(new IsolateEnded('closed', 'the isolate was closed'))
  }

  /** Calls the fetch handler. Rejects with {@link IsolateEnded} where the isolate ended first, with `Internal` where the handler threw. */
  async fetch(request: Request, ctx: Context): Promise<Response> {
    const headers: string[] = []
    for (const [name, value] of request.headers) headers.push(name, value)
    const { streams } = this.#operations
    const body = request.body === null ? undefined : streams.toGuest(request.body)
    const wireBody = body === undefined ? null : { stream: body }
    const [status, statusText, flat, content] = await this.#event({ ctx, request, ...(body === undefined ? {} : { body }) }, (id) => [
      'fetch',
      id,
      request.method,
      request.url,
      headers,
      wireBody,
    ])
    const list: [string, string][] = []
    if (Array.isArray(flat)) for (let index = 0; index + 1 < flat.length; index += 2) list.push([String(flat[index]), String(flat[index + 1])])
    const answer = bodyFromGuest(content, streams)
    return new Response(this.#hooks.body === undefined ? answer : this.#hooks.body(answer), {
      status: Number(status),
      statusText: String(statusText),
      headers: list,
    })
  }

  /** Calls a queue's handler. */
  async queue(
    binding: string,
    messages: readonly QueueIncoming[],
    retryDelay: number,
    ctx: Context,
  ): Promise<{ settlements: QueueSettlement[]; error?: unknown }> {
    const [settlements, error] = await this.#event({ ctx }, (id) => ['queue', id, binding, messages.map(plainMessage), retryDelay])
    return { settlements: checkSettlements(settlements, messages), ...(error === undefined ? {} : { error: guestFailure(error) }) }
  }

  /** Calls a cron's handler. */
  async cron(name: string, scheduledTime: number, ctx: Context): Promise<{ error?: unknown; retry: boolean }> {
    const [error, retry] = await this.#event({ ctx }, (id) => ['cron', id, name, scheduledTime])
    return error === undefined ? { retry: false } : { error: guestFailure(error), retry: retry !== false }
  }

  #event(event: Pick<Pending, 'ctx' | 'request' | 'body'>, message: (id: number) => [string, ...unknown[]]): Promise<readonly unknown[]> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    const id = this.#nextEvent++
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { ...event, resolve, reject, waits: [], finished: false })
      this.#guest.send(...message(id))
    })
  }

  #receive(message: readonly unknown[]): void {
    const [operation, id, ...data] = message
    switch (operation) {
      case 'response':
        this.#pending.get(id)?.resolve(data)
        // A streamed answer is finished when the guest says so; until then the client may go away.
        if (!isStreamed(data[3])) this.#finish(id)
        return
      case 'queued':
      case 'cronDone':
        this.#pending.get(id)?.resolve(data)
        return this.#finish(id)
      case 'failed':
        this.#pending.get(id)?.reject(guestFailure(data[0]))
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
    if (pending.waits.length === 0) this.#forget(id, pending)
  }

  #forget(id: unknown, pending: Pending): void {
    this.#pending.delete(id)
    if (pending.body !== undefined) this.#operations.streams.drop(pending.body)
  }

  #wait(id: unknown): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    const { promise, resolve } = Promise.withResolvers<void>()
    pending.waits.push(resolve)
    pending.ctx.waitUntil(promise)
  }

  #settleWait(id: unknown): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    pending.waits.pop()?.()
    if (pending.finished && pending.waits.length === 0) this.#forget(id, pending)
  }

  // The guest has asked for a signal: it hears of its abort from now on.
  #watch(id: unknown, what: unknown): void {
    const pending = this.#pending.get(id)
    const signal = what === 'context' ? pending?.ctx.signal : pending?.request?.signal
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
      pending.reject(error)
      for (const resolve of pending.waits) resolve()
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
