import { randomUUID } from 'node:crypto'
import type { Database } from './database.ts'

/**
 * Wakes consumers that wait for messages of a queue: consumers of this process at once, those of other
 * processes by NOTIFY. A signal is only a hint, as it may get lost with a connection, so consumers also poll.
 * NOTIFY is sent beside the sends and not in their transactions, where it would make all commits of the
 * database wait for each other.
 */
export interface Signals {
  /**
   * Number of signals for the queue so far. Comparing it shows a signal that came between a consumer's poll
   * and wait.
   */
  count(queue: string): number
  /** Resolves at the queue's first signal after `since`, when the time is over, or at the abort. */
  wait(queue: string, since: number, milliseconds: number, signal: AbortSignal): Promise<void>
  /** Signals to waiting consumers that the queue has messages. */
  notify(queue: string): void
  close(): Promise<void>
}

const CHANNEL = 'unmoor_messages'
/** Minimum milliseconds between two NOTIFYs by which this process signals queue messages to others. */
const NOTIFY_EVERY = 20

/** Returns the queue signals of the Postgres database's pool, which its queues share. */
export function signalsOf({ shared }: Database): Signals {
  const known = shared.parts.get(CHANNEL)
  if (known !== undefined) return known as Signals
  const signals = new PostgresSignals(shared)
  shared.parts.set(CHANNEL, signals)
  return signals
}

class PostgresSignals implements Signals {
  #shared: Database['shared']
  #counts = new Map<string, number>()
  #waiting = new Map<string, Set<() => void>>()
  /** Id of this process, by which it recognises its own Postgres NOTIFYs: they come back to all listeners. */
  #process = randomUUID()
  #listening = false
  #unsent = new Set<string>()
  #timer: NodeJS.Timeout | undefined

  constructor(shared: Database['shared']) {
    this.#shared = shared
  }

  count(queue: string): number {
    return this.#counts.get(queue) ?? 0
  }

  wait(queue: string, since: number, milliseconds: number, signal: AbortSignal): Promise<void> {
    this.#listen()
    if (this.count(queue) !== since || signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(queue) ?? new Set()
      const done = (): void => {
        clearTimeout(timer)
        waiting.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, milliseconds)
      this.#waiting.set(queue, waiting.add(done))
      signal.addEventListener('abort', done, { once: true })
    })
  }

  notify(queue: string): void {
    this.#wake(queue)
    this.#unsent.add(queue)
    if (this.#timer !== undefined) return
    void this.#send()
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#send()
    }, NOTIFY_EVERY)
  }

  async #send(): Promise<void> {
    if (this.#unsent.size === 0) return
    const queues = [...this.#unsent]
    this.#unsent.clear()
    const text = 'SELECT pg_notify($1, payload) FROM json_array_elements_text($2) AS payload'
    const payloads = JSON.stringify(queues.map((queue) => `${this.#process} ${queue}`))
    await this.#shared.sql.unsafe(text, [CHANNEL, payloads], { prepare: true }).catch(() => {})
  }

  #wake(queue: string): void {
    this.#counts.set(queue, this.count(queue) + 1)
    for (const wake of this.#waiting.get(queue) ?? []) wake()
  }

  /**
   * Starts to LISTEN on Postgres at the first wait. The client listens again by itself after a lost
   * connection.
   */
  #listen(): void {
    // A Postgres server limited to one connection (PGlite, PgBouncer's smallest pool) gets no second one for
    // LISTEN: its consumers only poll.
    if (this.#listening || this.#shared.server.max === 1) return
    this.#listening = true
    const heard = (payload: string): void => {
      const space = payload.indexOf(' ')
      if (payload.slice(0, space) !== this.#process) this.#wake(payload.slice(space + 1))
    }
    this.#shared.sql.listen(CHANNEL, heard).catch(() => {})
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#send()
  }
}
