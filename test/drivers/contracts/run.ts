import { describe, it } from 'vitest'
import type { DriverCase } from '../../../core/tools/conformance/drivers/driver-case.ts'
import { expectGaps, type Gaps } from './harness.ts'

/** Runs the published cases of a driver through Vitest, but for those that are only about a large amount. */
export function runCases(name: string, cases: readonly DriverCase[], gaps: Gaps = {}): void {
  run(
    name,
    cases.filter(({ load }) => load !== true),
    gaps,
  )
}

/** Runs those that are only about a large amount. */
export function runLoadCases(name: string, cases: readonly DriverCase[]): void {
  run(
    name,
    cases.filter(({ load }) => load === true),
    {},
  )
}

function run(name: string, cases: readonly DriverCase[], gaps: Gaps): void {
  // oxlint-disable-next-line vitest/valid-title -- it is one
  describe(name, () => {
    expectGaps(gaps)
    for (const { id, contract, skipped, seconds, run: work } of cases)
      it(`${id} ${contract}`, seconds === undefined ? {} : { timeout: seconds * 1000 }, async ({ skip }) => {
        const lacking = skipped ?? (await work())
        if (lacking !== undefined) skip(lacking)
      })
  })
}
