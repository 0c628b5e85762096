import type { RuleId } from './rules.ts'

/** `error`: it fails, or behaves differently, on a target that was asked for. `warning`: it may. */
export type Severity = 'error' | 'warning'

/** One thing that a target cannot honour, with its place. */
export interface Finding {
  /** Stable; what a silencing comment names. */
  rule: RuleId
  severity: Severity
  /** From the project's folder, with `/`. */
  file: string
  /** From 1. */
  line: number
  /** From 1, in UTF-16 code units. */
  column: number
  /** Code units that are marked, at least 1; never beyond the line. */
  length: number
  /** What is wrong and why, in one sentence. */
  message: string
  /** The nearest alternative. */
  instead: string
  /** The targets that it concerns. */
  targets: readonly string[]
  /** For code of a dependency: the files from the app's entry to it. */
  chain?: readonly string[]
}

/** What a rule says before it is known where it stands. */
export interface Report {
  rule: RuleId
  /** Offset in the file's text. */
  at: number
  length?: number
  message: string
  /** Default: the rule's own. */
  instead?: string
  /** Default: error. */
  severity?: Severity
  /** Default: every target that was asked for. */
  targets?: readonly string[]
}
