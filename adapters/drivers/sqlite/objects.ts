import { createHash } from 'node:crypto'
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
import { openDatabase } from './open.ts'
import type { SqliteOptions } from './options.ts'
import { setPortableLimits } from './sql.ts'
import { type Prepared, StatementCache } from './statements.ts'

/** Databases open at once; of more, the least recently used one is closed. */
const MAX_OPEN = 100

interface Open {
  database: DatabaseSync
  statements: StatementCache
}

/**
 * Storage of Durable Objects: a database in a file of its own for each. One process at a time may use the
 * folder.
 */
export const objects: DriverFactory<'objects', Omit<SqliteOptions, 'path'> & { path?: string }> = (
  { path, ...options },
  context,
) => new SqliteObjects(dataPath(path, context, `objects-${fileName(context.binding)}`), options)

class SqliteObjects implements ObjectsDriver {
  #folder: string
  #options: SqliteOptions
  #open = new Map<string, Open>()
  #growth: number | undefined

  constructor(folder: string, options: SqliteOptions) {
    this.#folder = folder
    this.#options = options
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

  /** Whole numbers beyond 2^53 are rounded, as on Cloudflare. */
  #rows({ statement }: Prepared, values: SQLInputValue[]): ObjectCell[][] {
    statement.setReadBigInts(true)
    const rows = statement.all(...values) as (ObjectCell | bigint)[][]
    return rows.map((row) => row.map((cell) => (typeof cell === 'bigint' ? Number(cell) : cell)))
  }

  #get(object: string): Open {
    const known = this.#open.get(object)
    if (known !== undefined) {
      this.#open.delete(object)
      this.#open.set(object, known)
      return known
    }
    this.#closeOld()
    // A name may hold anything; a file's name tells nothing but which it is.
    const file = createHash('sha256').update(object).digest('hex').slice(0, 40)
    const database = openDatabase(join(this.#folder, `${file}.sqlite`), {
      synchronous: 'full',
      ...this.#options,
    })
    setPortableLimits(database)
    authorize(database)
    if (this.#growth !== undefined) limitGrowth(database, this.#growth)
    const open = { database, statements: new StatementCache(database) }
    this.#open.set(object, open)
    return open
  }

  limitGrowth(bytes: number): void {
    this.#growth = bytes
    for (const { database } of this.#open.values()) limitGrowth(database, bytes)
  }

  #closeOld(): void {
    for (const [object, { database }] of this.#open) {
      if (this.#open.size < MAX_OPEN) return
      // One in the middle of a transaction stays.
      if (database.isTransaction) continue
      database.close()
      this.#open.delete(object)
    }
  }

  close(): void {
    for (const { database } of this.#open.values()) database.close()
    this.#open.clear()
  }
}
