import { TIMED_OUT } from './ended.ts'

/**
 * State of an app's loading into an isolate. Top-level `await`s may leave the app unfinished when its script
 * has run.
 */
export class AppLoad {
  #ready = Promise.withResolvers<void>()
  /** Promise that rejects with the first error that the app left unhandled before it was loaded. */
  #failed = Promise.withResolvers<never>()

  constructor() {
    // Nobody awaits the promise `#failed` once the app is loaded, so its rejection must not count as
    // unhandled.
    this.#failed.promise.catch(() => {})
  }

  ready(): void {
    this.#ready.resolve()
  }

  fail(reason: unknown): void {
    this.#failed.reject(reason)
  }

  /**
   * Resolves when the app's module has run, its top-level `await`s included. Rejects if that takes longer
   * than `milliseconds`.
   */
  async finished(milliseconds: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(TIMED_OUT)), milliseconds)
    })
    await Promise.race([this.#ready.promise, late, this.#failed.promise]).finally(() => clearTimeout(timer))
  }
}
