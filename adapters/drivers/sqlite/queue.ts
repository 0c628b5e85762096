import { randomUUID } from 'node:crypto'
import type { StatementSync } from 'node:sqlite'
import type { QueueDeclaration } from '../../../core/bindings/declarations.ts'
import type {
  DriverFactory,
  QueueContentType,
  QueueDriver,
  QueueIncoming,
  QueueOutgoing,
  QueueSettlement,
} from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { Gather } from '../shared/gather.ts'
import { type ArrayStatement, prepareArrays } from './array-statement.ts'
import { toUnmoorError } from './errors.ts'
import { databasePath, inTransaction } from './open.ts'
import type { SqliteOptions } from './options.ts'
import { openQueueFile, type QueueFile } from './queue-file.ts'

/** Milliseconds between two looks for what other processes sent; sends of this process are seen at once. */
const POLL_EVERY = 100

/**
 * A queue in a table of a file that all queues of the app share, so that a message reaches its dead-letter
 * queue in the transaction that takes it from its own.
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

type MessageRow = [
  seq: number,
  id: string,
  contentType: QueueContentType,
  body: string | Uint8Array<ArrayBuffer>,
  attempts: number,
  sentAt: number,
]

/** A lease is the row's number and a token that each delivery makes anew: a stale one matches no row. */
class SqliteQueue implements QueueDriver {
  #file: QueueFile
  #settings: Settings
  #insert: StatementSync
  #next: ArrayStatement<[earliest: number | null]>
  #take: ArrayStatement<MessageRow>
  #ack: StatementSync
  #leased: ArrayStatement<[id: string, attempts: number]>
  #retry: StatementSync
  #move: StatementSync
  #extend: StatementSync
  #depth: ArrayStatement<[ready: number, delayed: number, leased: number]>
  #sends = new Gather<QueueOutgoing>(
    (messages) => this.#send(messages),
    ({ body }) => body.length,
  )

  constructor(file: QueueFile, settings: Settings) {
    this.#file = file
    this.#settings = settings
    const prepare = <Row extends readonly unknown[]>(text: string): ArrayStatement<Row> =>
      prepareArrays<Row>(file.deliveries, text)
    this.#insert = file.sends.prepare(
      'INSERT INTO messages (queue, id, content_type, body, sent_at, visible_at) VALUES (?, ?, ?, ?, ?, ?)',
    )
    this.#next = prepare('SELECT min(visible_at) FROM messages WHERE queue = ?')
    this.#take = prepare(`UPDATE messages SET attempts = attempts + 1, visible_at = ?, lease = ?
      WHERE seq IN (
        SELECT seq FROM messages WHERE queue = ? AND visible_at <= ? ORDER BY visible_at, seq LIMIT ?
      )
      RETURNING seq, id, content_type, body, attempts, sent_at`)
    this.#ack = file.deliveries.prepare('DELETE FROM messages WHERE seq = ? AND lease = ?')
    this.#leased = prepare('SELECT id, attempts FROM messages WHERE seq = ? AND lease = ?')
    this.#retry = file.deliveries.prepare('UPDATE messages SET visible_at = ?, lease = NULL WHERE seq = ?')
    this.#move = file.deliveries.prepare(
      'UPDATE messages SET queue = ?, attempts = 0, visible_at = ?, lease = NULL WHERE seq = ?',
    )
    this.#extend = file.deliveries.prepare('UPDATE messages SET visible_at = ? WHERE seq = ? AND lease = ?')
    this.#depth = prepare(`SELECT count(*) FILTER (WHERE visible_at <= ?1),
        count(*) FILTER (WHERE visible_at > ?1 AND lease IS NULL),
        count(*) FILTER (WHERE visible_at > ?1 AND lease IS NOT NULL)
      FROM messages WHERE queue = ?2`)
  }

  send(messages: readonly QueueOutgoing[]): Promise<void> {
    return this.#sends.add(messages)
  }

  #send(messages: readonly QueueOutgoing[]): void {
    const { name, now } = this.#settings
    try {
      const insert = (): void => {
        const time = now()
        for (const { id, contentType, body, delaySeconds } of messages)
          this.#insert.run(name, id, contentType, body, time, time + delaySeconds * 1000)
      }
      if (messages.length === 1) insert()
      else inTransaction(this.#file.sends, insert)
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
        // Nothing may be leased to a consumer that is leaving.
        if (options.signal.aborted) return []
        const received = this.#receive(options.max, options.leaseSeconds)
        const left = deadline - performance.now()
        if (received.length > 0 || left <= 0) return received
        await this.#wait(Math.min(left, POLL_EVERY), options.signal)
      }
    } catch (error) {
      throw toUnmoorError(error, this.#file.path)
    }
  }

  #receive(max: number, leaseSeconds: number): QueueIncoming[] {
    const { name, maxRetries, deadLetter, now } = this.#settings
    const time = now()
    // A read, so that idle consumers never take the write lock.
    const [next = null] = this.#next.get(name) ?? []
    if (next === null || next > time) return []
    return inTransaction(this.#file.deliveries, () => {
      const token = randomUUID()
      const rows = this.#take.all(time + leaseSeconds * 1000, token, name, time, max)
      const received: QueueIncoming[] = []
      for (const [seq, id, contentType, body, attempts, timestamp] of rows) {
        // Its last delivery ended in a crash. Without this, a message that kills its consumer would come for
        // ever; with no dead-letter queue it does, as no crash may lose one.
        if (attempts > maxRetries + 1 && deadLetter !== undefined) {
          this.#move.run(deadLetter, time, seq)
          this.#file.sent(deadLetter)
        } else received.push({ id, contentType, body, attempts, timestamp, lease: `${seq}.${token}` })
      }
      return received
    })
  }

  #wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        forget()
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, milliseconds)
      const forget = this.#file.onSend(this.#settings.name, done)
      signal.addEventListener('abort', done, { once: true })
    })
  }

  async settle(settlements: readonly QueueSettlement[]): Promise<{ dropped: string[] }> {
    const { name, deadLetter } = this.#settings
    const dropped: string[] = []
    try {
      inTransaction(this.#file.deliveries, () => {
        for (const settlement of settlements) {
          const [seq, token] = parseLease(settlement.lease)
          if (settlement.outcome === 'ack') this.#ack.run(seq, token)
          else this.#settleRetry(seq, token, settlement.delaySeconds, dropped)
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

  #settleRetry(seq: number, token: string, delaySeconds: number, dropped: string[]): void {
    const { maxRetries, deadLetter, now } = this.#settings
    const row = this.#leased.get(seq, token)
    if (row === undefined) return
    const [id, attempts] = row
    if (attempts <= maxRetries) this.#retry.run(now() + delaySeconds * 1000, seq)
    else if (deadLetter !== undefined) this.#move.run(deadLetter, now(), seq)
    else {
      this.#ack.run(seq, token)
      dropped.push(id)
    }
  }

  async extend(leases: readonly string[], leaseSeconds: number): Promise<void> {
    const until = this.#settings.now() + leaseSeconds * 1000
    try {
      inTransaction(this.#file.deliveries, () => {
        for (const lease of leases) this.#extend.run(until, ...parseLease(lease))
      })
    } catch (error) {
      throw toUnmoorError(error, this.#file.path)
    }
  }

  async depth(): Promise<{ ready: number; delayed: number; leased: number }> {
    try {
      const [ready = 0, delayed = 0, leased = 0] =
        this.#depth.get(this.#settings.now(), this.#settings.name) ?? []
      return { ready, delayed, leased }
    } catch (error) {
      throw toUnmoorError(error, this.#file.path)
    }
  }

  close(): void {
    // Done when this returns: nothing in it waits.
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
