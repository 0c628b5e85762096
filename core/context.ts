import { type ClientInfo, NO_CLIENT } from './client.ts'
import { WAIT_UNTIL_SECONDS } from './limits.ts'

/**
 * What a handler gets as its third argument; the Workers' `ExecutionContext` and a signal.
 */
export interface Context {
  /**
   * Keeps `promise` running after the answer, for at most 30 s in all. A rejection is logged, never thrown.
   * Best effort: durable work goes to a queue.
   *
   * @example
   * ```ts
   * ctx.waitUntil(env.links.put('last-visit', new Date().toISOString()))
   * ```
   */
  waitUntil(promise: Promise<unknown>): void
  /**
   * Aborts when the time for `waitUntil` work is over or the runtime stops.
   *
   * @example
   * ```ts
   * ctx.waitUntil(fetch('https://hooks.example.com/', { method: 'POST', signal: ctx.signal }))
   * ```
   */
  readonly signal: AbortSignal
  /**
   * Who sent the request, as `{ remote: { address, addressType, port, transport } }`. Never what a client
   * says of itself: `X-Forwarded-For` counts by the target's option `trustProxy` alone. Empty for crons and
   * queues.
   */
  readonly client: ClientInfo
  /**
   * Names this event in log lines and to whoever asks about it. The `x-request-id` of a proxy that the
   * target's option `trustProxy` names, else the platform's own id (`cf-ray` on Cloudflare, AWS's request id
   * on Lambda), else a random UUID. The same each time it is read; at most 128 letters, digits and
   * `_ . : / + = @ -`. A client's own `x-request-id` never counts.
   */
  readonly requestId: string
  /** Does nothing outside Cloudflare, where there is no origin to pass through to. */
  passThroughOnException(): void
  /** Always an empty object; there because handlers written for Workers expect it. */
  // oxlint-disable-next-line typescript/no-explicit-any -- Hono's and Cloudflare's own type of this member
  readonly props: any
}

/** Options of {@link createContext}; every one is optional. */
export interface ContextOptions {
  /** What the platform calls the event; an id of the source goes before it. Default: a random UUID. */
  requestId?: string | undefined
  /** Aborts `ctx.signal` early, for example when the server stops. */
  signal?: AbortSignal | undefined
  /** Given every rejection of a `waitUntil` promise. Default: `console.error`. */
  onError?: ((error: unknown) => void) | undefined
  /** Hands each promise to the platform too (Cloudflare's own `ctx.waitUntil`). */
  waitUntil?: ((promise: Promise<unknown>) => void) | undefined
  /**
   * Ties a callback to the event that runs now, for targets that know whose an uncaught error is: listeners
   * of `ctx.signal` run when it aborts, which is nobody's time. Default: the callback as it is.
   */
  keep?: (<F extends (...args: never[]) => unknown>(callback: F) => F) | undefined
}

/** A {@link Context} with what the adapter needs of it. */
export interface OwnedContext extends Context {
  /** Number of `waitUntil` promises that have not settled. */
  readonly pending: number
  /** Sets who knows the client, for an event that is read within its context. */
  sentBy(source: ClientSource): void
  /**
   * Resolves when all `waitUntil` promises have settled, those added meanwhile included, or when `seconds`
   * (default 30) have passed; then `ctx.signal` aborts. True if all settled.
   */
  settled(seconds?: number): Promise<boolean>
  /**
   * To be called when the event is answered. Until then, and while `waitUntil` work is open, the signal of
   * the options keeps the event, whose `ctx.signal` it may have to abort; one for which this is never called
   * stays in memory as long as that signal.
   */
  ended(): void
}

const NO_PROPS = Object.freeze({})

/** A source that knows the client of a request; asked only when the app asks. */
export interface ClientSource {
  readonly client: ClientInfo
  /** What the platform or a trusted proxy calls the event. Default: a random UUID. */
  readonly requestId?: string | undefined
}

/**
 * A context for one event; without `source` nobody has sent it. Costs next to nothing until `waitUntil` or
 * `signal` is used.
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
 * Calls `abort` when a signal that outlives it aborts; returns what ends that. In place of `AbortSignal.any`,
 * as Node keeps each of its signals that has a listener until one of its sources aborts.
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
