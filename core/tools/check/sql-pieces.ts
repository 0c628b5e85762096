import type { Token } from '../../bindings/sql-tokenizer.ts'
import type { Severity } from './finding.ts'
import type { RuleId } from './rules.ts'
import type { FailsOn } from './sql-words.ts'

/** What is wrong with a text. */
export interface SqlFinding {
  rule: RuleId
  /** Offset in the text, and how many code units. */
  at: number
  length: number
  message: string
  instead?: string
  severity?: Severity
  /** The engine on which it fails; absent where it fails on each. */
  on?: FailsOn
}

/** A token that is no space, with its text as written, and in upper case where it is a word. */
export interface Piece extends Token {
  text: string
  raw: string
}

/** Adds a finding at a piece. */
export type Add = (
  piece: { start: number; end: number },
  rule: RuleId,
  message: string,
  more?: Partial<SqlFinding>,
) => void

/** A token as a piece. */
export function toPiece(text: string, token: Token): Piece {
  const raw = text.slice(token.start, token.end)
  return { ...token, raw, text: token.kind === 'word' ? raw.toUpperCase() : raw }
}

/** A name that Postgres would make another. */
export function isMixedCase(name: string): boolean {
  return /[a-z]/.test(name) && /[A-Z]/.test(name)
}

/** Reports such a name. */
export function checkCase(name: Piece, add: Add): void {
  add(
    name,
    'sql-name-case',
    `Postgres makes ${name.raw} ${name.raw.toLowerCase()}: rows have that key there.`,
    { on: 'postgres' },
  )
}
