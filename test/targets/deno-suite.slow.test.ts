/** The whole suite on a third party's adapter. */
import { expect, it } from 'vitest'
import { CASES } from '../../core/tools/conformance/index.ts'
import deno from '../../examples/deno/adapter.ts'
import { runSuite } from './deno-suite.ts'
import { WHOLE_SUITE } from '../patience.ts'

/**
 * Deno drops a body of a client that has left, unless it has been read before: which comes first is a race,
 * so that nothing can be expected of it. A client that closes its side after its request is dropped as well,
 * unless its answer has been written before.
 */
const RACES: ReadonlySet<string> = new Set(['handlers-129', 'handlers-130', 'handlers-131', 'handlers-132'])

it('the adapter outside of the package passes the whole suite on Deno', WHOLE_SUITE, async () => {
  const { code, report, stderr } = await runSuite()
  expect(
    report.cases.filter(({ id, outcome }) => outcome === 'failed' && !RACES.has(id)),
    stderr.slice(-3000),
  ).toEqual([])
  expect(code).toBe(report.failed === 0 ? 0 : 1)
  expect(report).toMatchObject({ target: 'deno', total: CASES.length })
  expect(report.runtime).toMatch(/^deno 2\./)
  // Skipped is only what the adapter declares that it lacks, and whose negative twin passed.
  const lacking = Object.entries(deno.capabilities).flatMap(([name, there]) =>
    there ? [] : [`without ${name}`],
  )
  for (const { outcome, reason } of report.cases) if (outcome === 'skipped') expect(lacking).toContain(reason)
  // What Deno itself has different, and nothing else.
  const different = report.cases.filter(({ id, outcome }) => outcome === 'expectedFailure' && !RACES.has(id))
  expect(different.map(({ id }) => id)).toEqual([
    'handlers-166',
    'handlers-169',
    'handlers-172',
    'handlers-173',
    'handlers-174',
    'handlers-175',
    'handlers-178',
    'handlers-179',
    'handlers-180',
    'handlers-181',
    'answers-35',
    'answers-47',
    'answers-49',
    'fetch-18',
    'fetch-20',
    'fetch-36',
    'fetch-43',
    'fetch-90',
    'handlers-134',
    'handlers-184',
    'handlers-185',
    'handlers-141',
    'handlers-143',
    'runtime-65',
    'runtime-67',
    'kv-06',
    'kv-18',
  ])
})
