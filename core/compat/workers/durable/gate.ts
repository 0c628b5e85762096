import { state } from '../state.ts'
import type { Life } from './life.ts'

/** Work that no event of the object may interrupt. Sections that it opens run within it. */
class Section {
  readonly gate: Gate
  /** Settles once every section opened so far has ended; undefined where there is none. */
  tail: Promise<void> | undefined
  ended = false

  constructor(gate: Gate) {
    this.gate = gate
  }

  /** Runs `work` after the sections that were opened here before it. */
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

  /** Resolves when no section within this one runs or waits, awaited by who opened it or not. */
  async open(): Promise<void> {
    while (this.tail !== undefined) await this.tail
  }
}

/** What runs in a section; `inner` resolves when the sections that it opened have ended. */
export type SectionWork<T> = (inner: () => Promise<void>) => T | Promise<T>

/**
 * The critical sections of an object: `blockConcurrencyWhile` and asynchronous transactions. They run one
 * after another, and a section opened within another is part of it: waiting for its turn would never end.
 */
export class Gate {
  /** The time in memory of the object that the sections are of. */
  readonly life: Life
  #root = new Section(this)

  constructor(life: Life) {
    this.life = life
  }

  /** Runs an event's work, so that what it starts is known to be the object's. */
  enter<T>(work: () => T | Promise<T>): T | Promise<T> {
    return inSection(this.#root, work)
  }

  /** Runs `work` as a section of its own. */
  run<T>(work: SectionWork<T>): Promise<T> {
    const here = state.sections?.getStore()
    const outer = here instanceof Section && here.gate === this && !here.ended ? here : this.#root
    return outer.run(work)
  }

  /** Resolves when no section runs or waits. */
  open(): Promise<void> {
    return this.#root.open()
  }
}

/** The life of the object whose code is running; undefined in code of none. */
export function currentLife(): Life | undefined {
  const here = state.sections?.getStore()
  return here instanceof Section ? here.gate.life : undefined
}

function inSection<T>(section: Section, work: () => T | Promise<T>): T | Promise<T> {
  return state.sections === undefined ? work() : state.sections.run(section, work)
}
