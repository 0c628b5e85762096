import type { ClientInfo } from '../../../core/client.ts'
import type { Context } from '../../../core/context.ts'
import { describe, type StreamTable } from './streams.ts'

/**
 * An event (a request, queue batch, cron or the like) that an isolate handles: who waits for its answer, and
 * what the guest may ask about it.
 */
export interface EngineEvent {
  readonly ctx: Context
  /** The Request of an event that is a full request; undefined for flat requests and all other events. */
  readonly request?: Request | undefined
  /** Abort signal of the request, read only when the guest asks for it. */
  readonly signal?: AbortSignal | undefined
  /** Called with the isolate's answer to the event: the data of its message after the id. */
  answer(data: readonly unknown[]): void
  fail(error: unknown): void
}

/** Record of an event under way in an isolate. */
interface Pending {
  event: EngineEvent
  /** Id of the request's body in the isolate's stream table. */
  body: number | undefined
  /** Functions that resolve the event's `waitUntil` promises which have not settled. */
  waits: (() => void)[] | undefined
  /** True if the answer to the event is complete: only `waitUntil` work may be left. */
  finished: boolean
}

/**
 * The events under way in one isolate. Ids that come from the guest are data that a tenant may have made up.
 */
export class PendingEvents {
  #streams: StreamTable
  #send: (...message: [string, ...unknown[]]) => void
  #pending = new Map<unknown, Pending>()
  #next = 1
  #maxWaits: number
  #onTooMany: () => void
  #waits = 0

  /** `onTooMany` is called if the isolate's code waits for more than `maxWaits` promises at once. */
  constructor(
    streams: StreamTable,
    send: (...message: [string, ...unknown[]]) => void,
    maxWaits = Infinity,
    onTooMany: () => void = () => {},
  ) {
    this.#streams = streams
    this.#send = send
    this.#maxWaits = maxWaits
    this.#onTooMany = onTooMany
  }

  /** Records an event of the isolate and returns its id. */
  begin(event: EngineEvent, body: number | undefined): number {
    const id = this.#next++
    this.#pending.set(id, { event, body, waits: undefined, finished: false })
    return id
  }

  answer(id: unknown, data: readonly unknown[]): void {
    this.#pending.get(id)?.event.answer(data)
  }

  fail(id: unknown, error: unknown): void {
    this.#pending.get(id)?.event.fail(error)
  }

  /**
   * Notes that the isolate's answer to an event is complete. The event is forgotten when its `waitUntil`
   * promises have settled.
   */
  finish(id: unknown): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    pending.finished = true
    if (pending.waits === undefined || pending.waits.length === 0) this.#forget(id, pending)
  }

  /**
   * Returns the client that sent an event (its address), as flat data; undefined if the event is over or
   * nobody sent it.
   */
  client(id: unknown): ClientInfo['remote'] | undefined {
    return this.#pending.get(id)?.event.ctx.client.remote
  }

  /** Returns the request of an event that is not answered yet. */
  request(id: unknown): Request | undefined {
    const pending = this.#pending.get(id)
    return pending === undefined || pending.finished ? undefined : pending.event.request
  }

  /** Returns the request id of an event; undefined if the event is over. */
  requestId(id: unknown): string | undefined {
    return this.#pending.get(id)?.event.ctx.requestId
  }

  /** Notes that an event of the isolate waits for one more `waitUntil` promise. */
  wait(id: unknown): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    if (this.#waits >= this.#maxWaits) return this.#onTooMany()
    this.#waits++
    const { promise, resolve } = Promise.withResolvers<void>()
    ;(pending.waits ??= []).push(resolve)
    pending.event.ctx.waitUntil(promise)
  }

  /** Notes that one of an event's `waitUntil` promises has settled. */
  settleWait(id: unknown): void {
    const pending = this.#pending.get(id)
    if (pending?.waits === undefined) return
    const resolve = pending.waits.pop()
    if (resolve !== undefined) this.#waits--
    resolve?.()
    if (pending.finished && pending.waits.length === 0) this.#forget(id, pending)
  }

  /**
   * Tells the isolate's code of the abort of a signal that it has asked for: the context's or the request's.
   */
  watch(id: unknown, what: unknown): void {
    const pending = this.#pending.get(id)
    const signal = what === 'context' ? pending?.event.ctx.signal : pending?.event.signal
    if (signal === undefined) return
    const abort = (): void => {
      const { name, message } = describe(signal.reason)
      this.#send('abort', id, what, message, name)
    }
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  }

  /** Fails all events of the isolate, because the isolate has ended. */
  failAll(error: Error): void {
    for (const pending of this.#pending.values()) {
      pending.event.fail(error)
      for (const resolve of pending.waits ?? []) resolve()
    }
    this.#pending.clear()
  }

  #forget(id: unknown, pending: Pending): void {
    this.#pending.delete(id)
    if (pending.body !== undefined) this.#streams.drop(pending.body)
  }
}
