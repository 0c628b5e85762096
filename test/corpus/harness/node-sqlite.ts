import { DatabaseSync, type SQLInputValue } from 'node:sqlite'

/** A database in memory in the form of better-sqlite3, which libraries take and Node's own does not have. */
export interface BetterSqlite {
  prepare(text: string): {
    /** True if the statement returns rows. */
    reader: boolean
    all(parameters: readonly unknown[]): unknown[]
    run(parameters: readonly unknown[]): { changes: number | bigint; lastInsertRowid: number | bigint }
    iterate(parameters: readonly unknown[]): IterableIterator<unknown>
  }
  close(): void
}

/** Opens a database of Node's own SQLite in memory, after `schema`. */
export function openSqlite(schema: string): BetterSqlite {
  const database = new DatabaseSync(':memory:')
  database.exec(schema)
  return {
    prepare(text) {
      const statement = database.prepare(text)
      const values = (parameters: readonly unknown[]): SQLInputValue[] => parameters as SQLInputValue[]
      return {
        reader: statement.columns().length > 0,
        all: (parameters) => statement.all(...values(parameters)),
        run: (parameters) => statement.run(...values(parameters)),
        iterate: (parameters) => statement.iterate(...values(parameters)),
      }
    },
    close: () => database.close(),
  }
}
