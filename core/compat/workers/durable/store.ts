import type { ObjectCell, ObjectResult, ObjectsDriver } from '../../../bindings/drivers.ts'
import { currentSpec, portable } from '../state.ts'

/**
 * Database of one Durable Object. Every statement runs synchronously: within the process or, from an isolate,
 * by a synchronous call of the host.
 */
export class ObjectStore {
  readonly name: string
  /** Number of open savepoints of the Durable Object's database. */
  #depth = 0
  #implicit = false
  #commits: (() => void)[] = []
  #ready = false
  #abandoned: { reason: unknown } | undefined
  /** Called if a Durable Object's writes cannot be committed; the object must then be reset. */
  onBroken: (reason: Error) => void = () => {}
  /**
   * Called after a Durable Object's writes were rolled back, so that data kept elsewhere (the alarm index)
   * can follow.
   */
  onUndone: () => void = () => {}

  constructor(name: string) {
    this.name = name
  }

  /** Number of open savepoints of the Durable Object's database. */
  get depth(): number {
    return this.#depth
  }

  /** Reason for which the Durable Object was reset; undefined if it was not. */
  get ended(): unknown {
    return this.#abandoned?.reason
  }

  query(text: string, params: readonly ObjectCell[] = []): ObjectResult {
    if (this.#abandoned !== undefined) throw this.#abandoned.reason
    if (!this.#ready) {
      if (this.#run("SELECT 1 FROM sqlite_schema WHERE name = '_cf_METADATA'").rows.length === 0) {
        // Both tables of a new Durable Object are created in one transaction, since each transaction costs a
        // flush of the disk.
        this.#run('BEGIN IMMEDIATE')
        try {
          this.#run(
            'CREATE TABLE IF NOT EXISTS _cf_KV (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID',
          )
          this.#run('CREATE TABLE IF NOT EXISTS _cf_METADATA (key TEXT PRIMARY KEY, value) WITHOUT ROWID')
          this.#run('COMMIT')
        } catch (error) {
          this.#undo()
          throw error
        }
      }
      this.#ready = true
    }
    return this.#run(text, params)
  }

  #undo(): void {
    try {
      this.#run('ROLLBACK')
    } catch {
      // If the disk is full, SQLite has already rolled back the creation of the Durable Object's tables.
    }
  }

  /**
   * Runs a write to the Durable Object's database. Writes without an await in between share one transaction.
   */
  write(text: string, params: readonly ObjectCell[] = []): ObjectResult {
    this.begin()
    return this.query(text, params)
  }

  /**
   * Opens a transaction of the Durable Object's database that is committed in a microtask, if none is open.
   */
  begin(): void {
    if (this.#implicit || this.#depth > 0) return
    this.query('BEGIN IMMEDIATE')
    this.#implicit = true
    queueMicrotask(() => this.commit())
  }

  /** Resolves when all writes of the Durable Object are on disk. */
  written(): Promise<void> {
    // A Durable Object's savepoint waits for nothing: its writes are only committed after its end.
    return this.#implicit && this.#depth === 0
      ? new Promise((resolve) => void this.#commits.push(resolve))
      : Promise.resolve()
  }

  commit(): void {
    if (!this.#implicit || this.#depth > 0) return
    try {
      this.query('COMMIT')
      this.#implicit = false
    } catch (error) {
      if (this.#abandoned === undefined) this.onBroken(unkept(error))
    }
    for (const resolve of this.#commits.splice(0)) resolve()
  }

  /** Runs `work` in a savepoint of the Durable Object's database; an error rolls back its writes. */
  savepoint<T>(work: () => T): T {
    const end = this.open()
    let result: T
    try {
      result = work()
    } catch (error) {
      end(false)
      throw error
    }
    end(true)
    return result
  }

  /**
   * Opens a savepoint of the Durable Object's database; the returned function commits or rolls back its
   * writes.
   */
  open(): (keep: boolean) => void {
    this.begin()
    const name = `unmoor_${++this.#depth}`
    this.query(`SAVEPOINT ${name}`)
    let ended = false
    return (keep) => {
      if (ended) return
      ended = true
      // The reset of the Durable Object has already rolled back all writes.
      if (this.#abandoned !== undefined) {
        if (keep) throw new Error('Cannot commit transaction due to an earlier SQL critical error')
        return
      }
      if (!keep) this.query(`ROLLBACK TO ${name}`)
      this.query(`RELEASE ${name}`)
      this.#depth--
      if (!keep) this.onUndone()
      if (this.#depth === 0) queueMicrotask(() => this.commit())
    }
  }

  /** Rolls back uncommitted writes when the Durable Object is reset; every later query throws `reason`. */
  abandon(reason: unknown): void {
    if (this.#abandoned !== undefined) return
    if (this.#implicit) {
      try {
        this.query('ROLLBACK')
      } catch {
        // SQLite has already rolled back the Durable Object's transaction, for example on a full disk.
      }
      this.onUndone()
    }
    this.#implicit = false
    this.#depth = 0
    this.#abandoned = { reason }
    for (const resolve of this.#commits.splice(0)) resolve()
  }

  #run(text: string, params: readonly ObjectCell[] = []): ObjectResult {
    try {
      return objects().query(this.name, text, params)
    } catch (error) {
      if (!(error instanceof Error)) throw error
      const reason = criticalReason(error)
      if (reason === undefined) throw error
      this.onBroken(reason)
      throw reason
    }
  }
}

/**
 * Messages of errors after which SQLite has rolled back the transaction, including writes already reported as
 * done.
 */
const CRITICAL = /^(?:database or disk is full|disk I\/O error|out of memory)$/
const CRITICAL_CODES: Readonly<Record<string, string>> = {
  'database or disk is full': 'SQLITE_FULL',
  'out of memory': 'SQLITE_NOMEM',
}

/** Returns the reason for which a Durable Object must be reset after an error; undefined if it goes on. */
function criticalReason(error: Error): Error | undefined {
  // The host's own error for a Durable Object's full database, of which an isolate receives only name and
  // message.
  if (error.message.includes(' limit of diskMb, ')) return error
  if (!CRITICAL.test(error.message)) return undefined
  const code = CRITICAL_CODES[error.message] ?? 'SQLITE_IOERR'
  return new Error(`${error.message}: ${code}`, { cause: error })
}

/** Returns the error for a failed commit of a Durable Object, with Cloudflare's message. */
function unkept(error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error)
  if (!/constraint failed/.test(message)) return error instanceof Error ? error : new Error(message)
  return new Error(
    'Durable Object was reset and rolled back to its last known good state because the application left ' +
      `the database in a state where constraints were violated: ${message}: SQLITE_CONSTRAINT`,
    { cause: error },
  )
}

/** Returns the driver that stores Durable Objects, in this process or behind an isolate's bridge. */
export function objects(): Pick<ObjectsDriver, 'query'> {
  return portable<Pick<ObjectsDriver, 'query'>>((currentSpec().objects as { binding: string }).binding)
}
