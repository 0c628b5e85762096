import { openSync, writeSync } from 'node:fs'
import type { Outcome } from '../checkers/operation.ts'
import { now } from './clock.ts'
import type { BeginLine, EndLine } from './history.ts'

/** Operations of one process before their ids reach those of the next. */
const MOST_OF_PROCESS = 1_000_000

/**
 * Writes what the clients of one process do, a line each, before the call and after the answer. Each line is
 * one write, so that a kill cuts none, and what was written survives the process.
 */
export class Recorder {
  #file: number
  #process: string
  #next: number

  /** `first` is the number of lines that earlier processes of this index have begun. */
  constructor(path: string, index: number, incarnation: number, first: number) {
    this.#file = openSync(path, 'a')
    this.#process = `p${index}.${incarnation}`
    this.#next = index * MOST_OF_PROCESS + first
  }

  /** Runs `call` between two lines. Resolves to what it returned; undefined if it failed. */
  async call<Value, Recorded>(
    call: object,
    isRead: boolean,
    work: () => Promise<Value>,
    show: (value: Value) => Recorded,
    step?: readonly [client: number, step: number],
  ): Promise<Value | undefined> {
    const id = this.#next++
    const begin: BeginLine = {
      b: id,
      t: now(),
      p: this.#process,
      c: call,
      ...(step === undefined ? {} : { s: step }),
    }
    this.#write(begin)
    let value: Value | undefined
    let outcome: Outcome<unknown>
    try {
      value = await work()
      outcome = { is: 'ok', value: show(value) }
    } catch (error) {
      outcome = outcomeOf(error, isRead)
    }
    const end: EndLine = { e: id, t: now(), o: outcome }
    this.#write(end)
    return value
  }

  #write(line: BeginLine | EndLine): void {
    writeSync(this.#file, `${JSON.stringify(line)}\n`)
  }
}

/** The code of an error that is no UnmoorError, which no driver may throw. */
export const FOREIGN = 'foreign'

function outcomeOf(error: unknown, isRead: boolean): Outcome<never> {
  const { name, code, mayHaveApplied, message } = error as Record<string, unknown>
  if (name !== 'UnmoorError') return { is: 'unknown', code: `${FOREIGN}: ${String(message ?? error)}` }
  return { is: mayHaveApplied === true && !isRead ? 'unknown' : 'failed', code: String(code) }
}
