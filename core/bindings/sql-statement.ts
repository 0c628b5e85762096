import { invalidArgument, limitExceeded } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import { utf8Length, viewBytes } from './bytes.ts'
import type { SqlCell, SqlDialect, SqlQuery } from './drivers.ts'
import { checkText } from './keys.ts'
import type { Where } from './operation.ts'
import { parseStatements, SqlTextError, type Statement } from './sql-tokenizer.ts'

/** A value that can be bound to a placeholder of an SQL statement. */
export type SqlValue = string | number | boolean | null | ArrayBuffer | ArrayBufferView<ArrayBufferLike>

/** An SQL statement with its parameters: `sql\`...\`` returns one, and it can be written as an object. */
export interface SqlStatement {
  readonly text: string
  readonly params?: readonly SqlValue[]
}

/**
 * Checks SQL statements and their parameters, and writes placeholders in the engine's form. It caches texts
 * that it has checked.
 */
export class StatementCheck {
  #dialect: SqlDialect
  #engine: boolean
  #checked = new Map<string, Checked>()

  /**
   * Creates a check of SQL statements. If `checks` is `engine`, numbers and PRAGMA are left to the engine.
   */
  constructor(dialect: SqlDialect, checks: 'portable' | 'engine' = 'portable') {
    this.#dialect = dialect
    this.#engine = checks === 'engine'
  }

  query(statement: string | SqlStatement, params: readonly SqlValue[] | undefined, where: Where): SqlQuery {
    const text = typeof statement === 'string' ? statement : statement?.text
    if (typeof text !== 'string')
      throw invalidArgument(
        where,
        `${where.binding}.${where.operation}: a statement is a string or sql\`...\`.`,
      )
    const given = typeof statement === 'string' ? (params ?? []) : (params ?? statement.params ?? [])
    if (!Array.isArray(given))
      throw invalidArgument(
        where,
        `${where.binding}.${where.operation}: parameters are an array, such as [slug].`,
      )
    let checked = this.#checked.get(text)
    if (checked === undefined) {
      checked = checkStatement(text, this.#dialect, this.#engine, where)
      // The cache of checked SQL texts is bounded, since an app may build statement texts without end.
      if (this.#checked.size >= 1000) this.#checked.delete(this.#checked.keys().next().value as string)
      this.#checked.set(text, checked)
    }
    if (given.length !== checked.arity) {
      throw invalidArgument(
        where,
        `${where.binding}.${where.operation}: the statement has ${checked.arity} parameters, ` +
          `${given.length} were given.`,
      )
    }
    for (const number of checked.patterns) {
      const pattern = given[number - 1]
      if (typeof pattern === 'string') checkPattern(pattern, where)
    }
    return {
      text: checked.text,
      params: given.map((value, index) =>
        this.#engine && typeof value === 'number' ? value : checkValue(value, index, where),
      ),
    }
  }
}

interface Checked {
  text: string
  arity: number
  /** Numbers of the SQL parameters that are used as patterns of LIKE. */
  patterns: number[]
}

/**
 * SQL statements that are refused because they would break the portable transaction, or reach outside the
 * database.
 */
const REFUSED: Readonly<Record<string, string>> = {
  BEGIN: 'Use batch() or transaction().',
  START: 'Use batch() or transaction().',
  COMMIT: 'Use batch() or transaction().',
  END: 'Use batch() or transaction().',
  ROLLBACK: 'Use batch() or transaction().',
  SAVEPOINT: 'Use batch() or transaction().',
  RELEASE: 'Use batch() or transaction().',
  ATTACH: 'One binding is one database.',
  DETACH: 'One binding is one database.',
  PRAGMA: 'Settings belong to the driver.',
  SET: 'Settings belong to the driver.',
  VACUUM: "Maintenance is the database's own business.",
  COPY: 'It exists on Postgres only.',
}

/**
 * The SQLite PRAGMAs that D1 allows
 * (https://developers.cloudflare.com/d1/sql-api/sql-statements/#compatible-pragma-statements), without those
 * whose effect outlives the call.
 */
const PRAGMAS: ReadonlySet<string> = new Set([
  'table_list',
  'table_info',
  'table_xinfo',
  'index_list',
  'index_info',
  'index_xinfo',
  'quick_check',
  'foreign_key_check',
  'foreign_key_list',
  'foreign_keys',
  'defer_foreign_keys',
  'optimize',
])

function isKnownPragma(text: string): boolean {
  const name = /^pragma\s+(?:\w+\s*\.\s*)?(\w+)/i.exec(text)?.[1]
  return name !== undefined && PRAGMAS.has(name.toLowerCase())
}

function checkStatement(text: string, dialect: SqlDialect, engine: boolean, where: Where): Checked {
  const size = utf8Length(text)
  if (size > LIMITS['sql.statement'])
    throw limitExceeded(where, 'sql.statement', size, LIMITS['sql.statement'])
  checkText(text, where, 'statement')
  if (text.includes('\0'))
    throw invalidArgument(
      where,
      `${where.binding}.${where.operation}: the statement has a NUL character. Bind it as a parameter.`,
    )
  const statements = parse(text, where)
  const [statement] = statements
  if (statement === undefined)
    throw invalidArgument(where, `${where.binding}.${where.operation}: the statement is empty.`)
  if (statements.length > 1)
    throw invalidArgument(
      where,
      `${where.binding}.${where.operation}: ${statements.length} statements in one call. Use batch() ` +
        'with one each.',
    )
  const refused = engine && isKnownPragma(statement.text) ? undefined : REFUSED[statement.keyword]
  if (refused !== undefined)
    throw invalidArgument(
      where,
      `${where.binding}.${where.operation}: ${statement.keyword} is not portable. ${refused}`,
    )
  const arity = statement.placeholders.reduce((highest, { number }) => Math.max(highest, number), 0)
  if (arity > LIMITS['sql.params']) throw limitExceeded(where, 'sql.params', arity, LIMITS['sql.params'])
  if (statement.compound > LIMITS['sql.compoundSelect'])
    throw limitExceeded(where, 'sql.compoundSelect', statement.compound, LIMITS['sql.compoundSelect'])
  for (const pattern of statement.patterns) if (typeof pattern === 'string') checkPattern(pattern, where)
  return {
    text: placeholdersFor(statement, dialect),
    arity,
    patterns: statement.patterns.filter((pattern) => typeof pattern === 'number'),
  }
}

function checkPattern(pattern: string, where: Where): void {
  const size = utf8Length(pattern)
  if (size > LIMITS['sql.likePattern'])
    throw limitExceeded(where, 'sql.likePattern', size, LIMITS['sql.likePattern'])
}

function parse(text: string, where: Where): Statement[] {
  try {
    return parseStatements(text)
  } catch (error) {
    if (error instanceof SqlTextError)
      throw invalidArgument(
        where,
        `${where.binding}.${where.operation}: at character ${error.offset + 1}, ${error.message}.`,
        error,
      )
    throw error
  }
}

/** Returns the SQL statement with numbered placeholders in the dialect's form. */
function placeholdersFor(statement: Statement, dialect: SqlDialect): string {
  let text = ''
  let at = 0
  for (const { start, end, number } of statement.placeholders) {
    text += `${statement.text.slice(at, start)}${dialect === 'postgres' ? '$' : '?'}${number}`
    at = end
  }
  return text + statement.text.slice(at)
}

function checkValue(value: unknown, index: number, where: Where): SqlCell {
  switch (typeof value) {
    case 'string':
      checkText(value, where, `parameter ${index + 1}`)
      checkSize(value.length * 3 > LIMITS['sql.row'] ? utf8Length(value) : 0, where)
      return value
    case 'boolean':
      return value
    case 'number':
      if (!Number.isFinite(value)) break
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
        throw invalidArgument(
          where,
          `${where.binding}.${where.operation}: parameter ${index + 1} is an integer beyond 2^53 - 1, ` +
            'which would be rounded. Bind it as text.',
        )
      }
      return value
    case 'object':
      if (value === null) return null
      if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
        checkSize(value.byteLength, where)
        return viewBytes(value)
      }
  }
  const what =
    value instanceof Date
      ? 'a Date (bind value.toISOString() or value.getTime())'
      : typeof value === 'number'
        ? String(value)
        : typeof value === 'object'
          ? 'an object (bind JSON.stringify(value))'
          : typeof value
  throw invalidArgument(
    where,
    `${where.binding}.${where.operation}: parameter ${index + 1} is ${what}. Parameters are strings, ` +
      'finite numbers, booleans, null or bytes.',
  )
}

// Refuses a single SQL value that is larger than a row can be. The engine itself refuses a row whose values
// are too large together.
function checkSize(size: number, where: Where): void {
  if (size > LIMITS['sql.row'])
    throw limitExceeded(
      where,
      'sql.row',
      size,
      LIMITS['sql.row'],
      'Put the data in a blob and store its key.',
    )
}
