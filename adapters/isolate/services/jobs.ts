/** Jobs of one app at once on libuv's threads, which its whole process has but a few of. */
const MAX_JOBS = 2

/**
 * Cryptography and compression of one app. Outlives its isolates: a job that has begun cannot be stopped, and
 * the next isolate waits for it too.
 */
export class Jobs {
  #running = 0
  #waiting: (() => void)[] = []

  /**
   * Runs a job when its turn comes; `charge` is told the microseconds that it took, which are about its CPU
   * time.
   */
  async run<T>(work: () => Promise<T>, charge: (microseconds: number) => void): Promise<T> {
    if (this.#running >= MAX_JOBS) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#running++
    const begun = performance.now()
    try {
      return await work()
    } finally {
      charge((performance.now() - begun) * 1000)
      const next = this.#waiting.shift()
      // It takes over this one's place.
      if (next === undefined) this.#running--
      else next()
    }
  }
}
