/** Rules of `unmoor check` for the columns of CREATE TABLE and ALTER TABLE ... ADD COLUMN. */
import { checkCase, isMixedCase, type Add, type Piece } from './sql-pieces.ts'
import { COLUMN_WORDS, TABLE_WORDS, TYPES } from './sql-words.ts'

/** Checks the columns of every CREATE TABLE and of every ALTER TABLE ... ADD COLUMN in a SQL text. */
export function checkTableDefinition(pieces: readonly Piece[], add: Add): void {
  pieces.forEach((piece, index) => {
    if (piece.text === 'TABLE' && isCreate(pieces, index)) checkTable(pieces, index, add)
    if (piece.text === 'COLUMN' && pieces[index - 1]?.text === 'ADD') {
      const column = untilEnd(pieces, index + 1)
      checkColumn(skipWords(column, ['IF', 'NOT', 'EXISTS']), add)
    }
  })
}

function isCreate(pieces: readonly Piece[], index: number): boolean {
  const before = pieces.slice(Math.max(0, index - 3), index).map(({ text }) => text)
  return before.includes('CREATE') && !before.includes('VIRTUAL')
}

function checkTable(pieces: readonly Piece[], index: number, add: Add): void {
  const open = pieces.findIndex(
    (piece, at) => at > index && (piece.text === '(' || piece.text === 'AS' || piece.kind === 'semicolon'),
  )
  if (open < 0 || pieces[open]?.text !== '(') return
  let depth = 0
  let at = open
  let column: Piece[] = []
  const columns: Piece[][] = []
  for (; at < pieces.length; at++) {
    const piece = pieces[at] as Piece
    if (piece.text === '(' && depth++ === 0) continue
    if (piece.text === ')' && --depth === 0) break
    if (piece.text === ',' && depth === 1) {
      columns.push(column)
      column = []
    } else column.push(piece)
  }
  columns.push(column)
  for (const one of columns) checkColumn(one, add)
  checkRowKey(columns, add)
  const strict = untilEnd(pieces, at + 1).find(({ kind, text }) => kind === 'word' && text === 'STRICT')
  if (strict !== undefined)
    add(strict, 'sql-table-option', 'STRICT tables exist on SQLite only.', { on: 'postgres' })
}

/**
 * Reports `id INTEGER PRIMARY KEY`, also in the form `PRIMARY KEY (id)`: this is SQLite's row id, which an
 * INSERT without the column numbers automatically.
 */
function checkRowKey(columns: readonly (readonly Piece[])[], add: Add): void {
  const keys = columns.flatMap((column) => {
    const at = column.findIndex(({ text }, index) => text === 'PRIMARY' && column[index + 1]?.text === 'KEY')
    const [name, type] = column
    if (at < 0 || name === undefined) return []
    if (!TABLE_WORDS.has(name.text)) return type?.text === 'INTEGER' ? [column] : []
    const listed = column[at + 2]?.text === '(' && column[at + 4]?.text === ')' ? column[at + 3] : undefined
    return columns.filter(
      ([other, otherType]) => other?.text === listed?.text && otherType?.text === 'INTEGER',
    )
  })
  for (const column of keys) {
    const [name, type] = column as [Piece, Piece]
    if (column.some(({ text }) => ROW_KEY_GIVEN.has(text))) continue
    add(
      type,
      'sql-row-key',
      `An INSERT that leaves out ${name.raw} is given a number on SQLite, and fails on Postgres.`,
      { on: 'postgres', severity: 'warning' },
    )
  }
}

/**
 * SQL words by which a column definition supplies the column's value; AUTOINCREMENT has a rule of its own.
 */
const ROW_KEY_GIVEN: ReadonlySet<string> = new Set(['AUTOINCREMENT', 'DEFAULT', 'GENERATED'])

function untilEnd(pieces: readonly Piece[], from: number): Piece[] {
  const end = pieces.findIndex(({ kind }, at) => at >= from && kind === 'semicolon')
  return pieces.slice(from, end < 0 ? pieces.length : end)
}

function skipWords(pieces: readonly Piece[], words: readonly string[]): readonly Piece[] {
  const first = pieces.findIndex(({ text }) => !words.includes(text))
  return pieces.slice(Math.max(first, 0))
}

const TIME_NAME = /(^|_)(at|time|timestamp|ms|millis|expires|expiration|expiry|created|updated|deleted)$/i

function checkColumn(column: readonly Piece[], add: Add): void {
  const [name, type] = column
  if (name === undefined || (name.kind === 'word' && TABLE_WORDS.has(name.text))) return
  if (name.kind === 'word' && isMixedCase(name.raw)) checkCase(name, add)
  if (type === undefined || COLUMN_WORDS.has(type.text)) {
    add(name, 'sql-untyped-column', 'The column has no type, which SQLite alone takes.', { on: 'postgres' })
    return
  }
  const other = type.text === 'DOUBLE' && column[2]?.text === 'PRECISION' ? undefined : TYPES.get(type.text)
  if (other !== undefined)
    add(type, 'sql-type', `Postgres has no type ${type.text}.`, { on: 'postgres', instead: `Use ${other}.` })
  if ((type.text === 'INTEGER' || type.text === 'INT') && TIME_NAME.test(name.text.replaceAll('"', '')))
    add(type, 'sql-integer', 'INTEGER has 32 bits on Postgres: a time in milliseconds does not fit.', {
      on: 'postgres',
      severity: 'warning',
    })
  const fallback = column.findIndex(({ text }) => text === 'DEFAULT')
  if (
    (type.text === 'BOOLEAN' || type.text === 'BOOL') &&
    fallback > 0 &&
    /^\d/.test(column[fallback + 1]?.text ?? '')
  )
    add(column[fallback + 1] as Piece, 'sql-boolean', 'The default of a BOOLEAN is no number on Postgres.', {
      on: 'postgres',
      instead: 'Write DEFAULT FALSE, or make the column INTEGER.',
    })
}
