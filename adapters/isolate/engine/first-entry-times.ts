import { SHORT_US } from './inline-policy.ts'

/**
 * Number of isolates in a row with a short first entry after which the next isolate's first entry is expected
 * to be short.
 */
const KNOWN = 3

/**
 * Records how long the first entries of isolates with the same code have taken, in all apps. If they are
 * short, an isolate's first entry is inline too, which saves the first request of an app two thread switches.
 * From then on the app's own {@link InlinePolicy} decides.
 */
export class FirstEntryTimes {
  #short = 0

  get areShort(): boolean {
    return this.#short >= KNOWN
  }

  /** Records how many microseconds the first entry into an isolate took. */
  note(us: number): void {
    this.#short = us <= SHORT_US ? this.#short + 1 : 0
  }
}
