import type { TestResult } from './script.ts'

/** Name of the test that stands for a file which could not run. */
export const WHOLE_FILE = '(file)'

/** A file's results. */
export interface FileResult {
  readonly id: string
  readonly tests: readonly TestResult[]
}

export interface AreaResult {
  readonly name: string
  readonly passed: number
  readonly total: number
  readonly files: readonly FileResult[]
}
