/** The events that Workers of the Service Worker syntax listen for. */

/** What an event's waiting is done with. */
export interface EventContext {
  waitUntil(promise: Promise<unknown>): void
  passThroughOnException?(): void
}

/** Whoever has it may make events: a Worker's own code may not, as on Workers. */
export const INTERNAL = Symbol('internal')

/** An event whose handling may go on after its listeners. */
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

/** A request; its answer is what a listener gives `respondWith`. */
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
    // The answer is awaited once the other listeners have run.
    this.#answer.catch(() => {})
    this.stopImmediatePropagation()
  }

  /** @internal */
  get answer(): Promise<Response> | undefined {
    return this.#answer
  }
}

/** What a scheduled() handler is given. */
export interface CronController {
  readonly scheduledTime: number
  readonly cron: string
  noRetry(): void
}

/** A cron trigger. */
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
