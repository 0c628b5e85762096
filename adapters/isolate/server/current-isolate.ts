import { IsolateEnded } from '../engine/ended.ts'
import type { IsolateApp } from './isolate-app.ts'

/** Options of {@link CurrentIsolate}, the running isolate of an app. */
export interface CurrentIsolateOptions {
  /** The app's name, for the log. */
  name: string
  create(onEnd: (error: IsolateEnded) => void): Promise<IsolateApp>
  logError(text: string): void
}

/** The running isolate of an app. An isolate that ends is replaced. */
export class CurrentIsolate {
  /** Number of the app's isolates started so far. */
  started = 0
  #options: CurrentIsolateOptions
  #current: Promise<IsolateApp>
  #live: IsolateApp | undefined
  #closed = false

  constructor(options: CurrentIsolateOptions) {
    this.#options = options
    this.#current = this.#start()
  }

  /**
   * Waits for the app's first isolate. After a failure no other isolate is started.
   *
   * @throws the reason why the app cannot be loaded.
   */
  async first(): Promise<void> {
    try {
      await this.#current
    } catch (error) {
      this.#closed = true
      throw error
    }
  }

  /** The app's running isolate; undefined before it has started and after it has ended. */
  get live(): IsolateApp | undefined {
    return this.#live
  }

  /** Resolves with the app's isolate once it has started. @throws the reason why the app cannot be loaded. */
  async use(): Promise<IsolateApp> {
    const waiting = this.#current
    try {
      return await waiting
    } catch {
      if (this.#closed) throw new IsolateEnded('closed', 'the server stops')
      if (this.#current === waiting) this.#current = this.#start()
      return this.#current
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#current.then((app) => app.close()).catch(() => {})
  }

  #start(): Promise<IsolateApp> {
    this.started++
    const next = this.#options.create((error) => this.#replace(error))
    next.then(
      (app) => {
        if (!this.#closed && !app.hasEnded) this.#live = app
      },
      // This handler only logs a failed start of the app: `use` handles it for the events that wait for the
      // isolate.
      (error: unknown) => {
        if (!this.#closed)
          this.#options.logError(
            `The isolate of "${this.#options.name}" did not start: ${startFailure(error)}`,
          )
      },
    )
    return next
  }

  #replace(error: IsolateEnded): void {
    this.#live = undefined
    if (this.#closed || error.ended === 'closed') return
    this.#options.logError(
      `The isolate of "${this.#options.name}" was stopped: ${error.message}. A new one takes its place.`,
    )
    this.#current = this.#start()
  }
}

/**
 * Returns the log's text for an app that was not loaded: the reason, and on lines of its own the error that
 * the app threw.
 */
export function startFailure(error: unknown): string {
  const detail = error instanceof IsolateEnded && error.detail !== '' ? `:\n${error.detail}` : ''
  return `${error instanceof Error ? error.message : String(error)}${detail}`
}
