/** Reads tables, columns and keys of a database from its own catalogue. */
import type { Sql } from '../../bindings/sql.ts'
import { UnmoorError } from '../../errors.ts'
import type { Column, ColumnType, Schema, Table } from './records.ts'

/** Matches the names of tables that belong to unmoor, wrangler or the database engine, not to the app. */
const OWN = /^(unmoor_|_unmoor|sqlite_|d1_migrations$|_cf_|pg_)/

/**
 * Reads a database's schema, with each table after the tables that it references.
 *
 * @throws `InvalidArgument` naming a table without a primary key, or tables whose references form a cycle.
 */
export async function readSchema(db: Sql, binding: string, exclude: readonly string[] = []): Promise<Schema> {
  const all = db.dialect === 'postgres' ? await postgresTables(db) : await sqliteTables(db)
  const tables = all.filter(({ name }) => !OWN.test(name) && !exclude.includes(name))
  for (const { name, key } of tables) {
    if (key.length === 0)
      throw new UnmoorError(
        'InvalidArgument',
        `${binding}: the table "${name}" has no primary key, so its rows have no order to go on from. ` +
          `Give it one, or leave it out with --exclude-table ${name}.`,
        {
          binding,
        },
      )
  }
  return { dialect: db.dialect, tables: inOrder(tables, binding) }
}

function inOrder(tables: readonly Table[], binding: string): Table[] {
  const left = new Map(tables.map((table) => [table.name, table]))
  const sorted: Table[] = []
  while (left.size > 0) {
    const ready = [...left.values()].filter(({ name, references }) =>
      references.every((other) => other === name || !left.has(other)),
    )
    if (ready.length === 0)
      throw new UnmoorError(
        'Unsupported',
        `${binding}: the foreign keys of ${[...left.keys()].join(', ')} run in a circle, so no order of ` +
          'them holds. Drop one of them for the move.',
        { binding },
      )
    for (const table of ready) {
      sorted.push(table)
      left.delete(table.name)
    }
  }
  return sorted
}

async function sqliteTables(db: Sql): Promise<Table[]> {
  const names = (await db.raw(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`)).rows.map(
    ([name]) => String(name),
  )
  const tables: Table[] = []
  for (const name of names.filter((table) => !OWN.test(table))) {
    const info = await db.all<{ name: string; type: string; pk: number }>(
      `SELECT name, type, pk FROM pragma_table_info(?) ORDER BY cid`,
      [name],
    )
    const foreign = await db.raw(`SELECT DISTINCT "table" FROM pragma_foreign_key_list(?)`, [name])
    tables.push({
      name,
      columns: info.map((column) => ({
        name: column.name,
        declared: column.type,
        type: sqliteType(column.type),
      })),
      key: info
        .filter(({ pk }) => pk > 0)
        .sort((a, b) => a.pk - b.pk)
        .map((column) => column.name),
      references: foreign.rows.map(([table]) => String(table)),
    })
  }
  return tables
}

/**
 * Returns the type of a SQL column by SQLite's affinity rules, and boolean for BOOLEAN, which SQLite stores
 * as a number. Source: sqlite.org/datatype3.html.
 */
function sqliteType(declared: string): ColumnType {
  const type = declared.toUpperCase()
  if (type.includes('BOOL')) return 'boolean'
  if (type.includes('INT')) return 'integer'
  if (/CHAR|CLOB|TEXT/.test(type)) return 'text'
  if (type === '' || type.includes('BLOB') || type === 'BYTEA') return 'bytes'
  if (/REAL|FLOA|DOUB/.test(type)) return 'real'
  return 'other'
}

async function postgresTables(db: Sql): Promise<Table[]> {
  const columns = await db.all<{ table_name: string; column_name: string; data_type: string }>(
    `SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns c
     JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
     WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'
     ORDER BY c.table_name, c.ordinal_position`,
  )
  const keys = await db.all<{ table_name: string; column_name: string }>(
    `SELECT k.table_name, k.column_name FROM information_schema.table_constraints c
     JOIN information_schema.key_column_usage k ON k.constraint_schema = c.constraint_schema
       AND k.constraint_name = c.constraint_name AND k.table_name = c.table_name
     WHERE c.table_schema = current_schema() AND c.constraint_type = 'PRIMARY KEY'
     ORDER BY k.table_name, k.ordinal_position`,
  )
  const foreign = await db.all<{ table_name: string; other: string }>(
    `SELECT DISTINCT a.relname AS table_name, b.relname AS other FROM pg_constraint f
     JOIN pg_class a ON a.oid = f.conrelid JOIN pg_class b ON b.oid = f.confrelid
     JOIN pg_namespace n ON n.oid = a.relnamespace
     WHERE f.contype = 'f' AND n.nspname = current_schema()`,
  )
  const names = [...new Set(columns.map(({ table_name }) => table_name))]
  return names.map((name) => ({
    name,
    columns: columns
      .filter(({ table_name }) => table_name === name)
      .map(({ column_name, data_type }): Column => ({
        name: column_name,
        declared: data_type,
        type: postgresType(data_type),
      })),
    key: keys.filter(({ table_name }) => table_name === name).map(({ column_name }) => column_name),
    references: foreign.filter(({ table_name }) => table_name === name).map(({ other }) => other),
  }))
}

function postgresType(declared: string): ColumnType {
  if (/^(smallint|integer|bigint)$/.test(declared)) return 'integer'
  if (/^(real|double precision)$/.test(declared)) return 'real'
  if (/^(text|character varying|character)$/.test(declared)) return 'text'
  if (declared === 'bytea') return 'bytes'
  return declared === 'boolean' ? 'boolean' : 'other'
}
