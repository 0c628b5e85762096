import { parseStatements, type Statement, tokenize } from '../../bindings/sql-tokenizer.ts'

/** A word or operator at the top level of a SQL statement, outside of parentheses. */
interface Part {
  /** A SQL word in upper case, or an operator's text. */
  word: string
  start: number
  end: number
}

/** Quick check for SQL that may be a DELETE or UPDATE with LIMIT or ORDER BY; only a match is parsed. */
const MAY_HAVE_LIMIT = /\b(?:delete|update)\b[\s\S]*\b(?:limit|order)\b/i

/**
 * Rewrites a DELETE or UPDATE with ORDER BY or LIMIT for a SQLite built without support for them, such as
 * Node's: a SELECT of row ids then chooses the rows. Any other statement is returned unchanged.
 *
 * @throws {@link OrderWithoutLimit}
 */
export function withoutLimit(text: string): string {
  if (!MAY_HAVE_LIMIT.test(text)) return text
  const [statement, ...more] = parseStatements(text, 'sqlite')
  if (statement === undefined || more.length > 0) return text
  const clauses = readClauses(statement.text)
  if (clauses === undefined) return text
  const piece = ([start, end]: Range): string => numbered(statement, start, end)
  const { target, from, where, order, limit, returning } = clauses
  const table = piece(target)
  const rowId = `${qualifier(statement.text.slice(...target))}._rowid_`
  const sources = from === undefined ? table : `${table},\n${piece(from)}`
  const chosen = [
    `SELECT ${rowId} FROM ${sources}`,
    ...[where, order, limit].flatMap((range) => (range === undefined ? [] : [piece(range)])),
  ]
  const condition = from === undefined || where === undefined ? '' : `(${piece(where).slice(5)}\n) AND `
  return [
    piece([0, clauses.end]),
    `WHERE ${condition}${rowId} IN (${chosen.join('\n')}\n)`,
    ...(returning === undefined ? [] : [piece(returning)]),
  ].join('\n')
}

/** SQLite's error for a DELETE or UPDATE with ORDER BY but without LIMIT. */
export class OrderWithoutLimit extends Error {
  constructor(verb: string) {
    super(`ORDER BY without LIMIT on ${verb}`)
  }
}

/**
 * Returns an explanation of SQLite's error for a rewritten DELETE or UPDATE whose table has no row ids; any
 * other `message` is returned unchanged.
 */
export function explainRowId(message: string): string {
  return /no such column: \S*_rowid_/.test(message)
    ? 'DELETE and UPDATE with ORDER BY or LIMIT are not supported outside of Cloudflare for a table ' +
        'WITHOUT ROWID, or a view. Choose the rows by a condition: WHERE key IN (SELECT key ... LIMIT ...)'
    : message
}

type Range = [start: number, end: number]

interface Clauses {
  /** Range of the table name with its alias, in a DELETE or UPDATE. */
  target: Range
  /**
   * Offset at which the clauses (WHERE, LIMIT, ...) of a DELETE or UPDATE begin, after its tables and
   * assignments.
   */
  end: number
  /** Range of the tables in the SQL UPDATE ... FROM, without the word FROM. */
  from: Range | undefined
  where: Range | undefined
  returning: Range | undefined
  order: Range | undefined
  limit: Range | undefined
}

/**
 * Finds the clauses of a DELETE or UPDATE with ORDER BY or LIMIT at its top level; undefined for any other
 * statement.
 */
function readClauses(text: string): Clauses | undefined {
  const parts = topParts(text)
  const main = parts.findIndex(({ word }) =>
    /^(?:SELECT|VALUES|INSERT|REPLACE|DELETE|UPDATE|CREATE)$/.test(word),
  )
  const verb = parts[main]?.word
  if (verb !== 'DELETE' && verb !== 'UPDATE') return undefined
  const rest = parts.slice(main + 1)
  const at = (word: string, after = 0): number =>
    rest.findIndex((part, index) => index >= after && part.word === word)
  const set = verb === 'UPDATE' ? at('SET') : 0
  const first = verb === 'DELETE' ? at('FROM') + 1 : rest[0]?.word === 'OR' ? 2 : 0
  const begin = rest[first]
  if (begin === undefined || set < 0) return undefined
  const marks = {
    from: verb === 'UPDATE' ? at('FROM', set) : -1,
    where: at('WHERE', first),
    returning: at('RETURNING', first),
    order: at('ORDER', first),
    limit: at('LIMIT', first),
  }
  if (marks.order < 0 && marks.limit < 0) return undefined
  // RETURNING after ORDER BY and LIMIT is a mistake in the SQL, which SQLite reports.
  if (marks.returning > Math.max(marks.order, marks.limit)) return undefined
  const starts = Object.values(marks)
    .filter((index) => index >= 0)
    .map((index) => (rest[index] as Part).start)
    .sort((a, b) => a - b)
  const range = (index: number): Range | undefined => {
    if (index < 0) return undefined
    const { start } = rest[index] as Part
    return [start, starts.find((next) => next > start) ?? text.length]
  }
  if (marks.limit < 0) throw new OrderWithoutLimit(verb)
  const from = range(marks.from)
  const tail = starts.find((start) => start !== from?.[0]) as number
  return {
    target: [begin.start, verb === 'UPDATE' ? (rest[set] as Part).start : tail],
    end: tail,
    from: from === undefined ? undefined : [from[0] + 'FROM'.length, from[1]],
    where: range(marks.where),
    returning: range(marks.returning),
    order: range(marks.order),
    limit: range(marks.limit),
  }
}

function topParts(text: string): Part[] {
  const parts: Part[] = []
  let depth = 0
  for (const { kind, start, end } of tokenize(text, 'sqlite')) {
    const token = text.slice(start, end)
    if (token === ')') depth--
    if (depth === 0 && kind !== 'space')
      parts.push({ word: kind === 'word' ? token.toUpperCase() : token, start, end })
    if (token === '(') depth++
  }
  return parts
}

/** Returns a piece of a SQL statement with numbered placeholders, since pieces are reordered. */
function numbered({ text, placeholders }: Statement, start: number, end: number): string {
  let piece = ''
  let at = start
  for (const one of placeholders) {
    if (one.start < start || one.end > end) continue
    piece += `${text.slice(at, one.start)}?${one.number}`
    at = one.end
  }
  return (piece + text.slice(at, end)).trim()
}

/** Returns the name that qualifies a SQL table's columns: its alias, or its own name. */
function qualifier(target: string): string {
  let name = ''
  for (const { word, start, end } of topParts(target)) {
    if (word === 'NOT' || word === 'INDEXED') break
    if (word !== '.' && word !== 'AS') name = target.slice(start, end)
  }
  return name
}
