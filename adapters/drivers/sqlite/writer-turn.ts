/**
 * Serialises the writers of an SQLite file within this process. A transaction that waits for the app between
 * its statements holds SQLite's write lock: another connection of the process would wait for it on the one
 * thread that could end it. So writers first wait here, without blocking.
 */
export class WriterTurn {
  #held = false
  #waiting: (() => void)[] = []

  /** True if a transaction on the SQLite file is open. */
  get held(): boolean {
    return this.#held
  }

  /**
   * Resolves when the SQLite transaction has ended. Check `held` again then: another transaction may have
   * begun.
   */
  ended(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Waits until no other writer of this process uses the SQLite file, then takes the turn to write. */
  async take(): Promise<void> {
    while (this.#held) await this.ended()
    this.#held = true
  }

  give(): void {
    this.#held = false
    for (const wake of this.#waiting.splice(0)) wake()
  }
}

const turns = new Map<string, { turn: WriterTurn; users: number }>()

/** Returns the writers' turn of an SQLite file, which all drivers of this process on that file share. */
export function writerTurn(path: string): { turn: WriterTurn; close: () => void } {
  if (path === ':memory:') return { turn: new WriterTurn(), close() {} }
  const entry = turns.get(path) ?? { turn: new WriterTurn(), users: 0 }
  turns.set(path, entry)
  entry.users++
  return {
    turn: entry.turn,
    close() {
      if (--entry.users === 0) turns.delete(path)
    },
  }
}
