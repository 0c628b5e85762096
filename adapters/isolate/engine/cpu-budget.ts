import type ivm from 'isolated-vm'
import { EntryWatch } from './entry-watch.ts'
import { EngineTime } from './engine-time.ts'
import type { InlineEntries } from './inline-entries.ts'
import type { Limits } from './limits.ts'
import { onFirstCore } from './thread-clock.ts'

/** Events of a {@link CpuBudget}, the limits of CPU time of one isolate. */
export interface BudgetEvents {
  /** Called when an entry into the isolate, or the app's start, took more CPU time than its limit. */
  exceeded(cause: 'cpu' | 'startup', message: string): void
  /**
   * Called with true when an entry into the isolate or the app's start has run for longer than the interval
   * of the CPU watch, and with false when it is over.
   */
  long(running: boolean): void
}

/**
 * CPU budget of one isolate: measures its start and its entries, and reports when one of them exceeds its
 * limit.
 */
export class CpuBudget {
  readonly time: EngineTime
  #limits: Limits
  #inline: InlineEntries | undefined
  #events: BudgetEvents
  #watch: EntryWatch
  /** Number of entries into the isolate so far. */
  #entries = 0
  /**
   * Number of messages in the last entry into the isolate, which may take as many times the limit of one
   * message.
   */
  #messages = 1
  /** True while an entry into the isolate on another thread is under way. */
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

  /** Milliseconds of CPU time that one entry into the isolate may take. */
  get cpuMs(): number {
    return this.#limits.cpuMs
  }

  /**
   * Watches the CPU time of the app's start, which is tenant code too. Returns a function that ends the
   * watch.
   */
  watchStart(): () => void {
    // The limit of the app's start counts only CPU time, so it is watched here: isolated-vm's own timeout
    // also counts waiting.
    return this.#watch.load(() => {
      this.time.lookAtStart()
      this.#checkStart()
    })
  }

  /** Notes that the app is loaded: from now on each entry into the isolate has a CPU limit of its own. */
  started(): void {
    this.#isLoading = false
  }

  /** Starts the CPU measurement of an entry into the isolate on the main thread. */
  beginInline(): void {
    this.#entries++
    this.#messages = 1
    this.time.begin()
  }

  /**
   * Starts the CPU measurement of an entry into the isolate on another thread that brings `messages`
   * messages.
   */
  begin(messages: number): void {
    this.#messages = messages
    this.#entries++
    this.#isEntered = true
    this.time.begin()
    this.#watch.begin()
  }

  /**
   * True while an entry into the isolate on another thread is under way, even after the isolate was disposed
   * of.
   */
  get isEntered(): boolean {
    return this.#isEntered
  }

  /** Ends the CPU measurement of the entry into the isolate on another thread. */
  end(): void {
    this.#isEntered = false
  }

  /**
   * Charges the isolate with microseconds of the main thread, which all tenants share. The charge counts for
   * the entry under way, or for the last one, which may exceed its limit by it.
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

  /** Runs `work` for the isolate on the main thread, and charges its time and `more` microseconds. */
  work<T>(work: () => T, more: number): T {
    const begun = performance.now()
    const { host } = this.time
    try {
      return work()
    } finally {
      // CPU charges that were made while `work` ran are taken back, because `work`'s own time includes them.
      this.time.rewindHost(host)
      this.charge(onFirstCore((performance.now() - begun) * 1000) + more)
    }
  }

  /** Reports that an entry into the isolate exceeded its CPU limit. */
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

  /** Takes the final reading of the isolate's CPU clock, and stops the watch. */
  close(): void {
    void this.time.active
    this.#isClosed = true
    this.#watch.stop()
  }
}
