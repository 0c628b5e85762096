import type ivm from 'isolated-vm'
import type { InlineWatch } from './inline-watch.ts'
import type { InlinePolicy } from './inline-policy.ts'

/** What a guest needs to be entered from the host's own thread. */
export interface InlineOptions {
  /** The app's policy, which outlives its isolates. */
  readonly policy: InlinePolicy
  /** The watch of this process. */
  readonly watch: InlineWatch
  /** The isolate is about to be entered, on whichever thread. */
  readonly onEnter?: (() => void) | undefined
}

/**
 * What an isolate is entered by: a batch, with `true` in the host's own thread; or one request, whose answer
 * comes back where it is there at once and nothing else was said. See `enter` in `guest/web/bridge.ts`.
 */
export type Enter = (
  a: unknown[] | number,
  b?: boolean | string,
  c?: string,
  d?: string,
  e?: string | null,
) => string | undefined

/**
 * Status, no status text, headers and body of an answer in one string; see `respond` in
 * `guest/web/bridge.ts`.
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

/** A request with its body, as it crosses the bridge. */
export interface FlatRequest {
  /** Given by whoever keeps the events under way. */
  id: number
  readonly method: string
  readonly url: string
  /** Names and values, a line each. */
  readonly headers: string
  readonly body: string | Uint8Array<ArrayBuffer> | null
  /** The isolate has it, and has answered if it could at once. */
  entered(): void
}

/** What one entry may say: bytes, about, and messages. */
const MAX_WEIGHT = 256 * 1024 * 1024
const MAX_MESSAGES = 100_000

const COPY = { arguments: { copy: true } } as const

/**
 * Entries of one isolate from the host's own thread: 2 us of CPU where a switch of threads and back takes
 * about 30.
 */
export class InlineEntries {
  readonly policy: InlinePolicy
  readonly onEnter: (() => void) | undefined
  /** Microseconds of CPU time of the isolate in all of them. */
  us = 0
  #isolate: ivm.Isolate
  #watch: InlineWatch
  #inbox: unknown[][] | undefined
  #begun = 0
  #weight = 0

  constructor(isolate: ivm.Isolate, { policy, watch, onEnter }: InlineOptions) {
    this.#isolate = isolate
    this.onEnter = onEnter
    this.policy = policy
    this.#watch = watch
  }

  /** True if the next entry may be inline. */
  get isReady(): boolean {
    if (!this.policy.inline) return false
    if (this.#watch.has(this.#isolate)) return true
    this.#watch.add(this.#isolate)
    return false
  }

  /** The isolate has ended. */
  close(): void {
    this.#watch.remove(this.#isolate)
  }

  /** Adds microseconds of CPU time in which it ran there and was no entry: its start. */
  add(us: number): void {
    this.us += us
  }

  /** True while an inline entry is under way. */
  get isInside(): boolean {
    return this.#inbox !== undefined
  }

  /** Milliseconds since the one under way has begun. */
  get elapsed(): number {
    return performance.now() - this.#begun
  }

  /** Takes a message of the guest's, if it is said while it is entered here. */
  hear(message: unknown[], weight: unknown): boolean {
    if (this.#inbox === undefined) return false
    this.#inbox.push(message)
    if (typeof weight === 'number') this.#weight += weight
    return true
  }

  /** True if the messages of this entry are too many, or too large, to be kept until it is over. */
  get isFull(): boolean {
    return this.#weight > MAX_WEIGHT || (this.#inbox?.length ?? 0) > MAX_MESSAGES
  }

  /**
   * Enters; returns the answer and what the guest said, to be heard when nothing is inside any more, and what
   * `enter` threw. `late` tells that the isolate was ended because this took too long.
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
      this.#inbox = undefined
      if (!isolate.isDisposed) {
        let us = Number(isolate.cpuTime - before) / 1000
        if (exactBefore !== undefined) {
          const { user, system } = process.threadCpuUsage(exactBefore)
          // The kernel adds up a thread's time at its ticks, so what ran before the entry may be in it: but
          // never less than what the entry used, nor is the clock.
          us = Math.min(us, user + system)
        }
        this.us += us
        this.policy.noteInline(us)
      }
    }
  }
}
