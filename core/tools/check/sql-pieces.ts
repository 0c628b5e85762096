import type { Token } from '../../bindings/sql-tokenizer.ts'
import type { Severity } from './finding.ts'
import type { RuleId } from './rules.ts'
import type { FailsOn } from './sql-words.ts'

/** A finding of `unmoor check` in a SQL text. */
export interface SqlFinding {
  rule: RuleId
  /** Offset of the finding in the SQL text, with `length` in UTF-16 code units. */
  at: number
  length: number
  message: string
  instead?: string
  severity?: Severity
  /** Engine (SQLite or Postgres) on which the SQL fails. Default: it fails on each engine. */
  on?: FailsOn
}

/** A SQL token other than white space. `raw` is its text as written; `text` is upper case for a word. */
export interface Piece extends Token {
  text: string
  raw: string
}

/** Adds a finding at the position of a SQL token. */
export type Add = (
  piece: { start: number; end: number },
  rule: RuleId,
  message: string,
  more?: Partial<SqlFinding>,
) => void

/** Converts a token of the SQL tokenizer to one with its text. */
export function toPiece(text: string, token: Token): Piece {
  const raw = text.slice(token.start, token.end)
  return { ...token, raw, text: token.kind === 'word' ? raw.toUpperCase() : raw }
}

/** True for a SQL name in mixed case, which Postgres folds to lower case unless it is quoted. */
export function isMixedCase(name: string): boolean {
  return /[a-z]/.test(name) && /[A-Z]/.test(name)
}

/** Reports a SQL name in mixed case. */
export function checkCase(name: Piece, add: Add): void {
  add(
    name,
    'sql-name-case',
    `Postgres makes ${name.raw} ${name.raw.toLowerCase()}: rows have that key there.`,
    { on: 'postgres' },
  )
}
