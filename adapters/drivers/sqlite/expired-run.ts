/** Start of a walk over KV keys: at `key` itself, or after it. */
export interface Start {
  key: string
  behind: boolean
}

/** State of the KV store when a run of expired keys was seen, to check if the run still holds. */
export interface Moment {
  /** SQLite's `data_version`: it changes with each commit of another connection. */
  version: number
  /** Time at which the run of expired keys was seen, in seconds since 1970. */
  seconds: number
}

interface Run {
  from: Start
  /** Start of the KV keys after the run of expired ones. */
  to: Start
  /** State of the KV store when the run of expired keys was seen. */
  at: Moment
}

/** Matches KV keys that JavaScript may order differently from their UTF-8 bytes, by which keys are sorted. */
const OTHER_ORDER = /[\ud800-\uffff]/

function isBefore(a: Start, b: Start): boolean {
  return a.key < b.key || (a.key === b.key && !a.behind && b.behind)
}

/**
 * A run of adjacent KV keys that a list has found expired; the next list skips it. An expired key stays
 * expired until it is put again, by this connection (`wrote`) or another one (`version`). One run is enough,
 * as the sweeper removes expired entries soon.
 */
export class ExpiredRun {
  #run: Run | undefined

  /** Returns the end of the run of expired keys if `start` is in it; otherwise `start` itself. */
  pass(start: Start, now: Moment): Start {
    const run = this.#run
    if (run === undefined) return start
    // If the clock was set back, expired KV entries are valid again.
    if (now.version !== run.at.version || now.seconds < run.at.seconds) {
      this.#run = undefined
      return start
    }
    return this.#holds(start, run) ? run.to : start
  }

  /** Records that all KV keys of `from` up to `to` had expired at the moment `at`. */
  note(from: Start, to: Start, at: Moment): void {
    if (OTHER_ORDER.test(from.key) || OTHER_ORDER.test(to.key)) return
    if (!this.extend(from, to, at)) this.#run = { from, to, at }
  }

  /**
   * Extends the run of expired keys if `from` is its end; otherwise returns false, and the run stays
   * unchanged.
   */
  extend(from: Start, to: Start, at: Moment): boolean {
    const run = this.#run
    if (run === undefined || run.to.key !== from.key || run.to.behind !== from.behind) return false
    if (run.at.version !== at.version || OTHER_ORDER.test(to.key)) return false
    this.#run = { from: run.from, to, at }
    return true
  }

  /** Records a KV put: the run of expired keys is forgotten if it contains the key. */
  wrote(key: string): void {
    const run = this.#run
    if (run === undefined) return
    if (OTHER_ORDER.test(key) || this.#holds({ key, behind: false }, run)) this.#run = undefined
  }

  #holds(place: Start, { from, to }: Run): boolean {
    return !OTHER_ORDER.test(place.key) && !isBefore(place, from) && isBefore(place, to)
  }
}
