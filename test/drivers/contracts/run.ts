import { describe, it } from 'vitest'
import type { DriverCase } from '../../conformance/drivers/driver-case.ts'
import { expectGaps, type Gaps } from './harness.ts'

/** Runs the published cases of a driver through Vitest. */
export function runCases(name: string, cases: readonly DriverCase[], gaps: Gaps = {}): void {
  // oxlint-disable-next-line vitest/valid-title -- it is one
  describe(name, () => {
    expectGaps(gaps)
    for (const { id, contract, skipped, seconds, run } of cases)
      it(`${id} ${contract}`, seconds === undefined ? {} : { timeout: seconds * 1000 }, async ({ skip }) => {
        const lacking = skipped ?? (await run())
        if (lacking !== undefined) skip(lacking)
      })
  })
}
