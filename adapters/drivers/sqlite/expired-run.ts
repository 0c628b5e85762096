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
  /** Where what is behind it begins. */
  to: Start
  /** What was true when it was seen. */
  at: Moment
}

/** JavaScript orders these unlike their UTF-8 bytes, by which keys are sorted. */
const OTHER_ORDER = /[\ud800-\uffff]/

function isBefore(a: Start, b: Start): boolean {
  return a.key < b.key || (a.key === b.key && !a.behind && b.behind)
}

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
    return this.#holds(start, run) ? run.to : start
  }

  /** All keys of `from` up to `to` had expired at that moment. */
  note(from: Start, to: Start, at: Moment): void {
    if (OTHER_ORDER.test(from.key) || OTHER_ORDER.test(to.key)) return
    if (!this.extend(from, to, at)) this.#run = { from, to, at }
  }

  /** The same, where `from` is the end of the run; otherwise false, and the run stays as it is. */
  extend(from: Start, to: Start, at: Moment): boolean {
    const run = this.#run
    if (run === undefined || run.to.key !== from.key || run.to.behind !== from.behind) return false
    if (run.at.version !== at.version || OTHER_ORDER.test(to.key)) return false
    this.#run = { from: run.from, to, at }
    return true
  }

  /** An entry was put. */
  wrote(key: string): void {
    const run = this.#run
    if (run === undefined) return
    if (OTHER_ORDER.test(key) || this.#holds({ key, behind: false }, run)) this.#run = undefined
  }

  #holds(place: Start, { from, to }: Run): boolean {
    return !OTHER_ORDER.test(place.key) && !isBefore(place, from) && isBefore(place, to)
  }
}
