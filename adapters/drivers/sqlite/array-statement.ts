import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite'

/** An SQLite statement whose rows are arrays, with a cell for each column. */
export interface ArrayStatement<Row extends readonly unknown[] = SQLOutputValue[]> extends Omit<
  StatementSync,
  'all' | 'get' | 'iterate'
> {
  all(...params: SQLInputValue[]): Row[]
  get(...params: SQLInputValue[]): Row | undefined
  iterate(...params: SQLInputValue[]): IterableIterator<Row>
}

/**
 * Prepares an SQLite statement whose rows are arrays. `Row` states the types of its columns without a check.
 */
export function prepareArrays<Row extends readonly unknown[] = SQLOutputValue[]>(
  database: DatabaseSync,
  text: string,
): ArrayStatement<Row> {
  const statement = database.prepare(text)
  statement.setReturnArrays(true)
  // The cast is needed because Node's types of SQLite only know rows that are objects.
  return statement as unknown as ArrayStatement<Row>
}
