import { randomUUID } from 'node:crypto'
import type { QueueDeclaration } from '../../../core/bindings/declarations.ts'
import type {
  DriverFactory,
  QueueDriver,
  QueueIncoming,
  QueueOutgoing,
  QueuePeeked,
  QueueSettlement,
} from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { Gather } from '../shared/gather.ts'
import { toUnmoorError } from './errors.ts'
import { databasePath, inTransaction } from './open.ts'
import type { SqliteOptions } from './options.ts'
import { openQueueFile, type QueueFile } from './queue-file.ts'
import type { QueueStatements } from './queue-statements.ts'

/**
 * Milliseconds between two polls of an SQLite queue for messages of other processes, while the file is open.
 * Sends of this process are seen at once.
 */
const POLL_EVERY = 100

/** Maximum SQLite queue messages that one transaction of a purge removes: the thread waits for it. */
const PURGED_AT_ONCE = 1000

/**
 * Queue driver on a table of an SQLite file that all queues of the app share, so that one transaction moves a
 * message to its dead-letter queue.
 */
export const queue: DriverFactory<'queue', SqliteOptions> = (options, context) => {
  const path = databasePath(options, context, 'queues')
  const file = openQueueFile(path, options)
  const { maxRetries, deadLetterQueue } = context.declaration as QueueDeclaration
  try {
    return new SqliteQueue(file, {
      name: `${context.app}/${context.binding}`,
      maxRetries,
      deadLetter: deadLetterQueue === undefined ? undefined : `${context.app}/${deadLetterQueue}`,
      now: () => context.now(),
    })
  } catch (error) {
    file.close()
    throw toUnmoorError(error, path)
  }
}

interface Settings {
  name: string
  maxRetries: number
  deadLetter: string | undefined
  now: () => number
}

/**
 * A queue in SQLite. A lease consists of the row's number and a token that is new for each delivery, so that
 * a stale lease matches no row.
 */
class SqliteQueue implements QueueDriver {
  #file: QueueFile
  #settings: Settings
  #sends = new Gather<QueueOutgoing>(
    (messages) => this.#send(messages),
    ({ body }) => body.length,
  )

  constructor(file: QueueFile, settings: Settings) {
    this.#file = file
    this.#settings = settings
  }

  send(messages: readonly QueueOutgoing[]): Promise<void> {
    return this.#sends.add(messages)
  }

  #send(messages: readonly QueueOutgoing[]): void {
    const { name, now } = this.#settings
    try {
      const { sends, insert: statement } = this.#file.use()
      const insert = (): void => {
        const time = now()
        for (const { id, contentType, body, delaySeconds } of messages)
          statement.run(name, id, contentType, body, time, time + delaySeconds * 1000)
      }
      if (messages.length === 1) insert()
      else inTransaction(sends, insert)
    } catch (error) {
      throw toUnmoorError(error, this.#file.path)
    }
    this.#file.sent(name)
  }

  async receive(options: {
    max: number
    leaseSeconds: number
    waitSeconds: number
    signal: AbortSignal
  }): Promise<QueueIncoming[]> {
    const deadline = performance.now() + options.waitSeconds * 1000
    try {
      for (;;) {
        // A queue consumer that is shutting down receives no further messages.
        if (options.signal.aborted) return []
        const idle = options.waitSeconds > 0 && this.#file.isAsleep(this.#settings.name)
        const received = idle ? [] : this.#receive(options.max, options.leaseSeconds)
        const left = deadline - performance.now()
        if (received.length > 0 || left <= 0) return received
        await this.#wait(left, options.signal)
      }
    } catch (error) {
      throw toUnmoorError(error, this.#file.path)
    }
  }

  #receive(max: number, leaseSeconds: number): QueueIncoming[] {
    const { name, maxRetries, deadLetter, now } = this.#settings
    const time = now()
    // The poll for queue messages only reads, so that idle consumers never take SQLite's write lock.
    const [next = null] = this.#file.look().next.get(name) ?? []
    if (next === null || next > time) return []
    const { deliveries, take, move } = this.#file.use()
    return inTransaction(deliveries, () => {
      const token = randomUUID()
      const rows = take.all(time + leaseSeconds * 1000, token, name, time, max)
      const received: QueueIncoming[] = []
      for (const [seq, id, contentType, body, attempts, timestamp] of rows) {
        // This queue message has had all its deliveries, which may have crashed the consumer, so it is moved
        // to the dead-letter queue instead of being delivered for ever. Without a dead-letter queue it is
        // delivered again, because a crash must not lose a message.
        if (attempts > maxRetries + 1 && deadLetter !== undefined) {
          move.run(deadLetter, time, seq)
          this.#file.sent(deadLetter)
        } else received.push({ id, contentType, body, attempts, timestamp, lease: `${seq}.${token}` })
      }
      return received
    })
  }

  /**
   * Waits for a send to the SQLite queue, for at most `milliseconds`. While the queue's file is open, it
   * waits only until the next poll.
   */
  #wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    const { name, now } = this.#settings
    const end = performance.now() + milliseconds
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout
      const done = (): void => {
        clearTimeout(timer)
        forget()
        signal.removeEventListener('abort', done)
        resolve()
      }
      const wait = (): void => {
        const left = Math.max(0, end - performance.now())
        timer = setTimeout(
          () => (this.#file.isAsleep(name) && performance.now() < end ? wait() : done()),
          this.#file.isAsleep(name) ? left : Math.min(left, POLL_EVERY),
        )
      }
      const forget = this.#file.wait(name, {
        wake: done,
        due({ next }) {
          const time = next.get(name)?.[0] ?? undefined
          return time === undefined ? undefined : time - now()
        },
      })
      wait()
      signal.addEventListener('abort', done, { once: true })
    })
  }

  async settle(settlements: readonly QueueSettlement[]): Promise<{ dropped: string[] }> {
    const { name, deadLetter } = this.#settings
    const dropped: string[] = []
    try {
      const statements = this.#file.use()
      inTransaction(statements.deliveries, () => {
        for (const settlement of settlements) {
          if (settlement.outcome === 'ack') statements.ack.run(...parseLease(settlement.lease))
          else dropped.push(...this.#settleRetry(statements, settlement))
        }
      })
    } catch (error) {
      throw toUnmoorError(error, this.#file.path)
    }
    if (settlements.some(({ outcome }) => outcome === 'retry')) {
      this.#file.sent(name)
      if (deadLetter !== undefined) this.#file.sent(deadLetter)
    }
    return { dropped }
  }

  /** Settles a retry of a queue message; returns the message's id if the message was dropped. */
  #settleRetry(
    { leased, retry, move, ack }: QueueStatements,
    { lease, delaySeconds }: { lease: string; delaySeconds: number },
  ): string[] {
    const { maxRetries, deadLetter, now } = this.#settings
    const [seq, token] = parseLease(lease)
    const row = leased.get(seq, token)
    if (row === undefined) return []
    const [id, attempts] = row
    if (attempts <= maxRetries) retry.run(now() + delaySeconds * 1000, seq)
    else if (deadLetter !== undefined) move.run(deadLetter, now(), seq)
    else {
      ack.run(seq, token)
      return [id]
    }
    return []
  }

  async extend(leases: readonly string[], leaseSeconds: number): Promise<void> {
    const until = this.#settings.now() + leaseSeconds * 1000
    try {
      const { deliveries, extend } = this.#file.use()
      inTransaction(deliveries, () => {
        for (const lease of leases) extend.run(until, ...parseLease(lease))
      })
    } catch (error) {
      throw toUnmoorError(error, this.#file.path)
    }
  }

  async depth(): Promise<{ ready: number; delayed: number; leased: number }> {
    try {
      const [ready = 0, delayed = 0, leased = 0] =
        this.#file.look().depth.get(this.#settings.now(), this.#settings.name) ?? []
      return { ready, delayed, leased }
    } catch (error) {
      throw toUnmoorError(error, this.#file.path)
    }
  }

  async age(): Promise<number | undefined> {
    const { name, now } = this.#settings
    try {
      const waited = now() - (this.#file.look().next.get(name)?.[0] ?? Infinity)
      return waited < 0 ? undefined : waited / 1000
    } catch (error) {
      throw toUnmoorError(error, this.#file.path)
    }
  }

  async peek({ limit }: { limit: number }): Promise<QueuePeeked[]> {
    const { name, now } = this.#settings
    try {
      const time = now()
      return this.#file
        .look()
        .peek.all(name, limit)
        .map(([id, contentType, body, attempts, timestamp, visibleAt, leased]) => {
          const state = visibleAt <= time ? 'ready' : leased === 1 ? 'leased' : 'delayed'
          return { id, contentType, body, attempts, timestamp, state }
        })
    } catch (error) {
      throw toUnmoorError(error, this.#file.path)
    }
  }

  async replay({ limit, ids }: { limit: number; ids?: readonly string[] | undefined }): Promise<string[]> {
    const { name, deadLetter, now } = this.#settings
    if (deadLetter === undefined) return []
    const wanted = ids === undefined ? null : JSON.stringify(ids)
    try {
      const { deliveries, replay } = this.#file.use()
      // A replay of queue messages is one transaction, so a message is never in both queues.
      const moved = inTransaction(deliveries, () => replay.all(name, now(), deadLetter, wanted, limit))
      this.#file.sent(name)
      return moved.map(([id]) => id)
    } catch (error) {
      throw toUnmoorError(error, this.#file.path)
    }
  }

  async purge(): Promise<number> {
    const { name, now } = this.#settings
    const begin = now()
    let purged = 0
    try {
      for (;;) {
        const { deliveries, purge } = this.#file.use()
        const { changes } = inTransaction(deliveries, () => purge.run(name, now(), begin, PURGED_AT_ONCE))
        purged += Number(changes)
        if (Number(changes) < PURGED_AT_ONCE) return purged
        // Other work of the process gets its turn between two transactions of a purge.
        await new Promise(setImmediate)
      }
    } catch (error) {
      throw toUnmoorError(error, this.#file.path)
    }
  }

  close(): void {
    // The flush of pending queue sends is complete when `flush()` returns, because it does not await
    // anything.
    void this.#sends.flush()
    this.#file.close()
  }
}

function parseLease(lease: string): [seq: number, token: string] {
  const dot = lease.indexOf('.')
  const seq = Number(lease.slice(0, dot))
  if (dot < 1 || !Number.isSafeInteger(seq))
    throw new UnmoorError('InvalidArgument', `"${lease}" is not a lease of this driver.`)
  return [seq, lease.slice(dot + 1)]
}
