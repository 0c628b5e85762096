import type { SqlDialect } from '../../bindings/drivers.ts'
import type { Sql, SqlStatement, SqlValue } from '../../bindings/sql.ts'
import { UnmoorError } from '../../errors.ts'
import { LIMITS } from '../../limits.ts'
import type { Column, Placed, Position, Row, Schema, SqlReader, SqlWriter, Table } from './records.ts'
import { quoteName, readCell, SCALE, selectCell, writeCell } from './sql-cells.ts'
import { readSchema } from './sql-schema.ts'

const PAGE = 500
/** Maximum number of statements that a data transfer runs in one SQL transaction. */
const STATEMENTS = 20

/** Returns a reader of a database's tables for a data transfer, in the order of their primary keys. */
export function sqlReader(db: Sql, binding: string, exclude: readonly string[]): SqlReader {
  return {
    schema: () => readSchema(db, binding, exclude),
    read: (table, from) => readRows(db, table, from),
    count: async (table) =>
      Number(await db.value(`SELECT CAST(COUNT(*) AS TEXT) AS n FROM ${quoteName(table.name)}`)),
  }
}

/**
 * Returns the ORDER BY term of a key column, which compares by bytes on both SQLite and Postgres. The column
 * is qualified by its table, since ORDER BY of Postgres would otherwise use the selected column of that name,
 * which is text.
 */
function orderBy(column: Column, dialect: SqlDialect): string {
  const name = `t.${quoteName(column.name)}`
  return dialect === 'postgres' && column.type === 'text' ? `${name} COLLATE "C"` : name
}

async function* readRows(db: Sql, table: Table, from: Position): AsyncGenerator<Placed<Row>> {
  const { dialect } = db
  const selected = table.columns.map((column) => selectCell(column, dialect))
  const keys = table.key.map((name) => table.columns.findIndex((column) => column.name === name))
  const keyColumns = keys.map((index) => table.columns[index] as Column)
  const order = keyColumns.map((column) => orderBy(column, dialect))
  let after = from as Row | undefined
  for (;;) {
    const params: SqlValue[] = dialect === 'sqlite' ? [SCALE] : []
    const last = after
    const bounds =
      last === undefined
        ? []
        : keyColumns.map((column, index) =>
            writeCell(last[keys[index] as number] ?? null, column, dialect, params),
          )
    // SQLite and Postgres both compare row values, `(a, b) > (c, d)`, column by column.
    const where = last === undefined ? '' : `WHERE (${order.join(', ')}) > (${bounds.join(', ')})`
    const { rows } = await db.raw(
      `SELECT ${selected.flat().join(', ')} FROM ${quoteName(table.name)} AS t ${where} ` +
        `ORDER BY ${order.join(', ')} LIMIT ${PAGE}`,
      params,
    )
    for (const values of rows) {
      let at = 0
      const row = table.columns.map((column, index) => {
        const width = (selected[index] as string[]).length
        at += width
        return readCell(column, dialect, values.slice(at - width, at))
      })
      after = row
      yield { record: row, position: row }
    }
    if (rows.length < PAGE) return
  }
}

/**
 * Returns a writer for a data transfer that upserts rows by primary key into tables that the app's migrations
 * have created.
 */
export function sqlWriter(db: Sql, binding: string, exclude: readonly string[]): SqlWriter {
  return {
    async prepare(schema) {
      const own = await readSchema(db, binding, exclude)
      const tables = schema.tables.map((table) => matching(table, own, binding))
      return { dialect: own.dialect, tables }
    },
    isEmpty: async (table) =>
      (await db.raw(`SELECT 1 AS one FROM ${quoteName(table.name)} LIMIT 1`)).rows.length === 0,
    write: async (table, rows) => {
      for (const statements of inserts(table, rows, db.dialect)) await db.batch(statements)
    },
    async flush() {},
  }
}

function matching(table: Table, own: Schema, binding: string): Table {
  const found = own.tables.find(({ name }) => name === table.name)
  if (found === undefined)
    throw new UnmoorError(
      'NotFound',
      `${binding}: the target has no table "${table.name}". Apply the app's migrations there first: ` +
        'unmoor migrate.',
      {
        binding,
      },
    )
  const columns = table.columns.map(({ name }) => {
    const column = found.columns.find((other) => other.name === name)
    if (column === undefined)
      throw new UnmoorError(
        'NotFound',
        `${binding}: the target's table "${table.name}" has no column "${name}". Apply the app's ` +
          'migrations there first: unmoor migrate.',
        { binding },
      )
    return column
  })
  if (found.key.join() !== table.key.join())
    throw new UnmoorError(
      'Conflict',
      `${binding}: the primary key of "${table.name}" is (${table.key.join(', ')}) in the source and ` +
        `(${found.key.join(', ')}) in the target. Make them the same.`,
      {
        binding,
        retryable: false,
      },
    )
  return { ...found, columns }
}

/** Yields batches of INSERT statements, each of which inserts several rows; a batch is one transaction. */
function* inserts(table: Table, rows: readonly Row[], dialect: SqlDialect): Generator<SqlStatement[]> {
  const names = table.columns.map(({ name }) => quoteName(name))
  const rest = table.columns
    .filter(({ name }) => !table.key.includes(name))
    .map(({ name }) => quoteName(name))
  const change =
    rest.length === 0
      ? 'DO NOTHING'
      : `DO UPDATE SET ${rest.map((name) => `${name} = excluded.${name}`).join(', ')}`
  const end = `ON CONFLICT (${table.key.map(quoteName).join(', ')}) ${change}`
  let batch: SqlStatement[] = []
  let tuples: string[] = []
  let params: SqlValue[] = []
  const close = (): void => {
    if (tuples.length > 0)
      batch.push({
        text: `INSERT INTO ${quoteName(table.name)} (${names.join(', ')}) VALUES ${tuples.join(', ')} ${end}`,
        params,
      })
    tuples = []
    params = []
  }
  for (const row of rows) {
    // A cell of a row that a data transfer writes binds at most two SQL parameters.
    if (params.length + 2 * row.length > LIMITS['sql.params']) close()
    const cells = table.columns.map((column, index) => writeCell(row[index] ?? null, column, dialect, params))
    tuples.push(`(${cells.join(', ')})`)
    if (batch.length >= STATEMENTS) {
      yield batch
      batch = []
    }
  }
  close()
  if (batch.length > 0) yield batch
}

/**
 * Advances Postgres's sequences past the keys that a data transfer wrote, so that the next insert does not
 * reuse one.
 */
export async function mendCounters(db: Sql, tables: readonly Table[]): Promise<void> {
  if (db.dialect !== 'postgres') return
  for (const table of tables) {
    for (const column of table.columns.filter(({ type }) => type === 'integer')) {
      const sequence = await db.value<string>(`SELECT pg_get_serial_sequence(?, ?) AS name`, [
        quoteName(table.name),
        column.name,
      ])
      if (sequence !== null)
        await db.value(
          `SELECT CAST(setval(CAST(? AS regclass), GREATEST(COALESCE(MAX(${quoteName(column.name)}), ` +
            `0), 1), MAX(${quoteName(column.name)}) IS NOT NULL) AS TEXT) AS next ` +
            `FROM ${quoteName(table.name)}`,
          [sequence],
        )
    }
  }
}
