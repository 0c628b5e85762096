import type { ObjectCell, ObjectResult, ObjectsDriver } from '../../../bindings/drivers.ts'
import { currentSpec, portable } from '../state.ts'

/**
 * The database of one object: every statement runs at once, within the process or, from an isolate, by a
 * synchronous call of the host.
 */
export class ObjectStore {
  readonly name: string
  /** Savepoints that are open, the commit of writes that were made without one included. */
  #depth = 0
  #implicit = false
  #commits: (() => void)[] = []
  #ready = false
  #abandoned: { reason: unknown } | undefined
  /** Called where what was written cannot be kept; the object is to be given up. */
  onBroken: (reason: Error) => void = () => {}
  /** Called where writes were undone, so that what is kept elsewhere can follow. */
  onUndone: () => void = () => {}

  constructor(name: string) {
    this.name = name
  }

  /** Savepoints that are open. */
  get depth(): number {
    return this.#depth
  }

  /** What the object was given up for; undefined as long as it was not. */
  get ended(): unknown {
    return this.#abandoned?.reason
  }

  query(text: string, params: readonly ObjectCell[] = []): ObjectResult {
    if (this.#abandoned !== undefined) throw this.#abandoned.reason
    if (!this.#ready) {
      if (this.#run("SELECT 1 FROM sqlite_schema WHERE name = '_cf_METADATA'").rows.length === 0) {
        // In one transaction: each costs a flush of the disk.
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
      // A full disk has undone it already.
    }
  }

  /** For a write: those of one go, without an await in between, are one transaction. */
  write(text: string, params: readonly ObjectCell[] = []): ObjectResult {
    this.begin()
    return this.query(text, params)
  }

  /** Opens the transaction of this go, if none is open. */
  begin(): void {
    if (this.#implicit || this.#depth > 0) return
    this.query('BEGIN IMMEDIATE')
    this.#implicit = true
    queueMicrotask(() => this.commit())
  }

  /** Resolves when what was written is on disk. */
  written(): Promise<void> {
    // Within a transaction it is that one's end that writes.
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

  /** Runs `work` in a savepoint; what it throws undoes what it wrote. */
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

  /** Opens a savepoint; the returned function keeps or undoes what was written since. */
  open(): (keep: boolean) => void {
    this.begin()
    const name = `unmoor_${++this.#depth}`
    this.query(`SAVEPOINT ${name}`)
    let ended = false
    return (keep) => {
      if (ended) return
      ended = true
      // Giving up the object has undone everything.
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

  /** Undoes what is not committed, where the object is given up; from now on every query throws `reason`. */
  abandon(reason: unknown): void {
    if (this.#abandoned !== undefined) return
    if (this.#implicit) {
      try {
        this.query('ROLLBACK')
      } catch {
        // SQLite itself has undone everything, as where the disk is full.
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

/** Errors after which SQLite has given up the transaction, and with it what was answered for as written. */
const CRITICAL = /^(?:database or disk is full|disk I\/O error|out of memory)$/
const CRITICAL_CODES: Readonly<Record<string, string>> = {
  'database or disk is full': 'SQLITE_FULL',
  'out of memory': 'SQLITE_NOMEM',
}

/** What the object is given up for; undefined where the transaction goes on. */
function criticalReason(error: Error): Error | undefined {
  // A full database in the host's words, of which an isolate gets no more than name and message.
  if (error.message.includes(' limit of diskMb, ')) return error
  if (!CRITICAL.test(error.message)) return undefined
  const code = CRITICAL_CODES[error.message] ?? 'SQLITE_IOERR'
  return new Error(`${error.message}: ${code}`, { cause: error })
}

/** Why a commit failed, in Cloudflare's words. */
function unkept(error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error)
  if (!/constraint failed/.test(message)) return error instanceof Error ? error : new Error(message)
  return new Error(
    'Durable Object was reset and rolled back to its last known good state because the application left ' +
      `the database in a state where constraints were violated: ${message}: SQLITE_CONSTRAINT`,
    { cause: error },
  )
}

/** The driver's methods, whether it is here or behind a bridge. */
export function objects(): Pick<ObjectsDriver, 'query'> {
  return portable<Pick<ObjectsDriver, 'query'>>((currentSpec().objects as { binding: string }).binding)
}
