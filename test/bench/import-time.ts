import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type BenchOptions, type BenchResult, median, oneEach, round } from './bench.ts'
import { ours, type Subject } from './subject.ts'

/** Milliseconds that the three AWS drivers may add to the import of an app. */
const LIMIT = 10
/** Rounds at least: what is compared is small. */
const ROUNDS = 15
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const run = promisify(execFile)

/**
 * What the module of a Lambda app with DynamoDB, S3 and SQS bindings costs more to import, start of the
 * drivers included, than that of an empty app.
 */
export async function importTime(options: BenchOptions): Promise<BenchResult> {
  if (options.base !== undefined)
    return oneEach(
      'bindings.import',
      'ms',
      options,
      async (subject) => (await measure(subject, options)).added,
    )
  const { added, note } = await measure(ours, options)
  return {
    id: 'bindings.import',
    unit: 'ms',
    ours: added,
    against: { limit: LIMIT },
    ratio: { limit: round(LIMIT / Math.max(added, 0.001)) },
    spread: { ours: 0 },
    note,
  }
}

async function measure(
  subject: Subject,
  { rounds, log }: BenchOptions,
): Promise<{ added: number; note: string }> {
  const apps = ['lambda-empty', 'lambda-aws'] as const
  const files = new Map<string, string>()
  for (const app of apps) {
    const { outDir } = await subject.build({ projectDir: subject.file(`apps/${app}`), target: 'lambda' })
    files.set(app, join(outDir, 'index.mjs'))
  }
  const times = new Map<string, number[]>(apps.map((app) => [app, []]))
  const count = Math.max(rounds, ROUNDS)
  for (let index = 0; index < count; index++) {
    for (let turn = 0; turn < apps.length; turn++) {
      const app = apps[(turn + index) % apps.length] as (typeof apps)[number]
      times.get(app)?.push(await timed(files.get(app) as string))
    }
  }
  log(`bindings.import: ${count} rounds`)
  const [empty, aws] = apps.map((app) => median(times.get(app) as number[])) as [number, number]
  return {
    added: round(aws - empty),
    note: `${round(aws)} ms with DynamoDB, S3 and SQS, ${round(empty)} ms empty; medians of ${count}`,
  }
}

async function timed(file: string): Promise<number> {
  const { stdout } = await run(process.execPath, [here('./servers/import.ts'), file], {
    env: {
      PATH: process.env['PATH'],
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'bench',
      AWS_SECRET_ACCESS_KEY: 'bench',
      UNMOOR_TABLE: 'bench',
      UNMOOR_BUCKET: 'bench',
      CLICKS_QUEUE_URL: 'https://sqs.eu-central-1.amazonaws.com/1/clicks',
      NODE_NO_WARNINGS: '1',
    },
  })
  const milliseconds = Number(/import took ([\d.]+)/.exec(stdout)?.[1])
  if (!(milliseconds > 0)) throw new Error(`${file} was not imported: ${stdout}`)
  return milliseconds
}
