import { TIMED_OUT } from './ended.ts'

/**
 * The loading of an app into an isolate. Its top-level `await`s may leave it unfinished when its script is
 * through.
 */
export class AppLoad {
  #ready = Promise.withResolvers<void>()
  /** Rejects with the first error that nobody handled before the app was ready. */
  #failed = Promise.withResolvers<never>()

  constructor() {
    // Once the app is ready nobody waits for it.
    this.#failed.promise.catch(() => {})
  }

  ready(): void {
    this.#ready.resolve()
  }

  fail(reason: unknown): void {
    this.#failed.reject(reason)
  }

  /** Resolves when the app's module is through, its top-level `await`s included. */
  async finished(milliseconds: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(TIMED_OUT)), milliseconds)
    })
    await Promise.race([this.#ready.promise, late, this.#failed.promise]).finally(() => clearTimeout(timer))
  }
}
