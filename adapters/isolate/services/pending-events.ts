import type { ClientInfo } from '../../../core/client.ts'
import type { Context } from '../../../core/context.ts'
import { describe, type StreamTable } from './streams.ts'

/** An event on the host's side: who waits for it, and what the guest may want of it. */
export interface EngineEvent {
  readonly ctx: Context
  /** Requests that are no flat ones only. */
  readonly request?: Request | undefined
  /** The request's, asked for when the guest asks for it. */
  readonly signal?: AbortSignal | undefined
  /** The guest's answer: what its message says after the id. */
  answer(data: readonly unknown[]): void
  fail(error: unknown): void
}

/** What is kept of an event under way. */
interface Pending {
  event: EngineEvent
  /** The request's body in the stream table. */
  body: number | undefined
  /** `waitUntil` promises of the guest that have not settled. */
  waits: (() => void)[] | undefined
  /** The answer is there, all of it: only `waitUntil` work may be left. */
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

  /** `onTooMany` is called where the guest waits for more than `maxWaits` promises at once. */
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

  /** Keeps an event; returns its id. */
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

  /** The answer is complete. The event is forgotten when its `waitUntil` promises have settled. */
  finish(id: unknown): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    pending.finished = true
    if (pending.waits === undefined || pending.waits.length === 0) this.#forget(id, pending)
  }

  /** The sender of an event, as flat data; undefined if the event is over or nobody sent it. */
  client(id: unknown): ClientInfo['remote'] | undefined {
    return this.#pending.get(id)?.event.ctx.client.remote
  }

  /** The request of an event that is not answered yet. */
  request(id: unknown): Request | undefined {
    const pending = this.#pending.get(id)
    return pending === undefined || pending.finished ? undefined : pending.event.request
  }

  /** What an event is called; undefined where it is over. */
  requestId(id: unknown): string | undefined {
    return this.#pending.get(id)?.event.ctx.requestId
  }

  /** The guest waits for one more promise. */
  wait(id: unknown): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    if (this.#waits >= this.#maxWaits) return this.#onTooMany()
    this.#waits++
    const { promise, resolve } = Promise.withResolvers<void>()
    ;(pending.waits ??= []).push(resolve)
    pending.event.ctx.waitUntil(promise)
  }

  /** One of those promises has settled. */
  settleWait(id: unknown): void {
    const pending = this.#pending.get(id)
    if (pending?.waits === undefined) return
    const resolve = pending.waits.pop()
    if (resolve !== undefined) this.#waits--
    resolve?.()
    if (pending.finished && pending.waits.length === 0) this.#forget(id, pending)
  }

  /** The guest has asked for a signal, the context's or the request's: it hears of its abort from now on. */
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

  /** The isolate has ended: everything fails. */
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
