/**
 * `npm run corpus -- [--library NAME]... [--target T]... [--jobs N] [--timeout S] [--json]`: README.md.
 */
import { parseArgs } from 'node:util'
import { install } from './harness/install.ts'
import { type Target, TARGETS } from './harness/library.ts'

const USAGE = `npm run corpus -- [--library NAME]... [--target T]... [--jobs N] [--timeout S] [--json]

  --library NAME  only that library; may be given often
  --target T      only that target (${TARGETS.join(', ')}); may be given often
  --jobs N        libraries at once (default 2); the targets of one run side by side
  --timeout S     seconds for one library on all targets, after which it failed and is ended (default 600)
  --json          one JSON line last`

/** Timers take no more. */
const LONGEST = 2_000_000

class UsageError extends Error {}

const say = (line: string): void => void process.stderr.write(`${line}\n`)

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      library: { type: 'string', multiple: true, default: [] },
      target: { type: 'string', multiple: true, default: [...TARGETS] },
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
  const unknown = values.target.filter((name) => !TARGETS.includes(name as Target))
  if (unknown.length > 0) throw new UsageError(`There is no target ${unknown.join(', ')}.`)
  const jobs = Number(values.jobs)
  if (!Number.isInteger(jobs) || jobs < 1)
    throw new UsageError(`--jobs takes a whole number from 1, not "${values.jobs}".`)
  const timeout = Number(values.timeout)
  if (!(timeout > 0 && timeout <= LONGEST))
    throw new UsageError(`--timeout takes seconds, at most ${LONGEST}, not "${values.timeout}".`)
  install(say)
  // These import the libraries and `unmoor` as packages: they are there only now.
  const { runCorpus } = await import('./harness/corpus.ts')
  const failed = await runCorpus({
    libraries: values.library,
    targets: values.target as Target[],
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
