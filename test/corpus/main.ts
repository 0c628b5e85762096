/**
 * `npm run corpus -- [--suite S] [--app NAME]... [--target T]... [--jobs N] [--timeout S] [--json]`: README.md.
 */
import { parseArgs } from 'node:util'
import { type SuiteName, SUITE_NAMES, SUITES } from './harness/suites.ts'

const USAGE = `npm run corpus -- [--suite S] [--app NAME]... [--target T]... [--jobs N] [--timeout S] [--json]

  --suite S       ${SUITE_NAMES.join(', ')} (default libraries)
  --app NAME      only that app of the suite; may be given often. --library NAME is the same
  --target T      only that target of the suite; may be given often
  --jobs N        apps at once (default 2)
  --timeout S     seconds for one app on all targets, after which it failed and is ended (default 600)
  --json          one JSON line last`

/** Timers take no more. */
const LONGEST = 2_000_000

class UsageError extends Error {}

const say = (line: string): void => void process.stderr.write(`${line}\n`)

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      suite: { type: 'string', default: 'libraries' },
      app: { type: 'string', multiple: true, default: [] },
      library: { type: 'string', multiple: true, default: [] },
      target: { type: 'string', multiple: true, default: [] },
      jobs: { type: 'string', default: '2' },
      timeout: { type: 'string', default: '600' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(USAGE)
    return 0
  }
  if (!SUITE_NAMES.includes(values.suite as SuiteName))
    throw new UsageError(`There is no suite ${values.suite}.`)
  const suite = SUITES[values.suite as SuiteName]
  const unknown = values.target.filter((name) => !suite.targets.includes(name))
  if (unknown.length > 0)
    throw new UsageError(
      `The suite ${suite.name} has no target ${unknown.join(', ')}. It has: ${suite.targets.join(', ')}.`,
    )
  const jobs = Number(values.jobs)
  if (!Number.isInteger(jobs) || jobs < 1)
    throw new UsageError(`--jobs takes a whole number from 1, not "${values.jobs}".`)
  const timeout = Number(values.timeout)
  if (!(timeout > 0 && timeout <= LONGEST))
    throw new UsageError(`--timeout takes seconds, at most ${LONGEST}, not "${values.timeout}".`)
  await suite.prepare(say)
  const { runCorpus } = await import('./harness/corpus.ts')
  const failed = await runCorpus({
    suite,
    names: [...values.app, ...values.library],
    targets: values.target.length > 0 ? values.target : suite.targets,
    jobs,
    timeout,
    json: values.json,
    say,
  })
  return failed ? 1 : 0
}

try {
  process.exitCode = await main()
} catch (error) {
  const usage =
    error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') === true
  console.error(usage ? `${(error as Error).message}\n\n${USAGE}` : error)
  process.exitCode = usage ? 2 : 1
}
