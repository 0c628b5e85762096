import { state } from '../state.ts'
import type { Life } from './life.ts'

/**
 * A critical section of a Durable Object: work that no event may interrupt. Sections opened within it are
 * part of it.
 */
class Section {
  readonly gate: Gate
  /** Settles when the sections opened so far within this critical section have ended, if there are any. */
  tail: Promise<void> | undefined
  ended = false

  constructor(gate: Gate) {
    this.gate = gate
  }

  /** Runs `work` as an inner critical section of this one, after the inner sections opened before it. */
  run<T>(work: SectionWork<T>): Promise<T> {
    const section = new Section(this.gate)
    const enter = async (): Promise<T> => {
      try {
        return await inSection(section, () => work(() => section.open()))
      } finally {
        await section.open()
        section.ended = true
      }
    }
    const result = (this.tail ?? Promise.resolve()).then(enter)
    const tail = result.then(
      () => {},
      () => {},
    )
    this.tail = tail
    void tail.then(() => {
      if (this.tail === tail) this.tail = undefined
    })
    return result
  }

  /** Resolves when no critical section within this one runs or waits, even if its opener did not await it. */
  async open(): Promise<void> {
    while (this.tail !== undefined) await this.tail
  }
}

/**
 * Work of a Durable Object's critical section; `inner` resolves when the sections opened by the work have
 * ended.
 */
export type SectionWork<T> = (inner: () => Promise<void>) => T | Promise<T>

/**
 * The critical sections of a Durable Object: `blockConcurrencyWhile` and asynchronous transactions. Sections
 * run one after another. A section opened within another is part of it, since waiting for its turn would
 * deadlock.
 */
export class Gate {
  /** Life in memory of the Durable Object to which the critical sections belong. */
  readonly life: Life
  #root = new Section(this)

  constructor(life: Life) {
    this.life = life
  }

  /** Runs an event's work so that critical sections opened by it are attributed to this Durable Object. */
  enter<T>(work: () => T | Promise<T>): T | Promise<T> {
    return inSection(this.#root, work)
  }

  /** Runs `work` as a critical section of the Durable Object. */
  run<T>(work: SectionWork<T>): Promise<T> {
    const here = state.sections?.getStore()
    const outer = here instanceof Section && here.gate === this && !here.ended ? here : this.#root
    return outer.run(work)
  }

  /** Resolves when no critical section of the Durable Object runs or waits. */
  open(): Promise<void> {
    return this.#root.open()
  }
}

/** Returns the life of the Durable Object whose code is running; undefined outside of objects. */
export function currentLife(): Life | undefined {
  const here = state.sections?.getStore()
  return here instanceof Section ? here.gate.life : undefined
}

function inSection<T>(section: Section, work: () => T | Promise<T>): T | Promise<T> {
  return state.sections === undefined ? work() : state.sections.run(section, work)
}
