import { expect, test } from 'vitest'
import { withoutWrongUsage } from '../../adapters/isolate/host/supervisor/usage-report.ts'
import { emptyUsage } from '../../adapters/isolate/host/usage.ts'

test('what a process reports of its apps is counted only where it is a usage, and else told', () => {
  const usage = { ...emptyUsage(), requests: 3, limits: { cpuMs: 1 } }
  // As it comes over IPC: NaN and Infinity are null.
  const reported = JSON.parse(
    JSON.stringify({
      good: { usage, memory: 5 },
      nan: { usage: { ...usage, cpuUs: NaN }, memory: 5 },
      infinite: { usage, memory: Infinity },
      below: { usage: { ...usage, wallMs: -1 }, memory: 5 },
      text: { usage: { ...usage, bytesIn: '7' }, memory: 5 },
      limits: { usage: { ...usage, limits: { cpuMs: 'x' } }, memory: 5 },
      noLimits: { usage: { ...usage, limits: null }, memory: 5 },
      lacking: { usage: {}, memory: 5 },
      empty: {},
      nothing: null,
    }),
  ) as Parameters<typeof withoutWrongUsage>[0]['apps']
  const told: string[] = []
  const report = withoutWrongUsage(
    { type: 'usage', id: 7, live: 1, waiting: 2, apps: reported },
    (line) => void told.push(line),
  )
  expect(report).toEqual({ type: 'usage', id: 7, live: 1, waiting: 2, apps: { good: { usage, memory: 5 } } })
  expect(told.map((line) => /of "(\w+)" that is none: /.exec(line)?.[1])).toEqual(
    Object.keys(reported).filter((app) => app !== 'good'),
  )
})
