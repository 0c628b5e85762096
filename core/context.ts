import { WAIT_UNTIL_SECONDS } from './limits.ts'

/**
 * What a handler gets as its third argument; the Workers' `ExecutionContext` and a signal.
 */
export interface Context {
  /**
   * Keeps `promise` running after the answer, for at most 30 s in all. A rejection is logged, never thrown.
   * Best effort: durable work goes to a queue.
   */
  waitUntil(promise: Promise<unknown>): void
  /** Aborts when the time for `waitUntil` work is over or the runtime stops. */
  readonly signal: AbortSignal
  /** Does nothing outside Cloudflare, where there is no origin to pass through to. */
  passThroughOnException(): void
  /** Always an empty object; there because handlers written for Workers expect it. */
  // oxlint-disable-next-line typescript/no-explicit-any -- Hono's and Cloudflare's own type of this member
  readonly props: any
}

/** Options of {@link createContext}; every one is optional. */
export interface ContextOptions {
  /** Aborts `ctx.signal` early, for example when the server stops. */
  signal?: AbortSignal | undefined
  /** Given every rejection of a `waitUntil` promise. Default: `console.error`. */
  onError?: ((error: unknown) => void) | undefined
  /** Hands each promise to the platform too (Cloudflare's own `ctx.waitUntil`). */
  waitUntil?: ((promise: Promise<unknown>) => void) | undefined
}

/** A {@link Context} with what the adapter needs of it. */
export interface OwnedContext extends Context {
  /** Number of `waitUntil` promises that have not settled. */
  readonly pending: number
  /**
   * Resolves when all `waitUntil` promises have settled, those added meanwhile included, or when `seconds`
   * (default 30) have passed; then `ctx.signal` aborts. True if all settled.
   */
  settled(seconds?: number): Promise<boolean>
}

const NO_PROPS = Object.freeze({})

/** A context for one event. Costs next to nothing until `waitUntil` or `signal` is used. */
export function createContext(options?: ContextOptions): OwnedContext {
  return new EventContext(options)
}

class EventContext implements OwnedContext {
  #options: ContextOptions | undefined
  #controller: AbortController | undefined
  #pending = 0
  #idle: (() => void) | undefined

  constructor(options: ContextOptions | undefined) {
    this.#options = options
  }

  get pending(): number {
    return this.#pending
  }

  get props(): object {
    return NO_PROPS
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    const outer = this.#options?.signal
    return outer === undefined
      ? this.#controller.signal
      : (this.#joined ??= AbortSignal.any([outer, this.#controller.signal]))
  }
  #joined: AbortSignal | undefined

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
    if (this.#pending === 0) this.#idle?.()
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
        this.#controller ??= new AbortController()
        this.#controller.abort(
          new DOMException(`waitUntil work was still running ${seconds} s after the answer`, 'TimeoutError'),
        )
        return false
      }
    }
    if (timer !== undefined) clearTimeout(timer)
    return true
  }
}

function report(error: unknown, onError: ((error: unknown) => void) | undefined): void {
  if (onError !== undefined) onError(error)
  else console.error('waitUntil promise rejected:', error)
}
