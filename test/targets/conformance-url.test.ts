import { afterAll, beforeAll, expect, it } from 'vitest'
import { runConformance } from '../../core/tools/conformance/index.ts'
import { startTarget, type RunningTarget } from '../../core/tools/conformance/target.ts'

// A deployment is what answers at a URL: here a Node server that this test has started.
let deployed: RunningTarget

beforeAll(async () => {
  deployed = await startTarget({ target: 'node', log: { info() {}, warn() {} } })
})
afterAll(() => deployed?.stop())

it('runs against a URL with the token: inside, wire and cron cases', async () => {
  const report = await runConformance({
    target: 'node',
    url: deployed.url,
    token: deployed.token,
    filter: '*-01',
  })
  expect(report.cases.filter(({ outcome }) => outcome === 'failed')).toEqual([])
  expect(report.runtime).toMatch(/^Node\.js/)
  expect(Object.keys(report.groups)).toContain('cron')
})

it('fails every case where the token is wrong, and says so', async () => {
  const report = await runConformance({ target: 'node', url: deployed.url, token: 'wrong', filter: 'kv-0' })
  expect(report).toMatchObject({ total: 9, failed: 9 })
  expect(report.cases[0]?.error).toContain('--token')
})
