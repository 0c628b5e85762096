import type { RuleId } from './rules.ts'

/**
 * Severity of a finding. `error`: the code fails or behaves differently on a checked target. `warning`: the
 * code may do so.
 */
export type Severity = 'error' | 'warning'

/** A finding of `unmoor check`: a place in the app that a target cannot honour. */
export interface Finding {
  /** Stable id of the rule that made the finding; a silencing comment names it. */
  rule: RuleId
  severity: Severity
  /** Path of the file with the finding, relative to the project's folder, with `/`. */
  file: string
  /** Line of the finding, from 1. */
  line: number
  /** Column of the finding, from 1, in UTF-16 code units. */
  column: number
  /** Number of UTF-16 code units that the finding marks, at least 1; never beyond the line. */
  length: number
  /** Message of the finding: a sentence that says what is wrong and why. */
  message: string
  /** Advice for the finding: the nearest alternative. */
  instead: string
  /** Names of the targets that the finding concerns. */
  targets: readonly string[]
  /**
   * Chain of importing files from the app's entry to a dependency's file with the finding. Default: the file
   * is the app's own.
   */
  chain?: readonly string[]
}

/** Report of a rule of `unmoor check`, before its place is converted to line and column. */
export interface Report {
  rule: RuleId
  /** Offset of the finding in the file's text. */
  at: number
  length?: number
  message: string
  /** Advice that a rule gives for one report. Default: the rule's general advice. */
  instead?: string
  /** Severity of this rule report. Default: error. */
  severity?: Severity
  /** Names of the targets that this rule report concerns. Default: all checked targets. */
  targets?: readonly string[]
}
