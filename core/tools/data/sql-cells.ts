/**
 * Converts cells of SQL rows between a data transfer's form and a database's. Numbers are moved as text, so
 * that neither JavaScript nor an engine rounds them.
 */
import { Buffer } from 'node:buffer'
import type { SqlCell, SqlDialect } from '../../bindings/drivers.ts'
import type { SqlValue } from '../../bindings/sql.ts'
import type { Cell, Column } from './records.ts'

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * Factor by which large doubles are multiplied when a transfer reads them from SQLite, bound as a select's
 * first parameter. Unscaled, a sql binding takes a double beyond 2^53 for a rounded integer and refuses it;
 * as text, the engine's digits are not exact everywhere (D1's are off by one place for 1e300). A power of two
 * changes no digit.
 */
export const SCALE = 2 ** -1000

/**
 * Returns the SQL select expressions of a column, whose values {@link readCell} understands. On SQLite each
 * value has its own type, which is selected too.
 */
export function selectCell({ name, type }: Column, dialect: SqlDialect): string[] {
  const column = `t.${quoteName(name)}`
  if (dialect === 'postgres')
    return [type === 'bytes' || type === 'text' || type === 'boolean' ? column : `CAST(${column} AS TEXT)`]
  const large = `typeof(${column}) = 'real' AND abs(${column}) >= 9007199254740992.0`
  return [
    `CASE WHEN ${large} THEN 'large' ELSE typeof(${column}) END`,
    `CASE WHEN typeof(${column}) = 'integer' THEN CAST(${column} AS TEXT) WHEN ${large} AND ` +
      `abs(${column}) = 9e999 THEN CAST(${column} AS TEXT) WHEN ${large} THEN ${column} * ?1 ELSE ` +
      `${column} END`,
  ]
}

/** Converts the values selected for a SQL column to a cell. */
export function readCell({ type }: Column, dialect: SqlDialect, values: readonly SqlCell[]): Cell {
  if (dialect === 'sqlite') {
    const [stored, value] = values
    if (stored === 'null' || value === null || value === undefined) return null
    if (stored === 'integer')
      return type === 'boolean' && (value === '0' || value === '1') ? value === '1' : { i: String(value) }
    if (stored === 'real') return { f: String(value) }
    if (stored === 'large')
      return { f: String(typeof value === 'number' ? value / SCALE : infinity(String(value))) }
    return value instanceof Uint8Array ? { b: Buffer.from(value).toString('base64') } : String(value)
  }
  const [value] = values
  if (value === null || value === undefined) return null
  if (value instanceof Uint8Array) return { b: Buffer.from(value).toString('base64') }
  if (typeof value === 'boolean') return value
  if (type === 'integer') return { i: String(value) }
  return type === 'real' ? { f: String(Number(value)) } : String(value)
}

function infinity(text: string): number {
  return text.startsWith('-') ? -Infinity : Infinity
}

/**
 * Returns the SQL expression of a cell's value in a column. The cell's bound values are appended to `params`,
 * the statement's parameters so far.
 */
export function writeCell(cell: Cell, column: Column, dialect: SqlDialect, params: SqlValue[]): string {
  const bind = (value: SqlValue): string => `?${params.push(value)}`
  const cast = (type: string, value: SqlValue): string => `CAST(${bind(value)} AS ${type})`
  if (cell === null) return dialect === 'postgres' ? cast(column.declared, null) : bind(null)
  if (typeof cell === 'boolean')
    return dialect === 'postgres' && column.type === 'boolean'
      ? cast('boolean', cell)
      : cast('INTEGER', cell ? '1' : '0')
  if (typeof cell === 'string') return dialect === 'postgres' ? cast(column.declared, cell) : bind(cell)
  if ('b' in cell) return bind(Buffer.from(cell.b, 'base64'))
  if (dialect === 'postgres')
    return column.type === 'boolean'
      ? cast('boolean', ('i' in cell ? cell.i : cell.f) !== '0')
      : cast(column.declared, 'i' in cell ? cell.i : cell.f)
  if ('i' in cell) return cast('INTEGER', cell.i)
  const number = Number(cell.f)
  if (!Number.isFinite(number)) return number > 0 ? '9e999' : '-9e999'
  // A large integer is bound to the SQL statement scaled, as it is when read; the database divides it again.
  return Number.isInteger(number) && !Number.isSafeInteger(number)
    ? `(${bind(number * SCALE)} / ${bind(SCALE)})`
    : cast('REAL', number)
}

const RANGES: Readonly<Record<string, readonly [bigint, bigint]>> = {
  smallint: [-(2n ** 15n), 2n ** 15n - 1n],
  integer: [-(2n ** 31n), 2n ** 31n - 1n],
  bigint: [-(2n ** 63n), 2n ** 63n - 1n],
}

/** Returns why a column of the target database cannot hold a cell; undefined if it can. */
export function misfit(cell: Cell, column: Column, dialect: SqlDialect): string | undefined {
  if (cell === null) return undefined
  if (dialect === 'sqlite') {
    if (typeof cell === 'object' && 'f' in cell && cell.f === 'NaN') return 'SQLite has no NaN'
    return undefined
  }
  if (typeof cell === 'string') {
    if (cell.includes('\0')) return 'Postgres text has no NUL character'
    return column.type === 'integer' ||
      column.type === 'real' ||
      column.type === 'bytes' ||
      column.type === 'boolean'
      ? `it is text, and the column is ${column.declared}`
      : undefined
  }
  if (typeof cell === 'boolean')
    return column.type === 'boolean' || column.type === 'integer'
      ? undefined
      : `it is a truth value, and the column is ${column.declared}`
  if ('b' in cell)
    return column.type === 'bytes' ? undefined : `it is bytes, and the column is ${column.declared}`
  if (column.type === 'bytes' || column.type === 'text')
    return `it is a number, and the column is ${column.declared}`
  if ('f' in cell)
    return column.type === 'integer' || column.type === 'boolean'
      ? `it is the real number ${cell.f}, and the column is ${column.declared}`
      : undefined
  const range = RANGES[column.declared]
  if (range !== undefined && (BigInt(cell.i) < range[0] || BigInt(cell.i) > range[1]))
    return `${cell.i} does not fit into ${column.declared}`
  return column.type === 'boolean' && cell.i !== '0' && cell.i !== '1'
    ? `${cell.i} is no truth value`
    : undefined
}
