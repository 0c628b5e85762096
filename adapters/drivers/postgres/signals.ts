import { randomUUID } from 'node:crypto'
import type { Database } from './database.ts'

/**
 * Tells waiting consumers that a queue has something for them: those of this process at once, those of others
 * by NOTIFY. It is a hint only, as it may get lost with a connection: consumers look by themselves too.
 * NOTIFY goes out beside the sends, and not with each: in the sends' own transactions it would make all
 * commits of the database wait for each other.
 */
export interface Signals {
  /** Grows with each signal for the queue: one that comes between a look and a wait is seen by it. */
  count(queue: string): number
  /** Resolves at the first signal after `since`, when the time is over, or at the abort. */
  wait(queue: string, since: number, milliseconds: number, signal: AbortSignal): Promise<void>
  /** There is something in this queue. */
  notify(queue: string): void
  close(): Promise<void>
}

const CHANNEL = 'unmoor_messages'
/** Milliseconds between two NOTIFYs of this process. */
const NOTIFY_EVERY = 20

/** The one of this pool. */
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
  /** Told from the others, whose NOTIFYs come back to all that listen. */
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

  /** From the first wait on. The client listens again by itself when the connection was lost. */
  #listen(): void {
    // What has one connection only (PGlite, PGBouncer's smallest) gets no second: its consumers look by
    // themselves.
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
