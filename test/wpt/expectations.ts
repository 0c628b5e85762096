import { readFile } from 'node:fs/promises'
import type { AreaResult, FileResult } from './result.ts'

/** What is known not to pass, and why. */
export interface Expectation {
  /** The file, with its variant where it has some. */
  readonly file: string
  /**
   * Names of the tests that fail; `all` of the file; or `skip`, where the file is not run and not counted.
   */
  readonly tests: readonly string[] | 'all' | 'skip'
  readonly reason: string
}

/**
 * The expectations of an area: `expectations/AREA.json`, slashes as dashes; none where there is no such file.
 */
export async function readExpectations(area: string): Promise<Expectation[]> {
  const text = await readFile(expectationsFile(area), 'utf8').catch(() => '[]')
  const list = JSON.parse(text) as Expectation[]
  for (const { file, reason } of list)
    if (reason === '') throw new Error(`The expectation for ${file} gives no reason.`)
  return list
}

export function expectationsFile(area: string): URL {
  return new URL(`expectations/${area.replaceAll('/', '-')}.json`, import.meta.url)
}

/** What an area did that its expectations don't say. */
export interface Surprises {
  /** Tests that fail and should pass: file, name, message. */
  readonly failures: readonly string[]
  /** Tests that pass and should fail, and expected failures that are gone. */
  readonly passes: readonly string[]
}

export function compare(result: AreaResult, expectations: readonly Expectation[]): Surprises {
  const failures: string[] = []
  const passes: string[] = []
  for (const file of result.files) {
    const expected = expectations.filter((entry) => entry.file === file.id)
    const isExpected = (name: string): boolean =>
      expected.some(({ tests }) => tests === 'all' || tests.includes(name))
    const failing = failingNames(file)
    for (const test of file.tests)
      if (test.status !== 0 && !isExpected(test.name))
        failures.push(`${file.id}: ${test.name}: ${test.message}`)
    for (const { tests } of expected) {
      const names =
        tests === 'all' ? file.tests.map((test) => test.name) : typeof tests === 'string' ? [] : tests
      for (const name of names) if (!failing.has(name)) passes.push(`${file.id}: ${name}`)
    }
  }
  return { failures, passes }
}

// Some files have several tests of one name: it fails if any of them does.
function failingNames(file: FileResult): Set<string> {
  return new Set(file.tests.filter((test) => test.status !== 0).map((test) => test.name))
}

/** Expectations that say what happened: known reasons are kept, new failures have none yet. */
export function renewed(result: AreaResult, old: readonly Expectation[]): Expectation[] {
  const entries: Expectation[] = old.filter((entry) => entry.tests === 'skip')
  for (const file of result.files) {
    const byReason = new Map<string, string[]>()
    for (const name of failingNames(file)) {
      const known = old.find(
        (entry) =>
          entry.file === file.id &&
          (entry.tests === 'all' || (typeof entry.tests !== 'string' && entry.tests.includes(name))),
      )
      const reason = known?.reason ?? ''
      byReason.set(reason, [...(byReason.get(reason) ?? []), name])
    }
    for (const [reason, tests] of byReason)
      entries.push({
        file: file.id,
        tests: tests.length === new Set(file.tests.map((test) => test.name)).size ? 'all' : tests,
        reason,
      })
  }
  return entries
}
