import type ivm from 'isolated-vm'
import type { InlineWatch } from './inline-watch.ts'
import type { InlinePolicy } from './inline-policy.ts'

/** Options for entering an isolate on the main thread. */
export interface InlineOptions {
  /** Policy that decides if the app is entered on the main thread. Outlives the app's isolates. */
  readonly policy: InlinePolicy
  /** The process's watch that ends inline entries which take too long. */
  readonly watch: InlineWatch
  /** Called when the isolate is about to be entered, on whichever thread. */
  readonly onEnter?: (() => void) | undefined
  /** Called when an entry is over. */
  readonly onLeave?: (() => void) | undefined
}

/**
 * Function of the guest that enters the isolate with a batch of messages (and `true` on the main thread), or
 * with one request. A request's answer is returned if it is complete at once and the guest sent nothing else.
 * See `enter` in `guest/web/bridge/bridge.ts`.
 */
export type Enter = (
  a: unknown[] | number,
  b?: boolean | string,
  c?: string,
  d?: string,
  e?: string | null,
) => string | undefined

/**
 * Splits an isolate's answer to a request, one string, into its status, an empty status text, its headers and
 * its body; see `respond` in `guest/web/bridge/bridge.ts`.
 */
export function splitAnswer(
  text: string,
): [status: number, statusText: '', headers: string, body: string | null] {
  const headersAt = text.indexOf(' ', 5) + 1
  const bodyAt = headersAt + Number(text.slice(5, headersAt - 1))
  return [
    Number(text.slice(1, 4)),
    '',
    text.slice(headersAt, bodyAt),
    text.startsWith('n') ? null : text.slice(bodyAt),
  ]
}

/** A flat request (as strings) with its whole body, as it crosses the bridge to the isolate. */
export interface FlatRequest {
  /** Id of the request among the isolate's events, set by `PendingEvents`. */
  id: number
  readonly method: string
  readonly url: string
  /** Header names and values of the request in turn, each on a line of its own. */
  readonly headers: string
  readonly body: string | Uint8Array<ArrayBuffer> | null
  /**
   * Called once the request has been sent to the isolate. An inline entry has then answered it if it could at
   * once.
   */
  entered(): void
}

/**
 * Most weight (about bytes) and most messages that an isolate's code may send in one entry on the main
 * thread.
 */
const MAX_WEIGHT = 256 * 1024 * 1024
const MAX_MESSAGES = 100_000

const COPY = { arguments: { copy: true } } as const

/**
 * Inline entries of one isolate: runs of its code on the main thread. Each takes 2 us of CPU time on the main
 * thread, where a thread switch and back takes about 30.
 */
export class InlineEntries {
  readonly policy: InlinePolicy
  readonly onEnter: (() => void) | undefined
  readonly onLeave: (() => void) | undefined
  /** Microseconds of CPU time that the isolate has used on the main thread. */
  us = 0
  #isolate: ivm.Isolate
  #watch: InlineWatch
  #inbox: unknown[][] | undefined
  #begun = 0
  #weight = 0

  constructor(isolate: ivm.Isolate, { policy, watch, onEnter, onLeave }: InlineOptions) {
    this.#isolate = isolate
    this.onEnter = onEnter
    this.onLeave = onLeave
    this.policy = policy
    this.#watch = watch
  }

  /** True if the isolate may next be entered on the main thread. */
  get isReady(): boolean {
    if (!this.policy.inline) return false
    if (this.#watch.has(this.#isolate)) return true
    this.#watch.add(this.#isolate)
    return false
  }

  /** Removes the isolate from the watch of inline entries, because the isolate has ended. */
  close(): void {
    this.#watch.remove(this.#isolate)
  }

  /** Adds microseconds of CPU time that the app's start, which is no entry, took on the main thread. */
  add(us: number): void {
    this.us += us
  }

  /** True while an inline entry into the isolate is under way. */
  get isInside(): boolean {
    return this.#inbox !== undefined
  }

  /** Wall-clock milliseconds since the isolate's inline entry under way began. */
  get elapsed(): number {
    return performance.now() - this.#begun
  }

  /**
   * Keeps a message of the isolate's code until the inline entry is over. Returns false if no inline entry is
   * under way.
   */
  hear(message: unknown[], weight: number): boolean {
    if (this.#inbox === undefined) return false
    this.#inbox.push(message)
    this.#weight += weight
    return true
  }

  /**
   * True if the messages of the isolate's inline entry under way are too many, or too large, to be kept until
   * it is over.
   */
  get isFull(): boolean {
    return this.#weight > MAX_WEIGHT || (this.#inbox?.length ?? 0) > MAX_MESSAGES
  }

  /**
   * Enters the isolate. Returns the answer, the messages that the guest sent, which are to be handled after
   * the entry, and the error that `enter` threw. `late` is true if the isolate was ended because the entry
   * took too long.
   */
  enter(
    enter: ivm.Reference<Enter>,
    args: Parameters<Enter>,
    cpuMs: number,
  ): {
    answer?: string | undefined
    said: unknown[][]
    weight: number
    error?: unknown
    late?: boolean
  } {
    const isolate = this.#isolate
    const said: unknown[][] = (this.#inbox = [])
    const exactBefore = this.policy.exact ? process.threadCpuUsage() : undefined
    const before = isolate.cpuTime
    this.#begun = performance.now()
    this.#weight = 0
    this.onEnter?.()
    this.#watch.begin(isolate, cpuMs)
    try {
      const answer = enter.applySync(undefined, args, typeof args[0] === 'number' ? undefined : COPY)
      return { answer: typeof answer === 'string' ? answer : undefined, said, weight: this.#weight }
    } catch (error) {
      return { said, weight: this.#weight, error, late: this.#watch.hasEnded }
    } finally {
      this.#watch.end()
      this.onLeave?.()
      this.#inbox = undefined
      if (!isolate.isDisposed) {
        let us = Number(isolate.cpuTime - before) / 1000
        if (exactBefore !== undefined) {
          const { user, system } = process.threadCpuUsage(exactBefore)
          // The kernel adds up a thread's CPU time at its ticks, so its figure may include time before the
          // entry. Neither that figure nor the clock's is ever less than the entry used, so the smaller one
          // is taken.
          us = Math.min(us, user + system)
        }
        this.us += us
        this.policy.noteInline(us)
      }
    }
  }
}
