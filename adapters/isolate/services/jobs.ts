/**
 * Most cryptography and compression jobs of one app at once on libuv's threads, of which a process has only a
 * few.
 */
const MAX_JOBS = 2
/**
 * Number of libuv's threads that no cryptography or compression job gets, so that file access, name look-ups
 * and other apps' small work go on.
 */
const FREE_THREADS = 2

/**
 * Returns the most cryptography and compression jobs of all apps at once in this process. libuv has 4 threads
 * unless the environment says otherwise.
 */
function maxOfProcess(): number {
  return Math.max(1, Number(process.env['UV_THREADPOOL_SIZE'] ?? 4) - FREE_THREADS)
}

let running = 0
/**
 * Apps that have a cryptography or compression job to run and may run one more, in the order of their turns.
 */
const turns = new Set<Jobs>()

/**
 * Queue of one app's cryptography and compression jobs. The queue outlives the app's isolates: a job that has
 * begun cannot be stopped, and the next isolate waits for it too. Apps take turns, so that an app with many
 * jobs delays the others only by its running jobs.
 */
export class Jobs {
  #running = 0
  #waiting: (() => void)[] = []

  /**
   * Runs a cryptography or compression job when its turn comes. `charge` is called with the microseconds that
   * the job took, which are about its CPU time.
   */
  async run<T>(work: () => Promise<T>, charge: (microseconds: number) => void): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push(resolve)
    if (this.#running < MAX_JOBS) turns.add(this)
    startNext()
    await promise
    const begun = performance.now()
    try {
      return await work()
    } finally {
      charge((performance.now() - begun) * 1000)
      running--
      this.#running--
      if (this.#waiting.length > 0) turns.add(this)
      startNext()
    }
  }

  /** Starts the app's next cryptography or compression job. */
  begin(): void {
    this.#running++
    this.#waiting.shift()?.()
    // The app moves to the end of the order in which apps run cryptography and compression jobs.
    turns.delete(this)
    if (this.#waiting.length > 0 && this.#running < MAX_JOBS) turns.add(this)
  }
}

function startNext(): void {
  for (const jobs of turns) {
    if (running >= maxOfProcess()) return
    running++
    jobs.begin()
  }
}
