import { expect, it } from 'vitest'
import { CASES, reportText, runConformance } from '../conformance/index.ts'

it('passes the conformance suite on a host, deployed over its admin API', { timeout: 240_000 }, async () => {
  const report = await runConformance({ target: 'isolate', targetOptions: { runtime: 'host' } })
  expect(report.failed === 0 ? '' : reportText(report)).toBe('')
  expect(report).toMatchObject({ total: CASES.length, passed: CASES.length, skipped: 0, expectedFailures: 0, runtime: expect.stringContaining('unmoor host') })
})
