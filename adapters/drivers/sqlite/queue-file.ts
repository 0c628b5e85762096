import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { makeFolder } from '../shared/location.ts'
import { toUnmoorError } from './errors.ts'
import { NO_FILE, NO_LOG, onceChanged, stateOf } from './file-changes.ts'
import { IdleDatabase } from './idle-database.ts'
import { busyTimeout, openDatabase } from './open.ts'
import type { SqliteOptions } from './options.ts'
import { createTable, prepareQueue, type QueueStatements } from './queue-statements.ts'

/**
 * Maximum milliseconds of a timer for a delayed queue message, because the clock may be set in the meantime.
 */
const LONGEST = 60_000

/** A receive on an SQLite queue that waits for a message. */
export interface Waiter {
  /** Wakes the waiting receive of a queue, because there may be a message. */
  wake(): void
  /**
   * Milliseconds until the queue's next message is due: 0 or less if it is due already; undefined if there is
   * none.
   */
  due(statements: QueueStatements): number | undefined
}

/** What a sleeping queue file (closed, with waiting receives) waits for. */
interface Sleep {
  /**
   * The queues that had nothing to deliver when the queue file fell asleep; undefined if there is no file.
   */
  queues: ReadonlySet<string> | undefined
  endWatch: () => void
  timer: NodeJS.Timeout | undefined
}

/**
 * One queue file in SQLite, shared by all queue bindings of this process that name it, so that a send wakes a
 * waiting receive at once. Sends and deliveries have a connection each: a send is flushed to the disk before
 * it is answered (`synchronous = full`), while a power cut that undoes a lease or an ack only means that the
 * message is delivered again.
 *
 * An idle file is closed. If a receive waits for a message then, the file is *asleep*: a change of the file
 * by another process, or the time of the next message, wakes the receive, and nobody polls before.
 */
export class QueueFile {
  readonly path: string
  #options: SqliteOptions
  #database: IdleDatabase<QueueStatements>
  #waiting = new Map<string, Set<Waiter>>()
  #sleep: Sleep | undefined
  /** State of the queue file when nothing was found in it, just before it was closed. */
  #found: { state: string; due: Map<string, number | undefined> } | undefined
  #users = 1

  constructor(path: string, options: SqliteOptions) {
    this.path = path
    this.#options = options
    this.#database = new IdleDatabase({
      open: () => this.#open(),
      close: closeBoth,
      mayClose: (opened) => this.#mayClose(opened),
      onClosed: () => this.#fallAsleep(),
    })
    // A missing queue file holds no messages, so it is not created before the first send.
    if (path !== ':memory:' && !existsSync(path) && this.#sleepWithout()) return
    try {
      this.#database.look()
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  #open(): QueueStatements {
    this.#endSleep()
    const { path } = this
    const sends = openDatabase(path, { synchronous: 'full', ...this.#options })
    let deliveries: DatabaseSync = sends
    try {
      createTable(sends)
      // An SQLite database in memory can have only one connection.
      if (path !== ':memory:') deliveries = openDatabase(path, { ...this.#options, synchronous: 'normal' })
      return prepareQueue(sends, deliveries)
    } catch (error) {
      if (deliveries !== sends) deliveries.close()
      sends.close()
      throw toUnmoorError(error, path)
    }
  }

  /**
   * Returns the queue file's connections and their statements for work on messages. Do not keep them over an
   * await.
   */
  use(): QueueStatements {
    return this.#database.use()
  }

  /** Returns the queue file's connections for a poll for messages, which does not keep the file open. */
  look(): QueueStatements {
    return this.#database.look()
  }

  /** True if a poll of this queue would find nothing. Waiting receives are woken when that changes. */
  isAsleep(queue: string): boolean {
    return this.#sleep !== undefined && this.#sleep.queues?.has(queue) !== false
  }

  /** Registers a waiting receive for `queue`; returns a function that removes it. */
  wait(queue: string, waiter: Waiter): () => void {
    const set = this.#waiting.get(queue) ?? new Set()
    this.#waiting.set(queue, set.add(waiter))
    return () => void set.delete(waiter)
  }

  /** Wakes the receives that wait for a message of `queue`. */
  sent(queue: string): void {
    for (const waiter of this.#waiting.get(queue) ?? []) waiter.wake()
  }

  /**
   * True if the queue file may be closed. It stays open while messages wait in it, and if writes of other
   * processes could not be noticed.
   */
  #mayClose(opened: QueueStatements): boolean {
    if (this.path === ':memory:' || this.#options.journal === 'delete') return false
    try {
      emptyLog(opened.deliveries, busyTimeout(this.#options, this.path))
      // The queue file's SQLite log is empty now, so every later write changes the file's state.
      const state = stateOf(this.path)
      const due = new Map<string, number | undefined>()
      for (const [queue, waiters] of this.#waiting) {
        const [waiter] = waiters
        if (waiter === undefined) continue
        const milliseconds = waiter.due(opened)
        if (milliseconds !== undefined && milliseconds <= 0) return false
        due.set(queue, milliseconds)
      }
      this.#found = { state, due }
      return state.endsWith(NO_LOG) || due.size === 0
    } catch {
      // Another process is using the queue file, so the file stays open here, which loses no messages.
      return false
    }
  }

  #fallAsleep(): void {
    const { state = '', due = new Map<string, number | undefined>() } = this.#found ?? {}
    if (due.size === 0) return
    const endWatch = onceChanged(this.path, state, () => this.#wakeAll())
    // If the system cannot report changes to the queue file, it does not go to sleep, and receives keep
    // polling it.
    if (endWatch === undefined) return
    const next = Math.min(...[...due.values()].map((milliseconds = Infinity) => milliseconds))
    const timer =
      next === Infinity ? undefined : setTimeout(() => this.#wakeAll(), Math.min(next, LONGEST)).unref()
    this.#sleep = { queues: new Set(due.keys()), endWatch, timer }
    // The state is compared again: another process may have sent to the queue before the file's watch began.
    if (stateOf(this.path) !== state) this.#wakeAll()
  }

  /** Lets receives sleep until the missing queue file is created. Returns false if that cannot be noticed. */
  #sleepWithout(): boolean {
    if (this.#options.journal === 'delete') return false
    makeFolder(dirname(this.path))
    const endWatch = onceChanged(this.path, NO_FILE, () => this.#wakeAll())
    if (endWatch === undefined) return false
    this.#sleep = { queues: undefined, endWatch, timer: undefined }
    if (stateOf(this.path) !== NO_FILE) this.#wakeAll()
    return true
  }

  #endSleep(): void {
    clearTimeout(this.#sleep?.timer)
    this.#sleep?.endWatch()
    this.#sleep = undefined
  }

  #wakeAll(): void {
    this.#endSleep()
    for (const queue of this.#waiting.keys()) this.sent(queue)
  }

  addUser(): void {
    this.#users++
  }

  /** Ends one use of the queue file; the last user closes it. */
  close(): void {
    if (--this.#users > 0) return
    open.delete(this.path)
    this.#endSleep()
    this.#database.close()
  }
}

/**
 * Moves the whole SQLite log into the database file, if no other process is using it; it waits for nobody.
 */
function emptyLog(database: DatabaseSync, timeout: number): void {
  database.exec('PRAGMA busy_timeout = 0')
  try {
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  } finally {
    database.exec(`PRAGMA busy_timeout = ${timeout}`)
  }
}

function closeBoth({ sends, deliveries }: QueueStatements): void {
  if (deliveries !== sends) deliveries.close()
  sends.close()
}

const open = new Map<string, QueueFile>()

/** Returns the process's handle of a queue file; the last `close` closes it. */
export function openQueueFile(path: string, options: SqliteOptions): QueueFile {
  const known = path === ':memory:' ? undefined : open.get(path)
  if (known !== undefined) {
    known.addUser()
    return known
  }
  const file = new QueueFile(path, options)
  if (path !== ':memory:') open.set(path, file)
  return file
}
