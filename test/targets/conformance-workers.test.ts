import { expect, test } from 'vitest'
import { reportText, runWorkersConformance } from '../../core/tools/conformance/index.ts'
import { WHOLE_SUITE } from '../patience.ts'

// The simulator comes first: it is the referee of the others.
test.each(['cloudflare', 'node', 'isolate', 'lambda'])(
  'the cases of a Worker hold on %s',
  WHOLE_SUITE,
  async (target) => {
    const report = await runWorkersConformance({ target })
    expect(report.failed, reportText(report)).toBe(0)
    expect(report.total).toBe(report.passed + report.expectedFailures + report.skipped)
  },
)
