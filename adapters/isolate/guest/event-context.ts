import type { ClientInfo } from '../../../core/client.ts'
import type { Context } from '../../../core/context.ts'
import { link } from './link.ts'

/**
 * One event of the app in progress (such as a request), as its isolate sees it: its context, its signals and
 * its unfinished `waitUntil` work.
 */
export class EventRecord {
  readonly id: number
  readonly ctx: Context
  /** True once the event's handler has finished and its answer has been sent to the engine. */
  #answered = false
  #pending = 0
  #watched = false
  #client: ClientInfo | undefined
  #requestId: string | undefined
  #request: ReturnType<typeof link.createSignal> | undefined
  #ctxSignal: ReturnType<typeof link.createSignal> | undefined

  constructor(id: number) {
    this.id = id
    this.ctx = new GuestContext(this)
  }

  /**
   * Client of the request. The engine is asked on first read, and knows the client only until the event is
   * over.
   */
  get client(): ClientInfo {
    return (this.#client ??= toClient(link.callSync('client', this.id)))
  }

  /**
   * Id of the request, asked of the engine on first read. After the event is over a new id is generated,
   * because the engine no longer has one.
   */
  get requestId(): string {
    return (this.#requestId ??=
      (link.callSync('requestId', this.id) as string | undefined) ?? crypto.randomUUID())
  }

  /** Returns `request.signal`. The first call makes the engine watch the client's connection. */
  requestSignal(): ReturnType<typeof link.createSignal> {
    if (this.#request === undefined) {
      this.#request = link.createSignal()
      this.#watch()
      link.post('watch', this.id, 'request')
    }
    return this.#request
  }

  contextSignal(): ReturnType<typeof link.createSignal> {
    if (this.#ctxSignal === undefined) {
      this.#ctxSignal = link.createSignal()
      this.#watch()
      link.post('watch', this.id, 'context')
    }
    return this.#ctxSignal
  }

  waitUntil(promise: unknown): void {
    this.#pending++
    link.post('wait', this.id)
    const settled = (): void => {
      this.#pending--
      link.post('waited', this.id)
      this.#forget()
    }
    Promise.resolve(promise).then(settled, (error: unknown) => {
      console.error('waitUntil promise rejected:', error)
      settled()
    })
  }

  answered(): void {
    this.#answered = true
    this.#forget()
  }

  /** Called when the engine has read a streamed response body to its end. */
  sent(): void {
    link.post('finished', this.id)
    this.answered()
  }

  abort(what: 'request' | 'context', message: string, name: string): void {
    const signal = what === 'request' ? this.#request : this.#ctxSignal
    if (signal !== undefined) link.abortSignal(signal, new DOMException(message, name))
  }

  #watch(): void {
    this.#watched = true
    watched.set(this.id, this)
  }

  #forget(): void {
    if (this.#watched && this.#answered && this.#pending === 0) watched.delete(this.id)
  }
}

/** Events of the app in progress, by id, whose abort signals the engine may still abort. */
const watched = new Map<number, EventRecord>()

link.on('abort', (id: number, what: 'request' | 'context', message: string, name: string) =>
  watched.get(id)?.abort(what, message, name),
)

function toClient(remote: unknown): ClientInfo {
  return Object.freeze({ remote: Object.freeze(remote ?? {}) })
}

const NO_PROPS = Object.freeze({})

class GuestContext implements Context {
  #record: EventRecord

  constructor(record: EventRecord) {
    this.#record = record
  }
  get props(): object {
    return NO_PROPS
  }
  get client(): ClientInfo {
    return this.#record.client
  }
  get requestId(): string {
    return this.#record.requestId
  }
  get signal(): AbortSignal {
    // The guest has its own AbortSignal class, which TypeScript's DOM types do not know.
    return this.#record.contextSignal() as unknown as AbortSignal
  }
  waitUntil(promise: Promise<unknown>): void {
    this.#record.waitUntil(promise)
  }
  passThroughOnException(): void {}
}
