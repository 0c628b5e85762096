import { NoiseWatch } from './noisy-apps.ts'
import type { Usage } from '../usage.ts'

/** Number of ended or blocked shared processes after which an app gets a process of its own. */
const KILLS = 2

/** Console text: why an app that has ended or blocked too many processes gets a process of its own. */
export const BLAMED = `has ended ${KILLS} processes, or held them up`
/**
 * Console text for an app on which V8 crashed, whose code V8 could not terminate, or whose statement never
 * ended.
 */
export const FATAL = 'has ended a process by what nothing can stop'
/** Console text for an app that hits its limits too often ({@link Blame.isNoisy}). */
export const NOISY = 'hits its limits of CPU time or memory again and again'

/** Console text for an app that may hold the memory of an oversized process; the app is not blamed. */
export const UNKNOWN_MEMORY = 'has memory of WebAssembly in a process that holds more than its isolates'

/**
 * Counts how often each app has ended or blocked the processes that it shares, and how often it hit limits.
 */
export class Blame {
  #kills = new Map<string, number>()
  #noise = new NoiseWatch()

  /** Counts a shared process that the app has ended or blocked. */
  note(app: string): void {
    this.#kills.set(app, (this.#kills.get(app) ?? 0) + 1)
  }

  isEnough(app: string): boolean {
    return (this.#kills.get(app) ?? 0) >= KILLS
  }

  /** Adds an app's reported usage; returns true if the app has hit its limits too often of late. */
  isNoisy(app: string, usage: Usage): boolean {
    return this.#noise.isNoisy(app, usage)
  }

  /** Clears an app's record of ended processes and hit limits, so that a new version starts afresh. */
  forget(app: string): void {
    this.#kills.delete(app)
    this.#noise.forget(app)
  }
}
