/** The app that `unmoor dev` runs, as its page sees it. */
import type { ArtifactInfo } from '../../adapter.ts'
import { UnmoorError } from '../../errors.ts'
import { RouteClient } from '../data/route-client.ts'

/** What `unmoor dev` is doing now. */
export type AppState = 'loading' | 'running' | 'failed'

/** The app of an `unmoor dev`, over all of its builds. */
export class RunningApp {
  /** Secret of the data route in the builds of this `unmoor dev`. */
  readonly dataToken: string
  #state: AppState = 'loading'
  #message: string | undefined
  #info: ArtifactInfo | undefined
  #runtime: string | undefined
  #route: RouteClient | undefined
  #builds = 0
  #waiting: (() => void)[] = []

  constructor(dataToken: string) {
    this.dataToken = dataToken
  }

  /** Number of builds that have run so far. */
  get builds(): number {
    return this.#builds
  }

  /** A build replaces the app: operations wait. */
  replacing(): void {
    this.#state = 'loading'
  }

  /** The app of this artifact serves at `url`. */
  started(info: ArtifactInfo, { url, runtime }: { url: string; runtime: string }): void {
    this.#info = info
    this.#runtime = runtime
    this.#route = new RouteClient(url, this.dataToken)
    this.#builds++
    this.#settle('running', undefined)
  }

  /**
   * A build or the app has failed. With `keepsRunning` the old build still serves, and only the message
   * changes.
   */
  failed(message: string, keepsRunning: boolean): void {
    if (keepsRunning) return this.#settle('running', message)
    this.#route = undefined
    this.#settle('failed', message)
  }

  /** Returns what the page shows about the app; before the first build, without its name. */
  status(): Record<string, unknown> {
    return {
      state: this.#state,
      builds: this.#builds,
      message: this.#message ?? null,
      app: this.#info?.manifest.name ?? null,
      target: this.#info?.target ?? null,
      runtime: this.#runtime ?? null,
    }
  }

  /**
   * Resolves to the artifact and its data route, once the app runs. @throws `Unavailable`, with what went
   * wrong, if no app runs.
   */
  async ready(): Promise<{ info: ArtifactInfo; route: RouteClient }> {
    while (this.#state === 'loading') await new Promise<void>((resolve) => this.#waiting.push(resolve))
    const info = this.#info
    const route = this.#route
    if (info === undefined || route === undefined)
      throw new UnmoorError(
        'Unavailable',
        `The app is not running: ${this.#message ?? 'it has stopped.'}\n` +
          'Mend it and save; unmoor dev builds it again.',
        { operation: 'dev' },
      )
    return { info, route }
  }

  #settle(state: AppState, message: string | undefined): void {
    this.#state = state
    this.#message = message
    for (const wake of this.#waiting.splice(0)) wake()
  }
}
