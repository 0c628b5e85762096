import type ivm from 'isolated-vm'
import type { InlineEntries } from './inline-entries.ts'
import { onCore, readThreads, type ThreadTimes } from './thread-clock.ts'

/** What one isolate takes of the machine, in all and since its entry under way began. In microseconds. */
export class EngineTime {
  #isolate: ivm.Isolate
  #inline: InlineEntries | undefined
  #activeAtEnd = 0
  #host = 0
  #hostBefore = 0
  /**
   * At the first look at the entry under way; while the app is loaded, the threads are looked at after a
   * tick.
   */
  #activeBefore = 0
  #threadsBefore: ThreadTimes | undefined

  constructor(isolate: ivm.Isolate, inline: InlineEntries | undefined) {
    this.#isolate = isolate
    this.#inline = inline
  }

  /** Time at work on other threads, by the clock; once the isolate has ended, what was last known. */
  get active(): number {
    if (!this.#isolate.isDisposed) this.#activeAtEnd = Number(this.#isolate.cpuTime) / 1000 - this.inline
    return this.#activeAtEnd
  }

  /** Time at work on the host's own thread. */
  get inline(): number {
    return this.#inline?.us ?? 0
  }

  /** Work of the host for it. */
  get host(): number {
    return this.#host
  }

  addHost(microseconds: number): void {
    this.#host += microseconds
  }

  /** Work on threads beside: metered, and no part of the entry under way, as it holds nobody up. */
  addBeside(microseconds: number): void {
    this.#host += microseconds
    this.#hostBefore += microseconds
  }

  /**
   * Takes what was added of the host's work since it was `host`, as it is part of a larger piece that is
   * added in its place.
   */
  rewindHost(host: number): void {
    this.#host = host
  }

  /** An entry begins. */
  begin(): void {
    this.#hostBefore = this.#host
  }

  /** The first look at the entry under way. */
  look(): void {
    this.#activeBefore = this.active
    this.#threadsBefore = readThreads()
  }

  /**
   * The first look while the app is loaded: reading the threads takes longer than most apps take for that.
   */
  lookAtStart(): void {
    this.#threadsBefore ??= readThreads()
  }

  /** True if the host alone has worked for longer than this since the entry began. */
  hasUsedOfHost(milliseconds: number): boolean {
    return this.#host - this.#hostBefore > milliseconds * 1000
  }

  /**
   * True if more CPU time than this was used since the first look, the host's work since the entry began
   * included.
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
