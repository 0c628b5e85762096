import { type CoreTimes, coreTimes } from './core-wait.ts'

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
    let heardAt = (this.#heardAt = looked)
    /** Milliseconds for which a report is late. */
    let late = 0
    /** Times on a core when the report was first found late, and at the last look. */
    let times: { first: CoreTimes; last: CoreTimes } | undefined
    this.#timer = setInterval(() => {
      const now = performance.now()
      const passed = now - looked
      looked = now
      if (this.#heardAt !== heardAt) {
        heardAt = this.#heardAt
        late = 0
        times = undefined
      }
      if (now - heardAt < REPORT_MS) return
      const last = coreTimes(this.#pid())
      if (times === undefined) {
        times = { first: last, last }
        return
      }
      // While the supervisor itself was blocked or without a core, reports may have come that it has not
      // read. What was counted before still counts: on a busy machine every look is late.
      const unseen = passed > 2 * LOOK_MS ? passed - LOOK_MS : 0
      late += Math.max(0, passed - Math.max(unseen, last.waited - times.last.waited))
      times = { ...times, last }
      if (late < seconds * 1000) return
      this.stop()
      onStall(last.ran - times.first.ran > seconds * 500)
    }, LOOK_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
