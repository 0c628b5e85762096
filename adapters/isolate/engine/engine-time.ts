import type ivm from 'isolated-vm'
import type { InlineEntries } from './inline-entries.ts'
import { onCore, readThreads, type ThreadTimes } from './thread-clock.ts'

/** Microseconds of processor time that one isolate has used, in all and since its entry under way began. */
export class EngineTime {
  #isolate: ivm.Isolate
  #inline: InlineEntries | undefined
  #activeAtEnd = 0
  #host = 0
  #hostBefore = 0
  /**
   * CPU readings at the first look at the isolate's entry under way. While the app is still loading, the
   * threads are read only at the CPU watch's first interval.
   */
  #activeBefore = 0
  #threadsBefore: ThreadTimes | undefined

  constructor(isolate: ivm.Isolate, inline: InlineEntries | undefined) {
    this.#isolate = isolate
    this.#inline = inline
  }

  /**
   * Wall-clock microseconds that the isolate was at work on other threads; the last known value once the
   * isolate has ended.
   */
  get active(): number {
    if (!this.#isolate.isDisposed) this.#activeAtEnd = Number(this.#isolate.cpuTime) / 1000 - this.inline
    return this.#activeAtEnd
  }

  /** Microseconds that the isolate was at work on the main thread. */
  get inline(): number {
    return this.#inline?.us ?? 0
  }

  /** Microseconds of unmoor's own work for the isolate. */
  get host(): number {
    return this.#host
  }

  addHost(microseconds: number): void {
    this.#host += microseconds
  }

  /**
   * Adds microseconds of work for the isolate off the main thread. That work is metered but does not count
   * for the entry under way, because it blocks nobody.
   */
  addBeside(microseconds: number): void {
    this.#host += microseconds
    this.#hostBefore += microseconds
  }

  /**
   * Takes back the microseconds of unmoor's own work for the isolate that were added since {@link host} had
   * the value `host`, because a longer time that includes them is added instead.
   */
  rewindHost(host: number): void {
    this.#host = host
  }

  /** Starts the measurement of an entry into the isolate. */
  begin(): void {
    this.#hostBefore = this.#host
  }

  /** Takes the first reading of the CPU time of the isolate's entry under way. */
  look(): void {
    this.#activeBefore = this.active
    this.#threadsBefore = readThreads()
  }

  /**
   * Takes the first reading of the threads' CPU times while the app is still loading: only at the CPU watch's
   * first interval, because most apps load in less time than reading the threads takes.
   */
  lookAtStart(): void {
    this.#threadsBefore ??= readThreads()
  }

  /** True if unmoor's own work for the isolate has taken longer than `milliseconds` since its entry began. */
  hasUsedOfHost(milliseconds: number): boolean {
    return this.#host - this.#hostBefore > milliseconds * 1000
  }

  /**
   * True if the isolate has used more than `milliseconds` of CPU time since the first reading, unmoor's own
   * work since the entry began included.
   */
  hasUsed(milliseconds: number): boolean {
    const active = this.active - this.#activeBefore
    const host = this.#host - this.#hostBefore
    return (
      active + host > milliseconds * 1000 &&
      onCore(active, this.#threadsBefore ?? readThreads()) + host > milliseconds * 1000
    )
  }
}
