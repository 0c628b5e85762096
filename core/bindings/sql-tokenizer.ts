/**
 * Finds the placeholders and ends of statements in SQL text. It knows the syntax that SQLite and Postgres
 * share (strings, quoted identifiers, both kinds of comments) and Postgres's dollar quotes and nested
 * comments, so that a `?` or `;` inside any of them stays unchanged.
 */

/** A placeholder in SQL: `?` (the next number), `?3` or, as query builders for Postgres write it, `$3`. */
export interface Placeholder {
  start: number
  end: number
  /** Number of the SQL statement's parameter, from 1. */
  number: number
}

/** One statement within an SQL text. */
export interface Statement {
  /** The SQL statement without surrounding blanks, comments before it, and its semicolon. */
  text: string
  /** The SQL statement's first keyword in upper case; empty if it begins with no word. */
  keyword: string
  /** The placeholders of the SQL statement, with positions within `text`. */
  placeholders: Placeholder[]
  /**
   * Number of SELECTs in the SQL statement's largest compound (UNION, INTERSECT, EXCEPT); 1 if there is no
   * compound.
   */
  compound: number
  /**
   * Operand after each LIKE or GLOB of the SQL statement: the number of a placeholder, or the text of a
   * literal.
   */
  patterns: (number | string)[]
}

/** Error of malformed SQL text: `offset` (from 0) is where it goes wrong, the message says how. */
export class SqlTextError extends Error {
  readonly offset: number

  constructor(message: string, offset: number) {
    super(message)
    this.offset = offset
  }
}

/**
 * The dialect of an SQL text. `portable` is what SQLite and Postgres both read alike. `sqlite` has SQLite's
 * own forms: `[names]`, comments that do not nest, and named placeholders (`:a`, `@a`, `$a`).
 */
export type TextDialect = 'portable' | 'sqlite'

type TokenKind = 'space' | 'string' | 'placeholder' | 'word' | 'semicolon' | 'other'

/**
 * A token of an SQL text. Comments count as `space`, quoted names as `string`, numbers and signs as `other`.
 */
export interface Token {
  kind: TokenKind
  start: number
  end: number
}

/**
 * Returns the SQL statements of `text` without empty ones. The body of a trigger belongs to its CREATE
 * TRIGGER.
 */
export function parseStatements(text: string, dialect: TextDialect = 'portable'): Statement[] {
  const statements: Statement[] = []
  for (const { tokens } of split(text, dialect)) {
    const statement = toStatement(text, tokens)
    if (statement !== undefined) statements.push(statement)
  }
  return statements
}

/**
 * Returns the position after the last semicolon that ends an SQL statement of `text`, or 0 if there is none.
 * The text behind it may be unfinished, such as the start of a quoted text.
 */
export function endOfStatements(text: string, dialect: TextDialect = 'portable'): number {
  let last = 0
  try {
    for (const { end } of split(text, dialect)) last = end ?? last
  } catch (error) {
    if (!(error instanceof SqlTextError)) throw error
  }
  return last
}

interface Piece {
  tokens: Token[]
  /** Position after the SQL statement's semicolon; undefined if it has none. */
  end?: number
}

function* split(text: string, dialect: TextDialect): Generator<Piece> {
  let tokens: Token[] = []
  // SQL's CREATE TRIGGER ... BEGIN a; b; END is one statement. Its END follows a semicolon, unlike that of a
  // CASE, and unlike a column of that name.
  let isBody = false
  let before: Token | undefined
  for (const token of tokenize(text, dialect)) {
    if (token.kind === 'semicolon' && !isBody) {
      yield { tokens, end: token.end }
      tokens = []
      before = undefined
      continue
    }
    tokens.push(token)
    if (token.kind === 'word') {
      if (!isBody) isBody = beginsBody(text, token, before, tokens)
      else if (before?.kind === 'semicolon' && wordOf(text, token) === 'END') isBody = false
    }
    if (token.kind !== 'space') before = token
  }
  yield { tokens }
}

/**
 * Returns true for the word after which semicolons belong to the SQL statement: BEGIN of a trigger, and BEGIN
 * ATOMIC of a Postgres function.
 */
function beginsBody(
  text: string,
  token: Token,
  before: Token | undefined,
  tokens: readonly Token[],
): boolean {
  const word = wordOf(text, token)
  if (word === 'BEGIN') return startsWith(text, tokens, ['TRIGGER'])
  const isAtomic = word === 'ATOMIC' && before !== undefined && wordOf(text, before) === 'BEGIN'
  return isAtomic && startsWith(text, tokens, ['FUNCTION', 'PROCEDURE'])
}

function wordOf(text: string, { start, end }: Token): string {
  return text.slice(start, end).toUpperCase()
}

/** Returns true if a SQL statement is the CREATE of one of these `kinds`. */
function startsWith(text: string, tokens: readonly Token[], kinds: readonly string[]): boolean {
  const [first, ...words] = tokens
    .filter(({ kind }) => kind === 'word')
    .slice(0, 4)
    .map((token) => wordOf(text, token))
  return first === 'CREATE' && words.some((word) => kinds.includes(word))
}

function toStatement(text: string, tokens: readonly Token[]): Statement | undefined {
  const first = tokens.findIndex(({ kind }) => kind !== 'space')
  if (first < 0) return undefined
  const last = tokens.findLastIndex(({ kind }) => kind !== 'space')
  const start = (tokens[first] as Token).start
  const placeholders: Placeholder[] = []
  const named = new Map<string, number>()
  let highest = 0
  let keyword = ''
  for (const token of tokens.slice(first, last + 1)) {
    if (token.kind === 'word' && keyword === '') keyword = text.slice(token.start, token.end).toUpperCase()
    if (token.kind !== 'placeholder') continue
    const name = text.slice(token.start, token.end)
    const digits = name.slice(1)
    // A bare ? in SQL takes the number after the highest one so far, as in SQLite; so does a name that is
    // new.
    const number =
      digits === '' ? highest + 1 : /^\d+$/.test(digits) ? Number(digits) : (named.get(name) ?? highest + 1)
    named.set(name, number)
    if (number < 1) throw new SqlTextError('placeholders count from ?1', token.start)
    highest = Math.max(highest, number)
    placeholders.push({ start: token.start - start, end: token.end - start, number })
  }
  return {
    text: text.slice(start, (tokens[last] as Token).end),
    keyword,
    placeholders,
    ...measure(text, tokens, placeholders, start),
  }
}

/** Counts the SQL features that only some engines limit: compound SELECTs and LIKE patterns. */
function measure(
  text: string,
  tokens: readonly Token[],
  placeholders: readonly Placeholder[],
  start: number,
): Pick<Statement, 'compound' | 'patterns'> {
  const patterns: (number | string)[] = []
  // Number of SELECTs in the current SQL compound, for each parenthesis that is open; the innermost is last.
  const counts = [1]
  let compound = 1
  let afterLike = false
  for (const { kind, start: at, end } of tokens) {
    if (kind === 'space') continue
    const part = text.slice(at, end)
    const word = kind === 'word' ? part.toUpperCase() : ''
    if (afterLike && kind === 'placeholder')
      patterns.push(placeholders.find((placeholder) => placeholder.start === at - start)?.number ?? 0)
    if (afterLike && kind === 'string' && part.startsWith("'"))
      patterns.push(part.slice(1, -1).replaceAll("''", "'"))
    afterLike = word === 'LIKE' || word === 'GLOB'
    if (part === '(') counts.push(1)
    else if (part === ')' && counts.length > 1) counts.pop()
    else if (word === 'UNION' || word === 'INTERSECT' || word === 'EXCEPT') {
      const count = (counts.pop() as number) + 1
      counts.push(count)
      compound = Math.max(compound, count)
    }
  }
  return { compound, patterns }
}

const SPACE = /[ \t\n\f\r\ufeff]+/y
// SQLite and Postgres take every character beyond ASCII for a letter, a no-break space too. A byte order mark
// is white space for SQLite if no word goes on.
const WORD = /(?:[A-Za-z_]|[^\0-\x7f\ufeff])(?:[\w$]|[^\0-\x7f])*/y
const NUMBER = /\d[\w.]*/y
const DOLLAR_TAG = /\$(?:(?:[A-Za-z_]|[^\0-\x7f])(?:\w|[^\0-\x7f])*)?\$/y
const PLACEHOLDER = /\?\d*|\$\d+/y
const SQLITE_PLACEHOLDER = /\?\d*|[:@$](?:[\w$]|[^\0-\x7f]|::)+/y

/**
 * Yields the tokens of an SQL text, without gaps. @throws {@link SqlTextError} for a quote or comment that is
 * never closed.
 */
export function* tokenize(text: string, dialect: TextDialect = 'portable'): Generator<Token> {
  const sqlite = dialect === 'sqlite'
  const placeholder = sqlite ? SQLITE_PLACEHOLDER : PLACEHOLDER
  let at = 0
  const match = (pattern: RegExp): number => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    return found === null ? 0 : found[0].length
  }
  while (at < text.length) {
    const start = at
    let kind: TokenKind
    const char = text[at] as string
    const pair = text.slice(at, at + 2)
    let length: number
    if ((length = match(SPACE)) > 0) {
      kind = 'space'
      at += length
    } else if (pair === '--') {
      kind = 'space'
      at = endOfLine(text, at, sqlite)
    } else if (pair === '/*' && !(sqlite && at + 2 === text.length)) {
      // SQLite reads `/*` as two operators if nothing follows it.
      kind = 'space'
      at = endOfComment(text, at, sqlite)
    } else if (char === "'" || char === '"' || char === '`') {
      kind = 'string'
      at = endOfQuote(text, at, char)
    } else if (char === '[' && sqlite) {
      kind = 'string'
      const end = text.indexOf(']', at)
      if (end < 0) throw new SqlTextError('the [ quote is never closed', at)
      at = end + 1
    } else if (char === '$' && !sqlite && (length = match(DOLLAR_TAG)) > 0) {
      kind = 'string'
      const tag = text.slice(at, at + length)
      const end = text.indexOf(tag, at + length)
      if (end < 0) throw new SqlTextError(`the ${tag} quote is never closed`, at)
      at = end + length
    } else if (!sqlite && (char === 'e' || char === 'E') && text[at + 1] === "'") {
      kind = 'string'
      at = endOfEscaped(text, at)
    } else if ((length = match(placeholder)) > 0) {
      kind = 'placeholder'
      at += length
    } else if ((length = match(WORD)) > 0) {
      kind = 'word'
      at += length
    } else if ((length = match(NUMBER)) > 0) {
      kind = 'other'
      at += length
    } else {
      kind = char === ';' ? 'semicolon' : 'other'
      at++
    }
    yield { kind, start, end: at }
  }
}

function endOfLine(text: string, start: number, sqlite: boolean): number {
  const found = text.indexOf('\n', start)
  const end = found < 0 ? text.length : found
  const comment = text.slice(start, end)
  const carriage = comment.indexOf('\r')
  if (!sqlite && carriage >= 0 && carriage < comment.length - 1)
    throw new SqlTextError(
      'a carriage return ends the comment for Postgres and not for SQLite: end the line by a line feed',
      start,
    )
  return end
}

function endOfQuote(text: string, start: number, quote: string): number {
  let at = start + 1
  for (;;) {
    const end = text.indexOf(quote, at)
    if (end < 0) throw new SqlTextError(`the ${quote} quote is never closed`, start)
    if (text[end + 1] !== quote) return end + 1
    at = end + 2
  }
}

/** Returns the end of a Postgres string with backslash escapes, such as `E'it\'s'`. */
function endOfEscaped(text: string, start: number): number {
  for (let at = start + 2; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === "'" && text[at + 1] !== "'") return at + 1
    else if (text[at] === "'") at++
  }
  throw new SqlTextError("the E' quote is never closed", start)
}

function endOfComment(text: string, start: number, sqlite: boolean): number {
  const end = text.indexOf('*/', start + 2)
  if (sqlite) return end < 0 ? text.length : end + 2
  // Postgres nests comments and SQLite does not, so an SQL text that would mean different things to them is
  // refused.
  if (end < 0) throw new SqlTextError('the comment is never closed', start)
  if (text.slice(start + 2, end).includes('/*'))
    throw new SqlTextError('comments within comments mean different things to SQLite and Postgres', start)
  return end + 2
}
