import { coreTimes } from './core-wait.ts'

const LOOK_MS = 250
/** A process says something this often. A report is late only after that. */
const REPORT_MS = 1000

/**
 * Notices a process that says nothing: it reports every second, so something holds its first thread
 * up. Time in which that thread waits for a core, on a machine that has too much to do, does not count.
 */
export class StallWatch {
  #pid: () => number | undefined
  #heardAt = 0
  #timer: NodeJS.Timeout | undefined

  constructor(pid: () => number | undefined) {
    this.#pid = pid
  }

  /** The process has said something. */
  heard(): void {
    this.#heardAt = performance.now()
  }

  /**
   * Calls `onStall` once, when a report of the process is late by that long; `wasAtWork` where its first
   * thread was on a core for most of it.
   */
  start(seconds: number, onStall: (wasAtWork: boolean) => void): void {
    this.stop()
    let looked = performance.now()
    this.#heardAt = looked
    let since = { heardAt: looked, ...coreTimes(this.#pid()) }
    this.#timer = setInterval(() => {
      const now = performance.now()
      // This process was held up itself, or the machine was asleep.
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
