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
import { type Database, openDatabase } from './database.ts'
import type { PostgresStoreOptions } from './options.ts'
import { type QueueStatements, queueStatements } from './queue-statements.ts'
import { type Signals, signalsOf } from './signals.ts'

/**
 * Maximum milliseconds between two polls of a waiting queue consumer, which bounds the delay if a NOTIFY is
 * lost.
 */
const LOOK_EVERY = 1000

/** Maximum Postgres queue messages that one statement of a purge removes, so that none takes too long. */
const PURGED_AT_ONCE = 10_000

/**
 * Queue driver on a Postgres table that all queues of the database share, so that one statement moves a
 * message to its dead-letter queue. Times are the server's.
 */
export const queue: DriverFactory<'queue', PostgresStoreOptions> = async (options, context) => {
  const { maxRetries, deadLetterQueue } = context.declaration as QueueDeclaration
  const deadLetter = deadLetterQueue === undefined ? null : `${context.app}/${deadLetterQueue}`
  return new PostgresQueue(await openDatabase('queue', options, context), {
    name: `${context.app}/${context.binding}`,
    maxRetries,
    deadLetter,
  })
}

interface Settings {
  name: string
  maxRetries: number
  deadLetter: string | null
}

type PeekedRow = [
  id: string,
  json: string | null,
  bytes: Uint8Array<ArrayBuffer> | null,
  attempts: number,
  sentAt: number,
  state: QueuePeeked['state'],
]

type MessageRow = [
  queue: string,
  seq: number,
  id: string,
  json: string | null,
  bytes: Uint8Array<ArrayBuffer> | null,
  attempts: number,
  sentAt: number,
]

/**
 * A queue in Postgres. A lease consists of the row's number and a token that is new for each delivery, so
 * that a stale lease matches no row.
 */
class PostgresQueue implements QueueDriver {
  #database: Database
  #signals: Signals
  #settings: Settings
  #statements: QueueStatements
  // Concurrent sends to a queue share one statement. No message can make it fail for the others: a body is
  // JSON text or base64.
  #sends = new Gather<QueueOutgoing>(
    (messages) => this.#insert(messages),
    ({ body }) => body.length,
  )

  constructor(database: Database, settings: Settings) {
    this.#database = database
    this.#signals = signalsOf(database)
    this.#settings = settings
    this.#statements = queueStatements(database.table)
  }

  send(messages: readonly QueueOutgoing[]): Promise<void> {
    return this.#sends.add(messages)
  }

  async #insert(messages: readonly QueueOutgoing[]): Promise<void> {
    const { name } = this.#settings
    const rows = messages.map(({ id, body, delaySeconds }) =>
      typeof body === 'string'
        ? { id, json: body, delay: delaySeconds }
        : { id, bytes: Buffer.from(body).toString('base64'), delay: delaySeconds },
    )
    await this.#database.write(this.#statements.send, [name, JSON.stringify(rows)])
    if (messages.some(({ delaySeconds }) => delaySeconds === 0)) this.#signals.notify(name)
  }

  async receive(options: {
    max: number
    leaseSeconds: number
    waitSeconds: number
    signal: AbortSignal
  }): Promise<QueueIncoming[]> {
    const { name } = this.#settings
    const deadline = performance.now() + options.waitSeconds * 1000
    for (;;) {
      // A consumer that is shutting down is leased no messages.
      if (options.signal.aborted) return []
      const seen = this.#signals.count(name)
      const { received, moved } = await this.#take(options.max, options.leaseSeconds)
      const left = deadline - performance.now()
      if (received.length > 0) return received
      if (moved) continue
      if (left <= 0) return []
      await this.#signals.wait(name, seen, Math.min(left, await this.#untilNext()), options.signal)
    }
  }

  async #take(max: number, leaseSeconds: number): Promise<{ received: QueueIncoming[]; moved: boolean }> {
    const { name, maxRetries, deadLetter } = this.#settings
    const token = randomUUID()
    const rows = await this.#database.write<MessageRow>(this.#statements.take, [
      name,
      max,
      token,
      leaseSeconds,
      maxRetries,
      deadLetter,
    ])
    const received: QueueIncoming[] = []
    for (const [where, seq, id, json, bytes, attempts, timestamp] of rows) {
      if (where !== name) continue
      const body = json ?? (bytes as Uint8Array<ArrayBuffer>)
      received.push({
        id,
        contentType: json === null ? 'bytes' : 'json',
        body,
        attempts,
        timestamp,
        lease: `${seq}.${token}`,
      })
    }
    const moved = received.length < rows.length
    if (moved && deadLetter !== null) this.#signals.notify(deadLetter)
    return { received, moved }
  }

  /** Milliseconds until a queue message's delay or lease runs out, at most {@link LOOK_EVERY}. */
  async #untilNext(): Promise<number> {
    const [row] = await this.#database.read<[milliseconds: number | null]>(this.#statements.next, [
      this.#settings.name,
    ])
    return Math.min(LOOK_EVERY, Math.max(1, row?.[0] ?? LOOK_EVERY))
  }

  async settle(settlements: readonly QueueSettlement[]): Promise<{ dropped: string[] }> {
    if (settlements.length === 0) return { dropped: [] }
    const { name, maxRetries, deadLetter } = this.#settings
    // If one call settles a lease of a queue message more than once, the first settlement counts.
    const byLease = new Map<string, { seq: number; lease: string; delay?: number }>()
    for (const settlement of settlements) {
      if (byLease.has(settlement.lease)) continue
      const row = parseLease(settlement.lease)
      byLease.set(
        settlement.lease,
        settlement.outcome === 'ack' ? row : { ...row, delay: settlement.delaySeconds },
      )
    }
    const rows = await this.#database.write<[id: string]>(this.#statements.settle, [
      JSON.stringify([...byLease.values()]),
      maxRetries,
      deadLetter,
    ])
    if (settlements.some((settlement) => settlement.outcome === 'retry')) {
      this.#signals.notify(name)
      if (deadLetter !== null) this.#signals.notify(deadLetter)
    }
    return { dropped: rows.map(([id]) => id) }
  }

  async extend(leases: readonly string[], leaseSeconds: number): Promise<void> {
    if (leases.length === 0) return
    await this.#database.write(this.#statements.extend, [
      JSON.stringify(leases.map(parseLease)),
      leaseSeconds,
    ])
  }

  async depth(): Promise<{ ready: number; delayed: number; leased: number }> {
    const [row] = await this.#database.read<[ready: number, delayed: number, leased: number]>(
      this.#statements.depth,
      [this.#settings.name],
    )
    const [ready = 0, delayed = 0, leased = 0] = row ?? []
    return { ready, delayed, leased }
  }

  async age(): Promise<number | undefined> {
    const [row] = await this.#database.read<[milliseconds: number | null]>(this.#statements.next, [
      this.#settings.name,
    ])
    const left = row?.[0] ?? Infinity
    return left > 0 ? undefined : -left / 1000
  }

  async peek({ limit }: { limit: number }): Promise<QueuePeeked[]> {
    const rows = await this.#database.read<PeekedRow>(this.#statements.peek, [this.#settings.name, limit])
    return rows.map(([id, json, bytes, attempts, timestamp, state]) => ({
      id,
      contentType: json === null ? 'bytes' : 'json',
      body: json ?? (bytes as Uint8Array<ArrayBuffer>),
      attempts,
      timestamp,
      state,
    }))
  }

  async replay({ limit, ids }: { limit: number; ids?: readonly string[] | undefined }): Promise<string[]> {
    const { name, deadLetter } = this.#settings
    const rows = await this.#database.write<[id: string]>(this.#statements.replay, [
      name,
      deadLetter,
      ids === undefined ? null : JSON.stringify(ids),
      limit,
    ])
    if (rows.length > 0) this.#signals.notify(name)
    return rows.map(([id]) => id)
  }

  async purge(): Promise<number> {
    const { name } = this.#settings
    const [row] = await this.#database.read<[seq: number | null]>(this.#statements.newest, [name])
    const newest = row?.[0] ?? null
    if (newest === null) return 0
    let purged = 0
    for (;;) {
      const rows = await this.#database.write(this.#statements.purge, [name, newest, PURGED_AT_ONCE])
      purged += rows.length
      if (rows.length < PURGED_AT_ONCE) return purged
    }
  }

  async close(): Promise<void> {
    await this.#sends.flush()
    return this.#database.close()
  }
}

const LEASE = /^(\d{1,15})\.([0-9a-f-]{36})$/

function parseLease(text: string): { seq: number; lease: string } {
  const [, seq, lease] = LEASE.exec(text) ?? []
  if (seq === undefined || lease === undefined)
    throw new UnmoorError('InvalidArgument', `"${text}" is not a lease of this driver.`)
  return { seq: Number(seq), lease }
}
