import type { ObjectCell, ObjectResult } from '../../../bindings/drivers.ts'
import {
  endOfStatements,
  parseStatements,
  type Statement,
  tokenize,
} from '../../../bindings/sql-tokenizer.ts'
import { toText } from './arguments.ts'
import { explainRowId, withoutLimit } from '../sql-limit.ts'
import type { ObjectStore } from './store.ts'

/** SQL statements that would break a Durable Object's own transactions or reach outside of its database. */
const REFUSED: Readonly<Record<string, string>> = Object.fromEntries(
  ['BEGIN', 'COMMIT', 'END', 'ROLLBACK', 'SAVEPOINT', 'RELEASE'].map((keyword) => [
    keyword,
    'To execute a transaction, please use the state.storage.transaction() or ' +
      'state.storage.transactionSync() APIs instead of the SQL BEGIN TRANSACTION or SAVEPOINT statements.',
  ]),
)
const UNAUTHORIZED: ReadonlySet<string> = new Set(['ATTACH', 'DETACH', 'VACUUM'])
const PRAGMAS: ReadonlySet<string> = new Set(
  (
    'table_list table_info table_xinfo index_list index_info index_xinfo foreign_key_list ' +
    'foreign_key_check quick_check optimize defer_foreign_keys foreign_keys ' +
    'case_sensitive_like data_version ignore_check_constraints legacy_alter_table page_size ' +
    'recursive_triggers reverse_unordered_selects'
  ).split(' '),
)

function isAllowedPragma(text: string): boolean {
  const name = /^pragma\s+(?:main\s*\.\s*)?(\w+)/i.exec(text)?.[1]
  return name !== undefined && PRAGMAS.has(name.toLowerCase()) && isBoolean(name.toLowerCase(), text)
}

const BOOLEAN_PRAGMAS: ReadonlySet<string> = new Set(
  (
    'defer_foreign_keys foreign_keys case_sensitive_like ignore_check_constraints legacy_alter_table ' +
    'recursive_triggers reverse_unordered_selects'
  ).split(' '),
)

/** True if the value of a boolean SQLite pragma is a truth value; true for other pragmas. */
function isBoolean(name: string, text: string): boolean {
  if (!BOOLEAN_PRAGMAS.has(name)) return true
  const value = /^[^=(]*(?:=|\()\s*(['"]?)(.*?)\1\s*\)?\s*$/s.exec(text)?.[2]
  return value === undefined || /^(?:true|false|on|off|yes|no|1|0)$/i.test(value)
}

/** Cloudflare's SqlStorage: runs SQL on the database of a Durable Object. */
export class SqlStorage {
  #store: ObjectStore

  constructor(store: ObjectStore) {
    this.#store = store
  }

  /**
   * SqlStorage's `exec`: runs all statements. The cursor has the rows of the last one, which gets the
   * bindings.
   */
  exec<T extends Row = Row>(query: string, ...bindings: unknown[]): Cursor<T> {
    const text = String(query)
    const statements = parseStatements(text, 'sqlite')
    const last = statements.pop()
    if (last === undefined || endsInComment(text)) throw new Error('SQL code did not contain a statement.')
    for (const statement of [...statements, last]) check(statement)
    if (statements.some(({ placeholders }) => placeholders.length > 0))
      throw new Error(
        'When executing multiple SQL statements in a single call, only the last statement can have ' +
          'parameters.',
      )
    const arity = last.placeholders.reduce((highest, { number }) => Math.max(highest, number), 0)
    if (bindings.length !== arity) throw new Error('Wrong number of parameter bindings for SQL query.')
    // A Durable Object's pragmas run outside of a transaction, since within one they may have no effect.
    if ([...statements, last].some(({ keyword }) => keyword !== 'PRAGMA')) this.#store.begin()
    for (const { text } of statements) this.#run(text, [])
    return new Cursor<T>(this.#run(numberNames(last), bindings.map(toCell)))
  }

  /** SqlStorage's `prepare`: returns a function that runs the statements with the bindings passed to it. */
  prepare<T extends Row = Row>(query: string): (...bindings: unknown[]) => Cursor<T> {
    return (...bindings) => this.exec<T>(query, ...bindings)
  }

  /** SqlStorage's `ingest`: runs the complete statements of the text, and returns the rest of the text. */
  ingest(query: string): Ingested {
    const text = String(query)
    const end = endOfStatements(text, 'sqlite')
    const done: Ingested = { remainder: text.slice(end), rowsRead: 0, rowsWritten: 0, statementCount: 0 }
    for (const { text: statement } of parseStatements(text.slice(0, end), 'sqlite')) {
      const { rowsRead, rowsWritten } = this.exec(statement)
      done.rowsRead += rowsRead
      done.rowsWritten += rowsWritten
      done.statementCount++
    }
    return done
  }

  /** Size of the Durable Object's database in bytes. */
  get databaseSize(): number {
    const pages = Number(this.#store.query('PRAGMA page_count').rows[0]?.[0] ?? 0)
    return pages * Number(this.#store.query('PRAGMA page_size').rows[0]?.[0] ?? 0)
  }

  #run(text: string, params: readonly ObjectCell[]): ObjectResult {
    try {
      return this.#store.query(withoutLimit(text), params)
    } catch (error) {
      if (!(error instanceof Error) || error === this.#store.ended) throw error
      throw new Error(engineMessage(this.#messageOf(error, text, params), text), { cause: error })
    }
  }

  /**
   * Returns SQLite's own error message. For SQL text without its semicolon SQLite only reports incomplete
   * input, so the text is run again with one.
   */
  #messageOf({ message }: Error, text: string, params: readonly ObjectCell[]): string {
    if (message !== 'incomplete input') return message
    try {
      this.#store.query(`${text};`, params)
    } catch (error) {
      if (error instanceof Error) return error.message
    }
    return message
  }
}

/** Result of SqlStorage's `ingest`. */
interface Ingested {
  /** Rest of the SQL text after the last complete statement. */
  remainder: string
  rowsRead: number
  rowsWritten: number
  statementCount: number
}

/** True if only a comment follows the SQL text's last semicolon, which workerd counts as a statement. */
function endsInComment(text: string): boolean {
  const rest = text.slice(endOfStatements(text, 'sqlite')).trim()
  return /^(?:--|\/\*)/.test(rest) && parseStatements(rest, 'sqlite').length === 0
}

function engineMessage(message: string, sql: string): string {
  const text = explainRowId(message)
  if (text === 'not authorized') return `${text}: SQLITE_AUTH`
  const table = /^access to (\w+)\.\w+ is prohibited/.exec(text)?.[1]
  if (table !== undefined) return `no such table: ${table}: SQLITE_ERROR`
  const code = CODES.find(([words]) => words.test(text))?.[1] ?? 'SQLITE_ERROR'
  return `${text}${offsetOf(text, sql)}: ${code}`
}

const CODES: readonly (readonly [words: RegExp, code: string])[] = [
  [/constraint failed/, 'SQLITE_CONSTRAINT'],
  [/^datatype mismatch/, 'SQLITE_MISMATCH'],
  [/^database or disk is full/, 'SQLITE_FULL'],
]

/**
 * Returns the offset of SQLite's syntax error as text, if the token named in the message occurs exactly once;
 * else an empty text.
 */
function offsetOf(message: string, sql: string): string {
  const near = /^near "(.+)": syntax error$/s.exec(message)?.[1]
  if (near === undefined) return ''
  const found = [...tokenize(`${sql};`, 'sqlite')].filter(
    ({ start, end }) => `${sql};`.slice(start, end) === near,
  )
  return found.length === 1 ? ` at offset ${found[0]?.start}` : ''
}

/**
 * Returns the SQL text with `:a`, `@a` and `$a` replaced by numbers, since the driver does not support names.
 */
function numberNames({ text, placeholders }: Statement): string {
  let numbered = ''
  let at = 0
  for (const { start, end, number } of placeholders) {
    if (text[start] === '?') continue
    numbered += `${text.slice(at, start)}?${number}`
    at = end
  }
  return numbered + text.slice(at)
}

function check({ keyword, text }: Statement): void {
  if (Object.hasOwn(REFUSED, keyword)) throw new Error(REFUSED[keyword])
  if (UNAUTHORIZED.has(keyword) || (keyword === 'PRAGMA' && !isAllowedPragma(text)) || namesOwnTable(text))
    throw new Error('not authorized: SQLITE_AUTH')
}

/**
 * True if the SQL text names one of Durable Object storage's own tables (`_cf_...`); string literals and
 * comments may contain anything.
 */
function namesOwnTable(text: string): boolean {
  if (!/_cf_/i.test(text)) return false
  for (const { kind, start, end } of tokenize(text, 'sqlite')) {
    const isName = kind === 'word' || (kind === 'string' && text[start] !== "'")
    if (isName && /^["`[]?_cf_\w*["`\]]?$/i.test(text.slice(start, end))) return true
  }
  return false
}

/**
 * Converts a value bound to a SqlStorage statement to a cell, as workerd does: values other than numbers,
 * bytes and null become text.
 */
function toCell(value: unknown): ObjectCell {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' || typeof value === 'number') return value
  if (typeof value === 'bigint') throw new TypeError('Cannot convert a BigInt value to a number')
  if (value instanceof ArrayBuffer) return new Uint8Array(value.slice())
  if (ArrayBuffer.isView(value))
    return new Uint8Array(
      value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength) as ArrayBuffer,
    )
  return toText(value)
}

function fromCell(value: ObjectCell): Value {
  return value instanceof Uint8Array ? value.slice().buffer : value
}

type Value = ArrayBuffer | string | number | null
type Row = Record<string, Value>

/** Cloudflare's SqlStorageCursor: an iterator over a query's rows that returns each row once. */
export class Cursor<T extends Row = Row> implements IterableIterator<T> {
  readonly columnNames: string[]
  readonly rowsWritten: number
  #rows: ObjectCell[][]
  #next = 0

  constructor({ columns, rows, changes }: ObjectResult) {
    this.columnNames = columns
    this.#rows = rows
    this.rowsWritten = changes
  }

  /** Number of rows that the SQL cursor has read: one more than were returned so far, as on Cloudflare. */
  get rowsRead(): number {
    return Math.min(this.#next + 1, this.#rows.length)
  }

  next(): IteratorResult<T, undefined> {
    const row = this.#rows[this.#next]
    if (row === undefined) return { done: true, value: undefined }
    this.#next++
    return { done: false, value: this.#object(row) }
  }

  [Symbol.iterator](): this {
    return this
  }

  toArray(): T[] {
    return [...this]
  }

  /** Returns the only row of the SQL cursor. @throws if there is not exactly one. */
  one(): T {
    const rows = this.toArray()
    if (rows.length === 1) return rows[0] as T
    throw new Error(
      `Expected exactly one result from SQL query, but got ${rows.length === 0 ? 'no' : 'multiple'} results.`,
    )
  }

  raw<T extends Value[] = Value[]>(): IterableIterator<T> & { toArray(): T[] } {
    const values = (): Value[] | undefined => this.#rows[this.#next++]?.map(fromCell)
    return {
      next() {
        const value = values()
        return value === undefined ? { done: true, value: undefined } : { done: false, value }
      },
      [Symbol.iterator]() {
        return this
      },
      toArray() {
        return [...this]
      },
    } as IterableIterator<T> & { toArray(): T[] }
  }

  #object(row: readonly ObjectCell[]): T {
    const object: Row = {}
    for (let index = 0; index < this.columnNames.length; index++)
      object[this.columnNames[index] as string] = fromCell(row[index] as ObjectCell)
    return object as T
  }
}
