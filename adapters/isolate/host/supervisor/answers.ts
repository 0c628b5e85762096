import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Questions of the supervisor to several child processes at once; each question is over when all have
 * answered.
 */
export class Answers<Asked> {
  #waiting = new Map<number, { left: Set<Asked>; resolve: () => void }>()
  #nextId = 1

  /** Asks all child processes with `send`; resolves when all have answered, or after `ms` milliseconds. */
  async ask(all: readonly Asked[], send: (one: Asked, id: number) => void, ms: number): Promise<void> {
    if (all.length === 0) return
    const id = this.#nextId++
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.set(id, { left: new Set(all), resolve })
    for (const one of all) send(one, id)
    await Promise.race([promise, sleep(ms, undefined, { ref: false })])
    this.#waiting.delete(id)
  }

  answered(id: number, one: Asked): void {
    const waiting = this.#waiting.get(id)
    waiting?.left.delete(one)
    if (waiting?.left.size === 0) waiting.resolve()
  }

  /** Stops waiting for a child process that answers nothing any more. */
  forget(one: Asked): void {
    for (const id of this.#waiting.keys()) this.answered(id, one)
  }
}
