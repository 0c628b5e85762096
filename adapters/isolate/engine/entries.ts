import type ivm from 'isolated-vm'
import type { EndCause } from './ended.ts'
import type { FirstEntryTimes } from './first-entry-times.ts'
import { type Enter, type InlineEntries, type FlatRequest, splitAnswer } from './inline-entries.ts'
import type { HeldBytes } from './held-bytes.ts'
import { isFlatAnswer, HeldAnswers } from './held-answers.ts'
import { afterReading } from './turn.ts'
import type { CpuBudget } from './cpu-budget.ts'

/** A message to the code in an isolate: its kind, then its data. */
export type GuestMessage = [string, ...unknown[]]

/** Callbacks of {@link Entries}, which enters one isolate. */
export interface EntryEvents {
  /** Called with a message that the code in the isolate sent. */
  message(message: readonly unknown[]): void
  /** Called with the error that an entry into the isolate threw. */
  threw(error: unknown): void
}

/**
 * Most messages of one entry into an isolate on a pool thread. Each message may start a request or continue
 * one, so an entry of several messages may take as many times the CPU limit of one message. A loop that came
 * in along with other messages may therefore run for that many times the limit.
 */
const MAX_CROSSING = 16
/**
 * Microseconds of the main thread that unpacking an isolate's message costs per unit of weight
 * (`guest/web/bridge/weigh.ts`). Measured 0.03 to 0.15 per value, 0.0008 per byte.
 */
export const UNPACK_US = 0.001

const ENTER = { arguments: { copy: true } } as const

/**
 * Enters one isolate. Messages are queued and go in with one call when the isolate is idle. An isolate whose
 * entries are short (`inline-policy.ts`) is entered on the main thread, others on a thread of isolated-vm's
 * pool, so that nobody waits for them.
 */
export class Entries {
  #inline: InlineEntries | undefined
  #budget: CpuBudget
  #held: HeldBytes
  #events: EntryEvents
  #dispatch: ivm.Reference<Enter> | undefined
  #outbox: GuestMessage[] = []
  /** Requests that wait until the isolate is entered on the main thread, once for each. */
  #requests: FlatRequest[] = []
  #answers: HeldAnswers
  /** True while an entry into the isolate is under way or about to begin. */
  #running = false
  /** Record that receives the time of the isolate's first entry; undefined once that entry has been noted. */
  #firstEntryTimes: FirstEntryTimes | undefined
  #ended: EndCause | undefined

  constructor(inline: InlineEntries | undefined, budget: CpuBudget, held: HeldBytes, events: EntryEvents) {
    this.#inline = inline
    this.#budget = budget
    this.#held = held
    this.#events = events
    this.#answers = new HeldAnswers((answer) => {
      if (this.#ended === undefined) events.message(answer)
    })
  }

  connect(dispatch: ivm.Reference<Enter>): void {
    this.#dispatch = dispatch
  }

  /** Records how many microseconds of the main thread the run of the app's script took. */
  appHasRun(us: number, firstEntryTimes: FirstEntryTimes | undefined): void {
    this.#inline?.add(us)
    this.#firstEntryTimes = firstEntryTimes
    if (us > 0 && firstEntryTimes?.areShort === true) this.#inline?.policy.trust()
  }

  /** Queues a message for the code in the isolate. */
  send(message: GuestMessage): void {
    if (this.#ended !== undefined) return
    this.#outbox.push(message)
    if (!this.#running) this.#schedule()
  }

  /**
   * Calls the app's fetch handler. If the isolate may be entered inline, requests of one turn of the event
   * loop have an entry each, one after the other, so that the processor's caches stay filled with the
   * isolate's data.
   */
  fetch(request: FlatRequest): void {
    if (this.#running || this.#ended !== undefined || !this.#isInline || request.body instanceof Uint8Array) {
      this.send(['fetch', request.id, request.method, request.url, request.headers, request.body])
      request.entered()
    } else if (this.#requests.push(request) === 1) afterReading(() => this.#enterRequests())
  }

  /** Delivers the isolate's answers to requests that are already complete. */
  deliverAnswers(): void {
    this.#answers.hearAll()
  }

  /** Drops the messages queued for the isolate, because the isolate has ended. */
  close(cause: EndCause): void {
    this.#ended = cause
    this.#outbox = []
  }

  get #isInline(): boolean {
    return this.#inline?.isReady === true
  }

  // Enters the isolate with the requests of one turn of the event loop. The function returned writes their
  // answers; it is called when all isolates have had their requests of the turn.
  #enterRequests(): () => void {
    const requests = this.#requests
    this.#requests = []
    for (const { id, method, url, headers, body } of requests) {
      // When an isolate ends, all its requests fail, so the remaining ones are not sent to it.
      if (this.#ended !== undefined) break
      if (this.#running || !this.#isInline) this.send(['fetch', id, method, url, headers, body])
      else {
        this.#running = true
        this.#enterInline([id, method, url, headers, body as string | null])
        this.#running = false
      }
    }
    return () => {
      this.#answers.hearAll()
      for (const request of requests) request.entered()
      if (this.#outbox.length > 0 && !this.#running) this.#schedule()
    }
  }

  // Delays the entry into the isolate, so that other messages of this turn of the event loop go in with it.
  // An inline entry lets other isolates have their turn first, because this isolate's calls may be answered
  // without any wait.
  #schedule(): void {
    this.#running = true
    if (this.#isInline) setImmediate(() => void this.#enter())
    else queueMicrotask(() => void this.#enter())
  }

  async #enter(): Promise<void> {
    const { time } = this.#budget
    while (this.#outbox.length > 0 && this.#ended === undefined) {
      if (this.#isInline) {
        const batch = this.#outbox
        this.#outbox = []
        this.#enterInline([batch, true])
        this.#answers.hearAll()
        continue
      }
      const batch = this.#outbox.slice(0, MAX_CROSSING)
      this.#outbox = this.#outbox.slice(MAX_CROSSING)
      this.#budget.begin(batch.length)
      this.#held.taken()
      this.#inline?.onEnter?.()
      const before = time.active
      try {
        await this.#dispatch?.apply(undefined, [batch], ENTER)
      } catch (error) {
        this.#events.threw(error)
      }
      this.#inline?.onLeave?.()
      this.#budget.end()
      this.#noteFirst(batch, time.active - before)
      this.#inline?.policy.notePooled(time.active - before)
    }
    this.#running = false
  }

  /**
   * Enters the isolate on the main thread. Messages of its code are handled after the entry, so that no
   * second entry begins within it.
   */
  #enterInline(args: Parameters<Enter>): void {
    if (this.#inline === undefined || this.#dispatch === undefined) return
    this.#budget.beginInline()
    const before = this.#inline.us
    this.#held.taken()
    const { answer, said, weight, error, late } = this.#inline.enter(this.#dispatch, args, this.#budget.cpuMs)
    this.#held.arrive(weight)
    this.#noteFirst(args[0], this.#inline.us - before)
    if (late === true) this.#budget.exceed()
    else if (error !== undefined) this.#events.threw(error)
    if (answer !== undefined) {
      this.#budget.charge(answer.length * UNPACK_US)
      if (this.#ended === undefined)
        this.#answers.keep(['response', args[0], ...splitAnswer(answer)], answer.length)
    }
    if (said.length > 0) this.#hear(said, weight, answer !== undefined)
  }

  /** Handles the messages that the isolate's code sent while it ran on the main thread. */
  #hear(said: readonly unknown[][], weight: number, hasAnswered: boolean): void {
    if (!hasAnswered && said.length === 1 && isFlatAnswer(said[0] as unknown[])) {
      if (weight > 0) this.#budget.charge(weight * UNPACK_US)
      if (this.#ended === undefined) this.#answers.keep(said[0] as unknown[], weight)
      return
    }
    for (const message of said) {
      if (this.#ended !== undefined) return
      // Writing the answer to a request is the server's own work, so it is not charged to the isolate.
      if (message[0] === 'response') this.#events.message(message)
      else this.#budget.work(() => this.#events.message(message), 0)
    }
    if (weight > 0) this.#budget.charge(weight * UNPACK_US)
  }

  /**
   * Notes the time of the isolate's first entry with a request, which predicts the next isolate's first
   * entry.
   */
  #noteFirst(entered: unknown[] | number, us: number): void {
    if (this.#firstEntryTimes === undefined) return
    if (typeof entered === 'object' && !entered.some((message) => (message as GuestMessage)[0] === 'fetch'))
      return
    const hasFailed = this.#ended !== undefined && this.#ended !== 'closed'
    this.#firstEntryTimes.note(hasFailed ? Infinity : us)
    this.#firstEntryTimes = undefined
  }
}
