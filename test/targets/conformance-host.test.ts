import { expect, it } from 'vitest'
import isolate from '../../adapters/isolate/index.ts'
import { CASES, reportText, runConformance } from '../../core/tools/conformance/index.ts'
import { WHOLE_SUITE } from '../patience.ts'

it('passes the conformance suite on a host, deployed over its admin API', WHOLE_SUITE, async () => {
  const report = await runConformance({ target: 'isolate', targetOptions: { runtime: 'host' } })
  expect(report.failed === 0 ? '' : reportText(report)).toBe('')
  const { total, passed, skipped, expectedFailures, runtime } = report
  expect([total, expectedFailures, runtime]).toEqual([
    CASES.length,
    0,
    expect.stringContaining('unmoor host'),
  ])
  // What the target declares that it lacks.
  const lacking = CASES.filter(({ needs }) => needs !== undefined && !isolate.capabilities[needs])
  expect([passed, skipped]).toEqual([CASES.length - lacking.length, lacking.length])
})
