import type { Context } from '../../../core/context.ts'
import { WAIT_UNTIL_SECONDS } from '../../../core/limits.ts'
import type { NativeContext } from './native.ts'

/** `ctx` over the platform's own, which lacks the signal. */
export class WorkerContext implements Context {
  #native: NativeContext
  #controller: AbortController | undefined
  #pending = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #answered = false

  constructor(native: NativeContext) {
    this.#native = native
  }

  waitUntil(promise: Promise<unknown>): void {
    this.#pending++
    this.#limit()
    const settled = Promise.resolve(promise).then(
      () => this.#settle(),
      (error: unknown) => {
        console.error('waitUntil promise rejected:', error)
        this.#settle()
      },
    )
    this.#native.waitUntil(settled)
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    this.#limit()
    return this.#controller.signal
  }

  passThroughOnException(): void {
    this.#native.passThroughOnException()
  }

  get props(): object {
    // The platform's own may carry what a calling Worker put there; the portable one is empty.
    return {}
  }

  /** The handler has answered: the time for `waitUntil` work runs from now. */
  answered(): void {
    this.#answered = true
    this.#limit()
  }

  #limit(): void {
    if (this.#controller === undefined || this.#pending === 0 || !this.#answered || this.#timer !== undefined)
      return
    // A second before the platform cuts the work off, so that it can end in order.
    this.#timer = setTimeout(
      () =>
        this.#controller?.abort(
          new DOMException('waitUntil work has run for too long after the answer', 'TimeoutError'),
        ),
      (WAIT_UNTIL_SECONDS - 1) * 1000,
    )
  }

  #settle(): void {
    this.#pending--
    if (this.#pending > 0 || this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
