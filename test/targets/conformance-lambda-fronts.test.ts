/**
 * The cases of HTTP behind each kind of front that makes events (the Function URL has the whole suite in
 * `conformance-lambda.test.ts`), and with several events at once in an environment. What the bindings do does
 * not depend on the front, so those cases are left to `unmoor conformance --target lambda --event KIND`.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type LocalAws, startLocalAws } from '../../adapters/lambda/local/services/index.ts'
import lambda from '../../adapters/lambda/index.ts'
import type { DriverSpec } from '../../core/adapter.ts'
import { createManifest } from '../../core/manifest.ts'
import { createSocketsFixture } from '../../core/tools/conformance/fixture/app-sockets.ts'
import { WASM } from '../../core/tools/conformance/fixture/project.ts'
import { type Report, reportText, runConformance } from '../../core/tools/conformance/index.ts'
import { WHOLE_SUITE } from '../patience.ts'

const STARTS: readonly Readonly<Record<string, unknown>>[] = [
  { event: 'v2' },
  { event: 'v1' },
  { event: 'alb' },
  { event: 'alb-multi' },
  { event: 'lattice' },
  { event: 'url', concurrency: 8 },
]
const AT_ONCE = 3

// One set of services for all: none of these cases lets anything wait in a queue.
let aws: LocalAws
beforeAll(async () => {
  const app = createSocketsFixture(new WebAssembly.Module(WASM), { binary: false, largeMessages: false })
  const manifest = createManifest('conformance', app)
  const drivers = Object.entries(manifest.bindings).flatMap(([name, { kind }]): [string, DriverSpec][] => {
    const spec = lambda.defaultDrivers[kind]
    return spec === undefined ? [] : [[name, spec]]
  })
  aws = await startLocalAws({
    manifest,
    drivers: Object.fromEntries(drivers),
    variables: {},
    log: { info() {}, warn() {} },
  })
})
afterAll(() => aws.stop())

it('passes behind every front', WHOLE_SUITE, async () => {
  const left = STARTS.map((targetOptions) => ({ targetOptions }))
  const reports: { name: string; report: Report }[] = []
  const work = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) {
      const { targetOptions } = one
      const report = await runConformance({
        target: 'lambda',
        // Most of the CPU time is starts of environments: two cases at once need few of them. A circle of
        // services takes four, while one waits for a minute in vain, and one streams to nobody.
        concurrency: 2,
        targetOptions: { ...targetOptions, maxEnvironments: 8 },
        variables: aws.variables,
        groups: [
          'handlers',
          'answers',
          'fetch',
          'service',
          ...(targetOptions['concurrency'] === undefined ? [] : (['runtime', 'cron'] as const)),
        ],
      })
      reports.push({ name: JSON.stringify(targetOptions), report })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  expect(reports).toHaveLength(STARTS.length)
  for (const { name, report } of reports) {
    expect(report.failed === 0 ? '' : `${name}\n${reportText(report)}`).toBe('')
    expect(report.total).toBeGreaterThanOrEqual(163)
    expect(report.runtime).toContain('bootstrap')
  }
})
