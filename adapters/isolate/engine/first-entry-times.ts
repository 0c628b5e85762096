import { SHORT_US } from './inline-policy.ts'

/** Isolates in a row whose first entry was short, after which the next one's is taken for short. */
const KNOWN = 3

/**
 * How long the first entries of isolates with one code have taken, whosever they are. Where they are known to
 * be short, an isolate's first entry too is made in the host's own thread, which saves the first request of
 * an app two switches of threads. From then on its app's own {@link InlinePolicy} decides.
 */
export class FirstEntryTimes {
  #short = 0

  get areShort(): boolean {
    return this.#short >= KNOWN
  }

  /** One took that many microseconds. */
  note(us: number): void {
    this.#short = us <= SHORT_US ? this.#short + 1 : 0
  }
}
