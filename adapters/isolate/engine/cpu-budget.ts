import type ivm from 'isolated-vm'
import { EntryWatch } from './entry-watch.ts'
import { EngineTime } from './engine-time.ts'
import type { InlineEntries } from './inline-entries.ts'
import type { Limits } from './limits.ts'
import { onFirstCore } from './thread-clock.ts'

/** What a {@link CpuBudget} tells. */
export interface BudgetEvents {
  /** An entry, or the start, took more than its limit. */
  exceeded(cause: 'cpu' | 'startup', message: string): void
  /** What runs has been under way for more than a tick, or is over after that. */
  long(running: boolean): void
}

/**
 * CPU time of one isolate: measures its start and its entries, and tells when one of them exceeds its limit.
 */
export class CpuBudget {
  readonly time: EngineTime
  #limits: Limits
  #inline: InlineEntries | undefined
  #events: BudgetEvents
  #watch: EntryWatch
  /** How many entries there have been. */
  #entries = 0
  /** Messages of the last entry: it may take as many times the limit of one message. */
  #messages = 1
  /** True while an entry on another thread is under way. */
  #isEntered = false
  #isLoading = true
  #isClosed = false

  constructor(isolate: ivm.Isolate, limits: Limits, inline: InlineEntries | undefined, events: BudgetEvents) {
    this.#limits = limits
    this.#inline = inline
    this.#events = events
    this.time = new EngineTime(isolate, inline)
    this.#watch = new EntryWatch({
      entry: () => (this.#isEntered && !this.#isClosed && !isolate.isDisposed ? this.#entries : undefined),
      first: () => this.time.look(),
      again: () => this.#checkEntry(),
      long: (running) => events.long(running),
    })
  }

  /** Milliseconds that one entry may take. */
  get cpuMs(): number {
    return this.#limits.cpuMs
  }

  /** Watches the start of the app, which is tenant code too. Returns what ends that. */
  watchStart(): () => void {
    // The timeout of isolated-vm counts waiting; this counts only work.
    return this.#watch.load(() => {
      this.time.lookAtStart()
      this.#checkStart()
    })
  }

  /** The app is loaded: from now on entries have limits of their own. */
  started(): void {
    this.#isLoading = false
  }

  /** An entry from the host's own thread begins. */
  beginInline(): void {
    this.#entries++
    this.#messages = 1
    this.time.begin()
  }

  /** An entry on another thread begins, with so many messages. */
  begin(messages: number): void {
    this.#messages = messages
    this.#entries++
    this.#isEntered = true
    this.time.begin()
    this.#watch.begin()
  }

  /** True while an entry on another thread is under way, even after the isolate was disposed of. */
  get isEntered(): boolean {
    return this.#isEntered
  }

  /** The entry on another thread is over. */
  end(): void {
    this.#isEntered = false
  }

  /**
   * Charges microseconds of the thread that all tenants share; the entry under way, or the last one, may
   * exceed its limit by that.
   */
  charge(microseconds: number): void {
    this.time.addHost(microseconds)
    if (this.#isClosed) return
    if (this.#isLoading) this.#checkStart()
    else if (this.#inline?.isInside === true) {
      if (this.#inline.elapsed > this.#limits.cpuMs) this.exceed()
    } else if (this.#watch.hasSeen(this.#entries)) this.#checkEntry()
    else if (this.time.hasUsedOfHost(this.#limits.cpuMs * this.#messages)) this.exceed()
  }

  /**
   * Does work for the isolate on the thread that all tenants share, and charges it and `more` microseconds.
   */
  work<T>(work: () => T, more: number): T {
    const begun = performance.now()
    const { host } = this.time
    try {
      return work()
    } finally {
      // What was charged meanwhile is part of this.
      this.time.rewindHost(host)
      this.charge(onFirstCore((performance.now() - begun) * 1000) + more)
    }
  }

  /** An entry exceeded its limit. */
  exceed(): void {
    this.#events.exceeded(
      'cpu',
      `it used more than its limit of ${this.#limits.cpuMs} ms of CPU time at once`,
    )
  }

  #checkStart(): void {
    const max = this.#limits.startupCpuMs ?? this.#limits.startupMs
    if (this.time.hasUsed(max))
      this.#events.exceeded('startup', `loading the app took more than its limit of ${max} ms of CPU time`)
  }

  #checkEntry(): void {
    if (this.time.hasUsed(this.#limits.cpuMs * this.#messages)) this.exceed()
  }

  /** Reads the isolate's clock for the last time. */
  close(): void {
    void this.time.active
    this.#isClosed = true
    this.#watch.stop()
  }
}
