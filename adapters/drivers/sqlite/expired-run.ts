/** Where a walk over keys begins: at `key` itself, or behind it. */
export interface Start {
  key: string
  behind: boolean
}

/** What tells whether a run still holds. */
export interface Moment {
  /** SQLite's `data_version`: it changes with each commit of another connection. */
  version: number
  /** Seconds since 1970. */
  seconds: number
}

interface Run {
  from: Start
  /** The last key of it. */
  to: string
  /** What was true when it was seen. */
  at: Moment
}

/** JavaScript orders these unlike their UTF-8 bytes, by which keys are sorted. */
const OTHER_ORDER = /[\ud800-\uffff]/

/**
 * A run of keys in a row that a list has found expired: the next list passes over it. What has expired stays
 * so until it is put again, by this connection (`wrote`) or by another one (`version`). One run is enough, as
 * the sweeper removes them all within a while.
 */
export class ExpiredRun {
  #run: Run | undefined

  /** Behind the run, where `start` is in it; otherwise `start` itself. */
  pass(start: Start, now: Moment): Start {
    const run = this.#run
    if (run === undefined) return start
    // A clock that was set back makes entries live again.
    if (now.version !== run.at.version || now.seconds < run.at.seconds) {
      this.#run = undefined
      return start
    }
    if (OTHER_ORDER.test(start.key) || start.key >= run.to || start.key < run.from.key) return start
    if (start.key === run.from.key && run.from.behind && !start.behind) return start
    return { key: run.to, behind: true }
  }

  /** All keys of `from` up to `to` had expired at that moment. */
  note(from: Start, to: string, at: Moment): void {
    if (OTHER_ORDER.test(from.key) || OTHER_ORDER.test(to)) return
    const run = this.#run
    const joins = run !== undefined && run.to === from.key && from.behind && run.at.version === at.version
    this.#run = joins ? { ...run, to } : { from, to, at }
  }

  /** An entry was put. */
  wrote(key: string): void {
    const run = this.#run
    if (run === undefined) return
    if (OTHER_ORDER.test(key) || (key >= run.from.key && key <= run.to)) this.#run = undefined
  }
}
