import type ivm from 'isolated-vm'
import type { EndCause } from './ended.ts'
import type { FirstEntryTimes } from './first-entry-times.ts'
import { type Enter, type InlineEntries, type FlatRequest, splitAnswer } from './inline-entries.ts'
import type { HeldBytes } from './held-bytes.ts'
import { isFlatAnswer, HeldAnswers } from './held-answers.ts'
import { afterReading } from './turn.ts'
import type { CpuBudget } from './cpu-budget.ts'

/** A message to the guest: what it is, then its data. */
export type GuestMessage = [string, ...unknown[]]

/** What {@link Entries} tell. */
export interface EntryEvents {
  /** The guest has said something. */
  message(message: readonly unknown[]): void
  /** An entry threw. */
  threw(error: unknown): void
}

/**
 * Messages that go in with one entry. Each may be a request, or go on with one, so an entry of several may
 * take as many times the limit of one: in time they come to the same as one entry each. It is also how many
 * times the limit a loop may run that has come in along with others.
 */
const MAX_CROSSING = 16
/**
 * Microseconds of the host's own thread that a message costs per unit of weight (`guest/web/weigh.ts`) to be
 * unpacked: measured 0.03 to 0.15 per value, 0.0008 per byte.
 */
export const UNPACK_US = 0.001

const ENTER = { arguments: { copy: true } } as const

/**
 * The way into one isolate. Messages are gathered and go in with one call while the isolate is idle. Where
 * its entries are short (`inline-policy.ts`) it is entered from this very thread, else on one of
 * isolated-vm's, so that nobody waits for it.
 */
export class Entries {
  #inline: InlineEntries | undefined
  #budget: CpuBudget
  #held: HeldBytes
  #events: EntryEvents
  #dispatch: ivm.Reference<Enter> | undefined
  #outbox: GuestMessage[] = []
  /** To be entered with from this thread, one by one. */
  #requests: FlatRequest[] = []
  #answers: HeldAnswers
  /** True while an entry is under way or about to be. */
  #running = false
  /** Undefined once the first entry has been noted. */
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

  /** The app's script is through; it took so many microseconds of this thread. */
  appHasRun(us: number, firstEntryTimes: FirstEntryTimes | undefined): void {
    this.#inline?.add(us)
    this.#firstEntryTimes = firstEntryTimes
    if (us > 0 && firstEntryTimes?.areShort === true) this.#inline?.policy.trust()
  }

  /** Queues a message for the guest. */
  send(message: GuestMessage): void {
    if (this.#ended !== undefined) return
    this.#outbox.push(message)
    if (!this.#running) this.#schedule()
  }

  /**
   * Calls the fetch handler. Where the isolate may be entered from this thread, requests of one turn of the
   * event loop have an entry each, one after the other, so that the processor's caches are the isolate's for
   * as long.
   */
  fetch(request: FlatRequest): void {
    if (this.#running || this.#ended !== undefined || !this.#isInline || request.body instanceof Uint8Array) {
      this.send(['fetch', request.id, request.method, request.url, request.headers, request.body])
      request.entered()
    } else if (this.#requests.push(request) === 1) afterReading(() => this.#enterRequests())
  }

  /** Delivers answers that are already complete. */
  deliverAnswers(): void {
    this.#answers.hearAll()
  }

  /** The isolate has ended: what is queued is dropped. */
  close(cause: EndCause): void {
    this.#ended = cause
    this.#outbox = []
  }

  get #isInline(): boolean {
    return this.#inline?.isReady === true
  }

  // The answers are written when all isolates have had their requests of this turn.
  #enterRequests(): () => void {
    const requests = this.#requests
    this.#requests = []
    for (const { id, method, url, headers, body } of requests) {
      // What has ended the isolate has failed all its requests.
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

  // What else the host has to say in this turn goes along. An isolate in this thread lets others have their
  // turn first: its calls may be answered without any wait.
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
      this.#budget.end()
      this.#noteFirst(batch, time.active - before)
      this.#inline?.policy.notePooled(time.active - before)
    }
    this.#running = false
  }

  /** Enters from this thread. What the guest said is heard after it, so that nothing enters twice at once. */
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

  /** Takes what the guest said in an entry from this thread. */
  #hear(said: readonly unknown[][], weight: number, hasAnswered: boolean): void {
    if (!hasAnswered && said.length === 1 && isFlatAnswer(said[0] as unknown[])) {
      if (weight > 0) this.#budget.charge(weight * UNPACK_US)
      if (this.#ended === undefined) this.#answers.keep(said[0] as unknown[], weight)
      return
    }
    for (const message of said) {
      if (this.#ended !== undefined) return
      // An answer is written in here; that is the server's own work.
      if (message[0] === 'response') this.#events.message(message)
      else this.#budget.work(() => this.#events.message(message), 0)
    }
    if (weight > 0) this.#budget.charge(weight * UNPACK_US)
  }

  /** The first entry with a request, or of one, tells of the next isolate's. */
  #noteFirst(entered: unknown[] | number, us: number): void {
    if (this.#firstEntryTimes === undefined) return
    if (typeof entered === 'object' && !entered.some((message) => (message as GuestMessage)[0] === 'fetch'))
      return
    const hasFailed = this.#ended !== undefined && this.#ended !== 'closed'
    this.#firstEntryTimes.note(hasFailed ? Infinity : us)
    this.#firstEntryTimes = undefined
  }
}
