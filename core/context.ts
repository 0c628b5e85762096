import { type ClientInfo, NO_CLIENT } from './client.ts'
import { WAIT_UNTIL_SECONDS } from './limits.ts'

/**
 * Third argument of a handler: the `ExecutionContext` of Workers, with a signal, the client and a request id.
 */
export interface Context {
  /**
   * Keeps the event alive until `promise` settles, for at most 30 s after the response. A rejection is
   * logged, never thrown. Best effort: put durable work in a queue.
   *
   * @example
   * ```ts
   * ctx.waitUntil(env.links.put('last-visit', new Date().toISOString()))
   * ```
   */
  waitUntil(promise: Promise<unknown>): void
  /**
   * The event's AbortSignal: aborts when the time for `waitUntil` work is over, or when the runtime stops.
   *
   * @example
   * ```ts
   * ctx.waitUntil(fetch('https://hooks.example.com/', { method: 'POST', signal: ctx.signal }))
   * ```
   */
  readonly signal: AbortSignal
  /**
   * The client of the request, as `{ remote: { address, addressType, port, transport } }`. A client's own
   * claims are ignored: `X-Forwarded-For` counts only under the target's option `trustProxy`. Empty for crons
   * and queues.
   */
  readonly client: ClientInfo
  /**
   * Id of this event for log lines: the `x-request-id` of a proxy that the target's option `trustProxy`
   * names, else the platform's own id (`cf-ray` on Cloudflare, AWS's request id on Lambda), else a random
   * UUID. Constant for the event; at most 128 letters, digits and `_ . : / + = @ -`. A client's own
   * `x-request-id` is ignored.
   */
  readonly requestId: string
  /**
   * Asks Cloudflare to pass the request to the origin if the handler throws. Does nothing on other targets,
   * which have no origin.
   */
  passThroughOnException(): void
  /** `ctx.props`: always an empty object, present because handlers written for Workers expect it. */
  // oxlint-disable-next-line typescript/no-explicit-any -- Hono's and Cloudflare's own type of this member
  readonly props: any
}

/** Options of {@link createContext}; every one is optional. */
export interface ContextOptions {
  /**
   * Request id that the platform assigned to the event; the id of a {@link ClientSource} takes precedence.
   * Default: a random UUID.
   */
  requestId?: string | undefined
  /** Aborts an event's `ctx.signal` early, for example when the server stops. */
  signal?: AbortSignal | undefined
  /** Called with the error of every `waitUntil` promise that rejects. Default: `console.error`. */
  onError?: ((error: unknown) => void) | undefined
  /** Hands each `waitUntil` promise to the platform too (Cloudflare's own `ctx.waitUntil`). */
  waitUntil?: ((promise: Promise<unknown>) => void) | undefined
  /**
   * Ties a callback to the current event, for targets that attribute uncaught errors to events. Needed
   * because listeners of `ctx.signal` run when the signal aborts, outside of any event. Default: the callback
   * as it is.
   */
  keep?: (<F extends (...args: never[]) => unknown>(callback: F) => F) | undefined
}

/** The {@link Context} of a handler, with the methods that an adapter needs. */
export interface OwnedContext extends Context {
  /** Number of the event's `waitUntil` promises that have not settled. */
  readonly pending: number
  /** Sets the source of the client's address, for an event that is read after its context was created. */
  sentBy(source: ClientSource): void
  /**
   * Waits until all `waitUntil` promises of an event have settled, including promises added meanwhile.
   * Resolves to true then. After `seconds` (default 30) `ctx.signal` aborts and the result is false.
   */
  settled(seconds?: number): Promise<boolean>
  /**
   * Ends a handler's context: an adapter must call it when the event is answered. Until then, and while
   * `waitUntil` work is pending, the signal of the options keeps a reference to the event. An event without
   * this call stays in memory as long as that signal.
   */
  ended(): void
}

const NO_PROPS = Object.freeze({})

/** Source of a request's client and request id, read lazily: only when the app asks. */
export interface ClientSource {
  readonly client: ClientInfo
  /** Request id that the platform or a trusted proxy assigned. Default: a random UUID. */
  readonly requestId?: string | undefined
}

/**
 * Creates the context (`ctx`) of one event's handler; without `source` its client is unknown. Nothing is
 * allocated for `waitUntil` and `signal` until they are used.
 */
export function createContext(options?: ContextOptions, source?: ClientSource): OwnedContext {
  return new EventContext(options, source)
}

class EventContext implements OwnedContext {
  #options: ContextOptions | undefined
  #source: ClientSource | undefined
  #requestId: string | undefined
  #controller: AbortController | undefined
  #abort: ((reason: unknown) => void) | undefined
  #pending = 0
  #idle: (() => void) | undefined
  #over = false
  #unfollow: (() => void) | undefined

  constructor(options: ContextOptions | undefined, source: ClientSource | undefined) {
    this.#options = options
    this.#source = source
  }

  sentBy(source: ClientSource): void {
    this.#source = source
  }

  get client(): ClientInfo {
    return this.#source?.client ?? NO_CLIENT
  }

  get requestId(): string {
    return (this.#requestId ??= this.#source?.requestId ?? this.#options?.requestId ?? crypto.randomUUID())
  }

  get pending(): number {
    return this.#pending
  }

  get props(): object {
    return NO_PROPS
  }

  get signal(): AbortSignal {
    const controller = (this.#controller ??= new AbortController())
    if (this.#abort === undefined) {
      const abort = (reason: unknown): void => controller.abort(reason)
      this.#abort = this.#options?.keep?.(abort) ?? abort
      const outer = this.#options?.signal
      if (outer?.aborted === true) this.#abort(outer.reason)
      else if (outer !== undefined && !(this.#over && this.#pending === 0))
        this.#unfollow = follow(outer, this.#abort)
    }
    return controller.signal
  }

  ended(): void {
    this.#over = true
    if (this.#pending === 0) this.#unfollow?.()
  }

  passThroughOnException(): void {}

  waitUntil(promise: Promise<unknown>): void {
    this.#pending++
    const settled = Promise.resolve(promise).then(
      () => this.#settle(),
      (error: unknown) => {
        report(error, this.#options?.onError)
        this.#settle()
      },
    )
    this.#options?.waitUntil?.(settled)
  }

  #settle(): void {
    this.#pending--
    if (this.#pending > 0) return
    if (this.#over) this.#unfollow?.()
    this.#idle?.()
  }

  async settled(seconds: number = WAIT_UNTIL_SECONDS): Promise<boolean> {
    if (this.#pending === 0) return true
    let timer: ReturnType<typeof setTimeout> | undefined
    const expired = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, seconds * 1000)
    })
    while (this.#pending > 0) {
      const idle = new Promise<'idle'>((resolve) => {
        this.#idle = () => resolve('idle')
      })
      if ((await Promise.race([idle, expired])) !== 'idle') {
        const late = new DOMException(
          `waitUntil work was still running ${seconds} s after the answer`,
          'TimeoutError',
        )
        if (this.#abort === undefined) (this.#controller ??= new AbortController()).abort(late)
        else this.#abort(late)
        this.#unfollow?.()
        return false
      }
    }
    if (timer !== undefined) clearTimeout(timer)
    return true
  }
}

type Abort = (reason: unknown) => void

const followers = new WeakMap<AbortSignal, Set<Abort>>()

/**
 * Calls `abort` when a long-lived AbortSignal aborts, and returns a function that stops the calls. Used in
 * place of `AbortSignal.any`, because Node keeps each such signal with a listener in memory until one of its
 * sources aborts.
 */
function follow(signal: AbortSignal, abort: Abort): () => void {
  let all = followers.get(signal)
  if (all === undefined) {
    const told = (all = new Set<Abort>())
    followers.set(signal, told)
    signal.addEventListener('abort', () => told.forEach((one) => one(signal.reason)), { once: true })
  }
  const following = all.add(abort)
  return () => void following.delete(abort)
}

function report(error: unknown, onError: ((error: unknown) => void) | undefined): void {
  if (onError !== undefined) onError(error)
  else console.error('waitUntil promise rejected:', error)
}
