import type { Subrequests } from './subrequests.ts'

/** Events of an {@link Activity}, the running work of one tenant. */
export interface ActivityEvents {
  /** Called when work of the tenant begins or ends: there is usage to report. */
  used(): void
  /** Called when none of the tenant's work is running any more. */
  idle(): void
}

/** Counts the running work of one tenant: requests, queue batches, crons and calls. */
export class Activity {
  /** Start time of the tenant's latest work, on the clock of `performance.now()`. */
  lastUsed = 0
  #subrequests: Subrequests
  #events: ActivityEvents
  #active = 0
  #waiting: (() => void)[] = []

  constructor(subrequests: Subrequests, events: ActivityEvents) {
    this.#subrequests = subrequests
    this.#events = events
  }

  /**
   * Number of the tenant's running socket handlers. They are part of `active`, but do not count as concurrent
   * requests.
   */
  handlers = 0

  /** Number of the tenant's running requests, queue batches and other events. */
  get active(): number {
    return this.#active
  }

  begin(): void {
    this.lastUsed = performance.now()
    this.#events.used()
    this.#subrequests.grant(this.#active === 0)
    this.#active++
  }

  end(): void {
    this.#active--
    // The tenant's work that has ended may have changed its usage.
    this.#events.used()
    if (this.#active > 0) return
    for (const resolve of this.#waiting.splice(0)) resolve()
    this.#events.idle()
  }

  async count<T>(work: () => Promise<T>): Promise<T> {
    this.begin()
    try {
      return await work()
    } finally {
      this.end()
    }
  }

  /** Counts a socket handler of the tenant while it runs, both as running work and as a handler. */
  async countHandler<T>(work: () => Promise<T>): Promise<T> {
    this.handlers++
    try {
      return await this.count(work)
    } finally {
      this.handlers--
    }
  }

  /** Resolves when the tenant's running work has ended. */
  untilIdle(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}
