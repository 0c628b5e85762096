import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import type {
  DriverFactory,
  ObjectCell,
  ObjectResult,
  ObjectsDriver,
} from '../../../core/bindings/drivers.ts'
import { dataPath, fileName } from '../shared/location.ts'
import { authorize, limitGrowth } from './authorizer.ts'
import { limitedRows } from './result-limit.ts'
import { openDatabase } from './open.ts'
import type { SqliteOptions } from './options.ts'
import { setPortableLimits } from './sql.ts'
import { type Prepared, StatementCache } from './statements.ts'

/**
 * Maximum number of Durable Objects' databases that this process has open at once; beyond it, the least
 * recently used one is closed. Each takes up to three files and, with SQLite's caches, some 100 KB.
 */
const MAX_OPEN = Math.min(Math.max(Math.floor(fileLimit() / 12), 100), 1000)
/**
 * Milliseconds without use after which a Durable Object's database is closed, and between two checks for idle
 * databases.
 */
const IDLE = 60_000
const LOOK_EVERY = 20_000

interface Open {
  database: DatabaseSync
  statements: StatementCache
  /** Time of the last use of a Durable Object's database, in milliseconds of the process's clock. */
  used: number
  /** Keys of all databases that are open in the Durable Objects driver which opened this one. */
  keys: Set<string>
}

/**
 * All open databases of Durable Objects in this process, by folder and object, the least recently used first.
 */
const opened = new Map<string, Open>()
let looking: NodeJS.Timeout | undefined

/** Maximum number of files that this process may have open. */
function fileLimit(): number {
  try {
    return Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

function closeOne(key: string): void {
  const open = opened.get(key)
  open?.database.close()
  open?.keys.delete(key)
  opened.delete(key)
  if (opened.size > 0) return
  clearInterval(looking)
  looking = undefined
}

function closeOld(): void {
  for (const [key, { database }] of opened) {
    if (opened.size < MAX_OPEN) return
    // A Durable Object's database in the middle of a transaction stays open.
    if (!database.isTransaction) closeOne(key)
  }
}

function closeIdle(): void {
  const before = performance.now() - IDLE
  for (const [key, { database, used }] of opened) {
    if (used >= before) return
    if (!database.isTransaction) closeOne(key)
  }
}

/**
 * Objects driver that stores Durable Objects: each object has a database file of its own. One process at a
 * time may use the folder.
 */
export const objects: DriverFactory<'objects', Omit<SqliteOptions, 'path'> & { path?: string }> = (
  { path, ...options },
  context,
) => new SqliteObjects(dataPath(path, context, `objects-${fileName(context.binding)}`), options)

class SqliteObjects implements ObjectsDriver {
  #folder: string
  #options: SqliteOptions
  /** Keys of the Durable Objects' databases that this driver has open. */
  #keys = new Set<string>()
  #growth: number | undefined
  #maxResult: number | undefined

  constructor(folder: string, options: SqliteOptions) {
    this.#folder = folder
    this.#options = { allows: 'd1', ...options }
  }

  query(object: string, text: string, params: readonly ObjectCell[]): ObjectResult {
    const prepared = this.#get(object).statements.get(text)
    const values = params as SQLInputValue[]
    const { statement } = prepared
    if (!prepared.returns) {
      const { changes } = statement.run(...values)
      return { columns: [], rows: [], changes: prepared.writes ? Number(changes) : 0 }
    }
    const rows = this.#rows(prepared, values)
    return { columns: [...prepared.columns.get()], rows, changes: prepared.writes ? rows.length : 0 }
  }

  /**
   * Returns the rows of a Durable Object's statement. Whole numbers beyond 2^53 are rounded, as on
   * Cloudflare.
   */
  #rows({ statement, writes }: Prepared, values: SQLInputValue[]): ObjectCell[][] {
    statement.setReadBigInts(true)
    // A Durable Object's statement that writes has no result limit, because it has already written.
    const max = writes ? undefined : this.#maxResult
    const rows = limitedRows(statement, values, max) as (ObjectCell | bigint)[][]
    return rows.map((row) => row.map((cell) => (typeof cell === 'bigint' ? Number(cell) : cell)))
  }

  exists(object: string): boolean {
    return opened.has(`${this.#folder}/${object}`) || existsSync(this.#file(object))
  }

  #file(object: string): string {
    // A Durable Object's name may contain anything, so the file's name is a hash of it.
    const file = createHash('sha256').update(object).digest('hex').slice(0, 40)
    return join(this.#folder, `${file}.sqlite`)
  }

  #get(object: string): Open {
    const key = `${this.#folder}/${object}`
    const open = opened.get(key) ?? this.#openFile(object)
    open.used = performance.now()
    opened.delete(key)
    opened.set(key, open)
    this.#keys.add(key)
    return open
  }

  #openFile(object: string): Open {
    closeOld()
    const database = openDatabase(this.#file(object), {
      synchronous: 'full',
      doubleQuotedStrings: true,
      ...this.#options,
    })
    setPortableLimits(database)
    authorize(database, this.#options)
    if (this.#growth !== undefined) limitGrowth(database, this.#growth, this.#options)
    looking ??= setInterval(closeIdle, LOOK_EVERY).unref()
    return { database, statements: new StatementCache(database), used: 0, keys: this.#keys }
  }

  rollBack(): void {
    for (const key of this.#keys) {
      const database = opened.get(key)?.database
      if (database?.isTransaction === true) database.exec('ROLLBACK')
    }
  }

  limitGrowth(bytes: number): void {
    this.#growth = bytes
    for (const key of this.#keys) {
      const open = opened.get(key)
      if (open !== undefined) limitGrowth(open.database, bytes, this.#options)
    }
  }

  limitResult(bytes: number): void {
    this.#maxResult = bytes
  }

  close(): void {
    for (const key of this.#keys) closeOne(key)
  }
}
