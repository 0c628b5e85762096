import { NoiseWatch } from './noisy-apps.ts'
import type { Usage } from '../usage.ts'

/** An app that has ended so many processes, or held them up so often, shares none any more. */
const KILLS = 2

/** Why an app that is {@link Blame.isEnough} gets a process of its own, as the console says it. */
export const BLAMED = `has ended ${KILLS} processes, or held them up`
/** The reason for an app whose code V8 cannot go on with, or cannot end, or whose statement never ends. */
export const FATAL = 'has ended a process by what nothing can stop'
/** The reason for an app that is {@link Blame.isNoisy}. */
export const NOISY = 'hits its limits of CPU time or memory again and again'

/** The reason for an app that may hold the memory that its process has too much of: no blame. */
export const UNKNOWN_MEMORY = 'has memory of WebAssembly in a process that holds more than its isolates'

/** What each app has done to the neighbours in the processes that it shares. */
export class Blame {
  #kills = new Map<string, number>()
  #noise = new NoiseWatch()

  /** The app has ended a process, or held one up. */
  note(app: string): void {
    this.#kills.set(app, (this.#kills.get(app) ?? 0) + 1)
  }

  isEnough(app: string): boolean {
    return (this.#kills.get(app) ?? 0) >= KILLS
  }

  /** Takes in what an app has used; true where it has hit its limits too often of late. */
  isNoisy(app: string, usage: Usage): boolean {
    return this.#noise.isNoisy(app, usage)
  }

  /** A new version starts with a clean record. */
  forget(app: string): void {
    this.#kills.delete(app)
    this.#noise.forget(app)
  }
}
