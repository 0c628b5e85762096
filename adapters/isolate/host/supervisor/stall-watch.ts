import { coreTimes } from './core-wait.ts'

const LOOK_MS = 250
/**
 * Interval in milliseconds at which child processes report to the supervisor. A process's silence is measured
 * from the end of this interval.
 */
const REPORT_MS = 1000

/**
 * Detects a process whose main thread is blocked: a process reports every second, so silence means a stall.
 * Time in which that thread waits for a core on an overloaded machine does not count.
 */
export class StallWatch {
  #pid: () => number | undefined
  #heardAt = 0
  #timer: NodeJS.Timeout | undefined

  constructor(pid: () => number | undefined) {
    this.#pid = pid
  }

  /** Records that the watched child process has reported. */
  heard(): void {
    this.#heardAt = performance.now()
  }

  /**
   * Calls `onStall` once, when a report of the process is late by `seconds`. `wasAtWork` is true if the main
   * thread ran on a core for most of that time.
   */
  start(seconds: number, onStall: (wasAtWork: boolean) => void): void {
    this.stop()
    let looked = performance.now()
    this.#heardAt = looked
    let since = { heardAt: looked, ...coreTimes(this.#pid()) }
    this.#timer = setInterval(() => {
      const now = performance.now()
      // The supervisor itself was blocked, or the machine was asleep: count the child process's silence from
      // now on.
      if (now - looked > 2 * LOOK_MS) this.#heardAt = now
      looked = now
      if (this.#heardAt !== since.heardAt) since = { heardAt: this.#heardAt, ...coreTimes(this.#pid()) }
      const silent = now - this.#heardAt - REPORT_MS
      if (silent < seconds * 1000) return
      const { ran, waited } = coreTimes(this.#pid())
      if (silent - (waited - since.waited) < seconds * 1000) return
      this.stop()
      onStall(ran - since.ran > seconds * 500)
    }, LOOK_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
