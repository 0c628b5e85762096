/** Event classes for Workers in Service Worker syntax. */

/** Context through which a Worker's event calls waitUntil() and passThroughOnException(). */
export interface EventContext {
  waitUntil(promise: Promise<unknown>): void
  passThroughOnException?(): void
}

/**
 * Key that allows constructing FetchEvent and the like, which a Worker's own code may not, as on Cloudflare.
 */
export const INTERNAL = Symbol('internal')

/**
 * `ExtendableEvent` of the Service Worker syntax, whose handling may continue after its listeners have
 * returned (`waitUntil`).
 */
export class ExtendableEvent extends Event {
  #ctx: EventContext

  constructor(key: symbol, type: string, ctx: EventContext) {
    if (key !== INTERNAL) throw new TypeError('Illegal constructor')
    super(type)
    this.#ctx = ctx
  }

  waitUntil(promise: Promise<unknown>): void {
    this.#ctx.waitUntil(Promise.resolve(promise))
  }
}

/**
 * The `fetch` event of the Service Worker syntax, with the request. A listener sets its response with
 * `respondWith`.
 */
export class FetchEvent extends ExtendableEvent {
  readonly request: Request
  #answer: Promise<Response> | undefined
  #passThrough: () => void

  constructor(key: symbol, request: Request, ctx: EventContext) {
    super(key, 'fetch', ctx)
    this.request = request
    this.#passThrough = () => ctx.passThroughOnException?.()
  }

  passThroughOnException(): void {
    this.#passThrough()
  }

  respondWith(answer: Response | Promise<Response>): void {
    if (this.#answer !== undefined) throw new TypeError('FetchEvent.respondWith() has already been called.')
    this.#answer = Promise.resolve(answer)
    // A FetchEvent's response is awaited only after all listeners have run; until then, its rejection must
    // not count as unhandled.
    this.#answer.catch(() => {})
    this.stopImmediatePropagation()
  }

  /** Response that a listener passed to `respondWith` of a FetchEvent; undefined if none did. @internal */
  get answer(): Promise<Response> | undefined {
    return this.#answer
  }
}

/** Argument of a Worker's scheduled() handler. */
export interface CronController {
  readonly scheduledTime: number
  readonly cron: string
  noRetry(): void
}

/** The `scheduled` event of the Service Worker syntax, which a cron trigger causes. */
export class ScheduledEvent extends ExtendableEvent {
  readonly scheduledTime: number
  readonly cron: string
  #noRetry: () => void

  constructor(key: symbol, controller: CronController, ctx: EventContext) {
    super(key, 'scheduled', ctx)
    this.scheduledTime = controller.scheduledTime
    this.cron = controller.cron
    this.#noRetry = () => controller.noRetry()
  }

  noRetry(): void {
    this.#noRetry()
  }
}
