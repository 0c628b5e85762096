/**
 * The rules of `unmoor check` for one SQL text: they find SQL outside of the portable subset, with the
 * tokenizer that finds placeholders at run time.
 */
import { utf8Length } from '../../bindings/bytes.ts'
import { parseStatements, SqlTextError, tokenize, type Statement } from '../../bindings/sql-tokenizer.ts'
import { LIMITS } from '../../limits.ts'
import type { RuleId } from './rules.ts'
import { checkCase, isMixedCase, toPiece, type Add, type Piece, type SqlFinding } from './sql-pieces.ts'
import { checkTableDefinition } from './sql-table-rules.ts'
import { CLAUSES, FUNCTIONS } from './sql-words.ts'

/**
 * Place of a SQL text in the app. A text in a `call` is one statement and cannot change the database's
 * settings. A `fragment` is such a statement or a part of one, and its placeholders may stand for fragments
 * too.
 */
export type SqlPlace = 'call' | 'migration' | 'fragment'

/** Returns all findings in a SQL text: problems on SQLite or Postgres. */
export function checkSqlText(text: string, place: SqlPlace): SqlFinding[] {
  const found: SqlFinding[] = []
  const add = (
    piece: { start: number; end: number },
    rule: RuleId,
    message: string,
    more: Partial<SqlFinding> = {},
  ): void => void found.push({ rule, at: piece.start, length: piece.end - piece.start, message, ...more })
  let statements: Statement[]
  let pieces: Piece[]
  try {
    statements = parseStatements(text)
    pieces = [...tokenize(text)].filter(({ kind }) => kind !== 'space').map((token) => toPiece(text, token))
  } catch (error) {
    if (!(error instanceof SqlTextError)) throw error
    // A SQL fragment may be unbalanced, since another fragment may close its quote or parenthesis.
    if (place === 'fragment') return []
    return [
      {
        rule: 'sql-syntax',
        at: error.offset,
        length: 1,
        message: `The statement cannot be read: ${error.message}.`,
      },
    ]
  }
  const isPiece = place === 'fragment' && !WHOLE.has(pieces[0]?.text ?? '')
  if (place !== 'migration' && !isPiece) checkStatements(text, statements, pieces, add)
  checkClauses(pieces, add)
  checkFunctions(pieces, add)
  checkQuotes(pieces, add)
  checkOperators(pieces, add, place)
  if (!isPiece) checkLimits(pieces, add)
  checkNames(pieces, add)
  checkTableDefinition(pieces, add)
  return found
}

/**
 * SQL keywords that only begin whole statements, never a fragment. END and SET are missing, since fragments
 * begin with them too.
 */
const WHOLE: ReadonlySet<string> = new Set(
  (
    'SELECT WITH INSERT REPLACE UPDATE DELETE CREATE ALTER DROP BEGIN COMMIT ROLLBACK SAVEPOINT PRAGMA ' +
    'ATTACH DETACH VACUUM COPY'
  ).split(' '),
)

/** SQL keywords that begin statements which `core/bindings/sql.ts` refuses, with the rule to report. */
const REFUSED: Readonly<Record<string, RuleId>> = {
  BEGIN: 'sql-transaction',
  START: 'sql-transaction',
  COMMIT: 'sql-transaction',
  END: 'sql-transaction',
  ROLLBACK: 'sql-transaction',
  SAVEPOINT: 'sql-transaction',
  RELEASE: 'sql-transaction',
  PRAGMA: 'sql-statement',
  ATTACH: 'sql-statement',
  DETACH: 'sql-statement',
  SET: 'sql-statement',
  VACUUM: 'sql-statement',
  COPY: 'sql-statement',
}

function checkStatements(
  text: string,
  statements: readonly Statement[],
  pieces: readonly Piece[],
  add: Add,
): void {
  const whole = { start: pieces[0]?.start ?? 0, end: pieces.at(-1)?.end ?? 1 }
  const size = utf8Length(text)
  if (size > LIMITS['sql.statement'])
    add(whole, 'sql-size', `The statement has ${size} bytes; ${LIMITS['sql.statement']} are the most.`)
  if (statements.length > 1) {
    const second = pieces[pieces.findIndex(({ kind }) => kind === 'semicolon') + 1] ?? whole
    add(second, 'sql-multiple', `${statements.length} statements in one call: it throws.`)
  }
  for (const { keyword, placeholders, compound, patterns } of statements) {
    const refused = REFUSED[keyword]
    const first = pieces.find((piece) => piece.text === keyword) ?? whole
    if (refused !== undefined) add(first, refused, `${keyword} is not portable: the call throws.`)
    const count = placeholders.reduce((highest, { number }) => Math.max(highest, number), 0)
    if (count > LIMITS['sql.params'])
      add(whole, 'sql-params', `${count} parameters: ${LIMITS['sql.params']} are the most.`)
    if (compound > LIMITS['sql.compoundSelect'])
      add(
        whole,
        'sql-size',
        `${compound} SELECTs in one compound: ${LIMITS['sql.compoundSelect']} are the most.`,
        {
          instead: 'Use WITH ... VALUES, or several statements.',
        },
      )
    for (const pattern of patterns) {
      if (typeof pattern !== 'string' || utf8Length(pattern) <= LIMITS['sql.likePattern']) continue
      const literal =
        pieces.find(
          (piece) => piece.kind === 'string' && piece.text === `'${pattern.replaceAll("'", "''")}'`,
        ) ?? whole
      add(
        literal,
        'sql-like-pattern',
        `The pattern has ${utf8Length(pattern)} bytes; ${LIMITS['sql.likePattern']} are the most.`,
      )
    }
  }
}

function checkClauses(pieces: readonly Piece[], add: Add): void {
  pieces.forEach((piece, index) => {
    if (piece.kind !== 'word') return
    for (const { words, rule, message, on, instead } of CLAUSES) {
      if (
        !words.every(
          (word, offset) => pieces[index + offset]?.kind === 'word' && pieces[index + offset]?.text === word,
        )
      )
        continue
      // The SQL words INTERVAL and TYPE may also be names of columns; the next token shows which meaning
      // applies.
      if (words[0] === 'INTERVAL' && pieces[index + 1]?.kind !== 'string') continue
      if (words[0] === 'REPLACE' && index > 0 && pieces[index - 1]?.text === 'OR') continue
      if (words.length === 1 && (pieces[index - 1]?.text === '.' || pieces[index + 1]?.text === '.')) continue
      add({ start: piece.start, end: (pieces[index + words.length - 1] as Piece).end }, rule, message, {
        on,
        ...(instead === undefined ? {} : { instead }),
      })
    }
    if (piece.text === 'CREATE' && pieces.slice(index + 1, index + 4).some(({ text }) => text === 'TRIGGER'))
      add(piece, 'sql-clause', 'SQLite and Postgres write triggers differently.', {
        instead: 'Use a migration per dialect.',
        on: 'postgres',
      })
  })
}

function checkFunctions(pieces: readonly Piece[], add: Add): void {
  pieces.forEach((piece, index) => {
    if (piece.kind !== 'word' || pieces[index + 1]?.text !== '(' || pieces[index - 1]?.text === '.') return
    const known = FUNCTIONS.get(piece.text)
    if (known !== undefined) {
      add(
        piece,
        known.rule ?? 'sql-function',
        `${piece.text}() exists on ${known.on === 'postgres' ? 'SQLite' : 'Postgres'} only.`,
        {
          on: known.on,
          ...(known.instead === undefined ? {} : { instead: known.instead }),
        },
      )
    } else if (
      (piece.text === 'DATE' || piece.text === 'TIME') &&
      pieces[index + 2]?.text.toLowerCase() === "'now'"
    )
      add(piece, 'sql-date', `${piece.text}('now') means the time on SQLite only.`, { on: 'postgres' })
  })
}

function checkQuotes(pieces: readonly Piece[], add: Add): void {
  pieces.forEach((piece, index) => {
    // In SQL, `list[i]` is an element of an array, not a name in brackets.
    if (
      piece.text === '[' &&
      pieces[index - 1]?.end !== piece.start &&
      pieces[index + 1]?.kind === 'word' &&
      pieces[index + 2]?.text === ']'
    )
      add(piece, 'sql-quoted-name', 'Names in brackets exist on SQLite only.', { on: 'postgres' })
    if (piece.kind !== 'string') return
    const inside = piece.text.slice(1, -1)
    if (piece.text.startsWith('`'))
      add(piece, 'sql-quoted-name', 'Names in backticks exist on SQLite only.', { on: 'postgres' })
    else if (piece.text.startsWith("'") && /^%?\?\d*%?$/.test(inside))
      add(
        piece,
        'sql-placeholder-in-quotes',
        'The ? stands within quotes, where it is text and no placeholder.',
      )
    else if (piece.text.startsWith('"') && (isComparison(pieces, index) || isInValues(pieces, index)))
      add(
        piece,
        'sql-double-quotes',
        `${piece.text} is a name to Postgres, and text to SQLite only where no column has it.`,
        { on: 'postgres' },
      )
  })
}

function isComparison(pieces: readonly Piece[], index: number): boolean {
  const before = pieces[index - 1]?.text ?? ''
  // In SQL, `"a"."b"` names a column and is no string.
  return (['=', '>', '<', 'LIKE'].includes(before) || before === '||') && pieces[index + 1]?.text !== '.'
}

function isInValues(pieces: readonly Piece[], index: number): boolean {
  let depth = 0
  for (let at = index - 1; at >= 0; at--) {
    const text = pieces[at]?.text
    if (text === ')') depth++
    else if (text === '(' && depth-- === 0) {
      const opener = pieces[at - 1]?.text
      return (
        opener === 'VALUES' ||
        opener === 'IN' ||
        (opener === ',' &&
          pieces[at - 2]?.text === ')' &&
          pieces.slice(0, at).some((piece) => piece.text === 'VALUES'))
      )
    }
  }
  return false
}

function checkOperators(pieces: readonly Piece[], add: Add, place: SqlPlace): void {
  pieces.forEach((piece, index) => {
    const next = pieces[index + 1]
    const after = pieces[index + 2]
    const touches = next !== undefined && next.start === piece.end
    if (piece.text === '=' && next?.text === '=' && touches && pieces[index - 1]?.text !== '=')
      add({ start: piece.start, end: next.end }, 'sql-operator', '== exists on SQLite only.', {
        on: 'postgres',
        instead: 'Write =.',
      })
    if (piece.text === ':' && next?.text === ':' && touches)
      add({ start: piece.start, end: next.end }, 'sql-operator', ':: exists on Postgres only.', {
        on: 'sqlite',
        instead: 'Write CAST(value AS TYPE).',
      })
    if (
      (piece.text === ':' || piece.text === '@') &&
      touches &&
      next.kind === 'word' &&
      pieces[index - 1]?.text !== ':' &&
      isValuePlace(pieces[index - 1])
    )
      add({ start: piece.start, end: next.end }, 'sql-placeholder', 'Named placeholders are not portable.')
    if (
      (piece.text === 'GLOB' || piece.text === 'REGEXP' || piece.text === 'MATCH') &&
      piece.kind === 'word' &&
      (next?.kind === 'string' || next?.kind === 'placeholder')
    )
      add(piece, 'sql-operator', `${piece.text} exists on SQLite only.`, { on: 'postgres' })
    if (piece.text === 'IS' && piece.kind === 'word') {
      const operand = next?.text === 'NOT' ? after : next
      if (
        (operand?.kind === 'placeholder' && place !== 'fragment') ||
        operand?.kind === 'string' ||
        /^\d/.test(operand?.text ?? '')
      )
        add(piece, 'sql-operator', 'IS compares with any value on SQLite only.', {
          on: 'postgres',
          instead: 'Write =, or IS NULL, or IS NOT DISTINCT FROM ?.',
        })
    }
    if (
      (piece.text === 'TRUE' || piece.text === 'FALSE') &&
      ((next?.text === '=' && /^\d/.test(after?.text ?? '')) ||
        (pieces[index - 1]?.text === '=' && /^\d/.test(pieces[index - 2]?.text ?? '')))
    )
      add(piece, 'sql-boolean', 'A truth value is no number on Postgres.', { on: 'postgres' })
    if (piece.text === 'LIKE' && piece.kind === 'word') checkLike(pieces, index, add)
  })
}

function isValuePlace(before: Piece | undefined): boolean {
  return (
    before === undefined ||
    ['=', '<', '>', '(', ',', '+', '-', '*', '/'].includes(before.text) ||
    [
      'LIKE',
      'LIMIT',
      'OFFSET',
      'AND',
      'OR',
      'IN',
      'VALUES',
      'SET',
      'THEN',
      'ELSE',
      'WHEN',
      'SELECT',
    ].includes(before.text)
  )
}

function checkLike(pieces: readonly Piece[], index: number, add: Add): void {
  const pattern = pieces[index + 1]
  const isLiteral = pattern?.kind === 'string' && pattern.text.startsWith("'")
  if (!isLiteral && pattern?.kind !== 'placeholder') return
  if (isLiteral && !/[A-Za-z]/.test(pattern.text)) return
  // In SQL, `LOWER(name) LIKE 'text'` behaves the same on SQLite and Postgres, if the text is in lower case.
  const operand = pieces.slice(Math.max(0, index - 12), index).map(({ text }) => text)
  if (operand.includes('LOWER') || operand.includes('UPPER')) return
  add(
    pieces[index] as Piece,
    'sql-like-case',
    'LIKE ignores the case of ASCII letters on SQLite and not on Postgres.',
    { severity: 'warning', on: 'postgres' },
  )
}

function checkLimits(pieces: readonly Piece[], add: Add): void {
  let depth = 0
  let keyword = ''
  let limited = false
  pieces.forEach((piece, index) => {
    if (piece.text === '(') depth++
    if (piece.text === ')') depth--
    if (piece.kind === 'semicolon') {
      keyword = ''
      limited = false
    }
    if (piece.kind !== 'word') return
    if (keyword === '' && depth === 0) keyword = piece.text
    if (piece.text === 'LIMIT') {
      limited = true
      if (pieces[index + 1]?.text === '-')
        add(
          { start: piece.start, end: (pieces[index + 2] ?? piece).end },
          'sql-limit',
          'A negative LIMIT means all rows on SQLite only.',
          { on: 'postgres' },
        )
      if (depth === 0 && (keyword === 'UPDATE' || keyword === 'DELETE'))
        add(piece, 'sql-limit', `${keyword} has no LIMIT.`)
    }
    if (
      piece.text === 'OFFSET' &&
      !limited &&
      (pieces[index + 1]?.kind === 'placeholder' || /^\d/.test(pieces[index + 1]?.text ?? ''))
    )
      add(piece, 'sql-limit', 'OFFSET without LIMIT exists on Postgres only.', { on: 'sqlite' })
  })
}

function checkNames(pieces: readonly Piece[], add: Add): void {
  pieces.forEach((piece, index) => {
    if (piece.kind !== 'word') return
    if (
      (piece.text === 'ROWID' || piece.text === '_ROWID_') &&
      pieces[index - 1]?.text !== 'WITHOUT' &&
      pieces[index + 1]?.text !== '('
    )
      add(piece, 'sql-rowid', 'Only SQLite has a hidden row id.', { on: 'postgres' })
    const next = pieces[index + 1]
    if (
      piece.text === 'AS' &&
      next?.kind === 'word' &&
      isMixedCase(next.raw) &&
      pieces[index + 2]?.text !== '('
    )
      checkCase(next, add)
  })
}
