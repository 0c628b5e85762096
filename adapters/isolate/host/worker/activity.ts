import type { Subrequests } from './subrequests.ts'

/** What an {@link Activity} tells. */
export interface ActivityEvents {
  /** Something has begun or ended: there is usage to report. */
  used(): void
  /** Called when nothing of the tenant is under way any more. */
  idle(): void
}

/** What is under way for one tenant: requests, batches, crons and calls. */
export class Activity {
  /** When something last began, from `performance.now()`. */
  lastUsed = 0
  #subrequests: Subrequests
  #events: ActivityEvents
  #active = 0
  #waiting: (() => void)[] = []

  constructor(subrequests: Subrequests, events: ActivityEvents) {
    this.#subrequests = subrequests
    this.#events = events
  }

  /** Number of handlers of sockets under way: a part of `active` that takes no place of requests. */
  handlers = 0

  /** Number of requests, batches and other events under way. */
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
    // How it ended counts, too.
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

  /** As {@link count}, for a handler of a socket. */
  async countHandler<T>(work: () => Promise<T>): Promise<T> {
    this.handlers++
    try {
      return await this.count(work)
    } finally {
      this.handlers--
    }
  }

  /** Resolves when what is under way is over. */
  untilIdle(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}
