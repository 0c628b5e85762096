import { expect, it } from 'vitest'
import { runHostSoak } from '../../core/tools/conformance/index.ts'

it('a host under load, with a deploy each second and an app that loops, fails no request of the others', async () => {
  const report = await runHostSoak({ seconds: 6, tenants: 5, processes: 2 })
  expect(report.failures).toEqual([])
  expect(report).toMatchObject({ failed: 0, exitCode: 0 })
  expect(report.requests).toBeGreaterThan(100)
  expect(report.deploys).toBeGreaterThan(5 + 1)
  expect(report.refused).toBeGreaterThanOrEqual(1)
  expect(report.memory.end).toBeGreaterThan(10)
})
