/**
 * Runs web-platform-tests against the isolate's web API: `WPT_DIR=checkout npm run wpt -- [AREA...] [--json]
 * [--runtime isolate|node] [--only TEXT] [--failures] [--write-expectations]`. Exit code 1 where something
 * fails that no expectation names, or passes although one does.
 */
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { AREAS } from './areas.ts'
import { compare, expectationsFile, readExpectations, renewed } from './expectations.ts'
import { runArea } from './runner.ts'
import { createIsolateRunner } from './runtime-isolate.ts'
import { createNodeRunner } from './runtime-node.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    runtime: { type: 'string', default: 'isolate' },
    only: { type: 'string' },
    failures: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '2' },
    'write-expectations': { type: 'boolean', default: false },
  },
})

process.exitCode = await main()

async function main(): Promise<number> {
  const root = resolve(process.env['WPT_DIR'] ?? '')
  if (process.env['WPT_DIR'] === undefined || !existsSync(join(root, 'resources/testharness.js'))) {
    console.error('Set WPT_DIR to a checkout of web-platform-tests; README.md says where one comes from.')
    return 2
  }
  const areas = positionals.length === 0 ? AREAS : AREAS.filter(({ name }) => positionals.includes(name))
  if (areas.length === 0)
    throw new Error(
      `There is no area ${positionals.join(', ')}. There are: ${AREAS.map(({ name }) => name).join(', ')}.`,
    )
  if (values.runtime !== 'isolate' && values.runtime !== 'node')
    throw new Error(`There is no runtime "${values.runtime}": isolate or node.`)
  const run = values.runtime === 'node' ? createNodeRunner() : await createIsolateRunner()
  const counts: Record<string, { passed: number; total: number }> = {}
  let surprises = 0
  for (const area of areas) {
    const expectations = await readExpectations(area.name)
    const result = await runArea(area, {
      root,
      run,
      expectations,
      only: values.only,
      jobs: Number(values.jobs),
    })
    counts[area.name] = { passed: result.passed, total: result.total }
    console.log(`${area.name.padEnd(24)} ${result.passed} of ${result.total}`)
    if (values.failures)
      for (const file of result.files)
        for (const test of file.tests)
          if (test.status !== 0) console.log(`  ${file.id}: ${test.name}: ${test.message}`)
    if (values['write-expectations']) {
      await mkdir(new URL('expectations/', import.meta.url), { recursive: true })
      const list = renewed(result, expectations)
      if (list.length > 0 || expectations.length > 0)
        await writeFile(expectationsFile(area.name), `${JSON.stringify(list, null, 2)}\n`)
    }
    // Node's own results are a yardstick; the expectations are the isolate's.
    if (values.runtime !== 'isolate' || values['write-expectations']) continue
    const { failures, passes } = compare(result, expectations)
    surprises += failures.length + passes.length
    for (const line of failures) console.error(`  unexpected failure: ${line}`)
    for (const line of passes) console.error(`  unexpected pass: ${line}`)
  }
  if (values.json) console.log(JSON.stringify({ areas: counts }))
  return surprises === 0 ? 0 : 1
}
