import type { RuleId } from './rules.ts'

/** `error`: the code fails or behaves differently on a checked target. `warning`: the code may do so. */
export type Severity = 'error' | 'warning'

/** A place in the app that a target cannot honour. */
export interface Finding {
  /** Stable id of the rule, which a silencing comment names. */
  rule: RuleId
  severity: Severity
  /** Path relative to the project's folder, with `/`. */
  file: string
  /** Line of the finding, from 1. */
  line: number
  /** Column of the finding, from 1, in UTF-16 code units. */
  column: number
  /** Number of marked UTF-16 code units, at least 1; never beyond the line. */
  length: number
  /** Sentence that says what is wrong and why. */
  message: string
  /** Advice: the nearest alternative. */
  instead: string
  /** Names of the targets that the finding concerns. */
  targets: readonly string[]
  /**
   * Chain of importing files from the app's entry to a dependency's file. Default: the file is the app's own.
   */
  chain?: readonly string[]
}

/** A rule's report, before its place is converted to line and column. */
export interface Report {
  rule: RuleId
  /** Offset of the finding in the file's text. */
  at: number
  length?: number
  message: string
  /** Advice for this report. Default: the rule's advice. */
  instead?: string
  /** Severity of this report. Default: error. */
  severity?: Severity
  /** Names of the targets concerned. Default: all checked targets. */
  targets?: readonly string[]
}
