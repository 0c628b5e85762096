import { expect, it } from 'vitest'
import { CASES, reportText, runConformance } from '../conformance/index.ts'

/** The whole suite on one target, on its real runtime. */
export function testConformance(target: string): void {
  it(`passes the conformance suite on ${target}`, { timeout: 240_000 }, async () => {
    const report = await runConformance({ target })
    // The whole text, so that a failure names its cases.
    expect(report.failed === 0 ? '' : reportText(report)).toBe('')
    expect(report.total).toBe(CASES.length)
    expect(report.passed + report.skipped + report.expectedFailures).toBe(report.total)
    expect(report.skipped).toBeLessThanOrEqual(report.total / 10)
    expect(report.expectedFailures).toBeLessThanOrEqual(5)
    expect(report.runtime).not.toBe('none')
  })
}
