/** Runs the conformance cases of the Workers facade against a target. Runs on Node. */
import { randomUUID } from 'node:crypto'
import type { Log } from '../../../adapter.ts'
import { createReport, type CaseResult, type Report } from '../report.ts'
import { matches } from '../runner.ts'
import { WORKER_GROUPS, type WorkerCase } from './case.ts'
import { CRON_TIMES } from './cases/crons.ts'
import { WORKER_CASES } from './cases/all.ts'
import { PROJECT_CASES } from './projects/all.ts'
import type { ProjectCase } from './projects/project-case.ts'
import { runProjects } from './projects/run.ts'
import { WORKER_EXPECTATIONS } from './expectations.ts'
import { hasObjects, startWorker } from './running.ts'
import type { RunningWorker } from './running-worker.ts'

/** Options of {@link runWorkersConformance}. */
export interface WorkersConformanceOptions {
  /** Target of the Workers cases: `cloudflare` (workerd itself), `node`, `isolate` or `lambda`. */
  target: string
  /** Selects Workers cases whose id contains this text or matches it as a pattern with `*`. Default: all. */
  filter?: string | undefined
  log?: Log
  /** Called at the end of each Workers case. */
  onResult?: (result: CaseResult) => void
}

/**
 * Number of Workers cases per request. Some are slow by nature (queues, alarms) and run beside the others.
 */
const TOGETHER = 12
const REQUESTS = 4
const SILENT: Log = { info() {}, warn() {} }

/** Returns the cases of the Workers facade that `filter` selects. */
export function selectWorkerCases(filter?: string): readonly Pick<WorkerCase, 'id' | 'group' | 'contract'>[] {
  return [...WORKER_CASES, ...PROJECT_CASES].filter(({ id }) => matches(id, filter))
}

/**
 * Builds the fixture Worker and the Worker projects, starts each on the target, and runs every case once. A
 * Worker that does not start fails all of its cases.
 */
export async function runWorkersConformance(options: WorkersConformanceOptions): Promise<Report> {
  const { target, log = SILENT } = options
  const cases = WORKER_CASES.filter(({ id }) => matches(id, options.filter))
  const projects = PROJECT_CASES.filter(({ id }) => matches(id, options.filter))
  const { runtime, results } = cases.length === 0 ? NOTHING : await runFixture(cases, options, log)
  const others: CaseResult[] = []
  let other: string | undefined
  await runProjects(projects, target, log, (one, ms, error, name) => {
    other ??= name
    const result = judge(one, target, ms, error)
    others.push(result)
    options.onResult?.(result)
  })
  const name = runtime === NOTHING.runtime ? (other ?? runtime) : runtime
  return createReport(target, name, [...results, ...others], WORKER_GROUPS)
}

const NOTHING: { runtime: string; results: CaseResult[] } = { runtime: 'none', results: [] }

/** Runs the conformance cases that run within the fixture Worker. */
async function runFixture(
  cases: readonly WorkerCase[],
  options: WorkersConformanceOptions,
  log: Log,
): Promise<{ runtime: string; results: CaseResult[] }> {
  let worker: RunningWorker
  try {
    worker = await startWorker(options.target, log)
  } catch (error) {
    const message = `the target did not start: ${error instanceof Error ? error.message : String(error)}`
    log.warn(message)
    const results = cases.map((one): CaseResult => {
      return { ...facts(one), outcome: 'failed', ms: 0, error: message }
    })
    return { ...NOTHING, results }
  }
  try {
    const results = await runAll(cases, worker, options)
    if (results.some(({ outcome }) => outcome === 'failed'))
      for (const line of worker.output()) log.info(`  | ${line}`)
    return { runtime: worker.runtime, results }
  } finally {
    await worker.stop()
  }
}

async function runAll(
  cases: readonly WorkerCase[],
  worker: RunningWorker,
  { target, onResult }: WorkersConformanceOptions,
): Promise<CaseResult[]> {
  const run = randomUUID().slice(0, 8)
  for (const { cron, time } of CRON_TIMES) await worker.runCron(cron, time)
  const results = new Map<string, CaseResult>()
  const finish = (one: WorkerCase, ms: number, error: string | undefined): void => {
    const result = judge(one, target, ms, error)
    results.set(one.id, result)
    onResult?.(result)
  }
  const able = cases.filter(({ group }) => group !== 'object' || hasObjects(target))
  const chunks: WorkerCase[][] = []
  for (let at = 0; at < able.length; at += TOGETHER) chunks.push(able.slice(at, at + TOGETHER))
  const take = async (): Promise<void> => {
    for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
      const answers = await ask(worker.url, chunk, run)
      for (const one of chunk) {
        const answer = answers.find(({ id }) => id === one.id)
        finish(one, answer?.ms ?? 0, answer === undefined ? 'it was not answered' : answer.error)
      }
    }
  }
  await Promise.all(Array.from({ length: REQUESTS }, take))
  return cases.map(
    (one) => results.get(one.id) ?? { ...facts(one), ms: 0, outcome: 'skipped', reason: WITHOUT_OBJECTS },
  )
}

const WITHOUT_OBJECTS =
  'the target has no Durable Objects: its build refuses a Worker that names one ' +
  '(test/unit/worker-build.test.ts)'

async function ask(
  url: string,
  cases: readonly WorkerCase[],
  run: string,
): Promise<{ id: string; ms: number; error?: string }[]> {
  const failed = (error: string): { id: string; ms: number; error: string }[] =>
    cases.map(({ id }) => ({ id, ms: 0, error }))
  try {
    const response = await fetch(new URL('/run', url), {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-case': 'a header', connection: 'close' },
      body: JSON.stringify({ ids: cases.map(({ id }) => id), run }),
      signal: AbortSignal.timeout(60_000),
    })
    const text = await response.text()
    return response.status === 200
      ? (JSON.parse(text) as { id: string; ms: number; error?: string }[])
      : failed(`the Worker answered ${response.status}: ${text.slice(0, 300)}`)
  } catch (error) {
    return failed(error instanceof Error ? `${error.name}: ${error.message}` : String(error))
  }
}

function facts({
  id,
  group,
  contract,
}: WorkerCase | ProjectCase): Pick<CaseResult, 'id' | 'group' | 'contract'> {
  return { id, group, contract }
}

function judge(
  one: WorkerCase | ProjectCase,
  target: string,
  ms: number,
  error: string | undefined,
): CaseResult {
  const reason = WORKER_EXPECTATIONS[target]?.[one.id]
  if (reason !== undefined && error !== undefined)
    return { ...facts(one), ms, outcome: 'expectedFailure', error, reason }
  if (reason !== undefined)
    return {
      ...facts(one),
      ms,
      outcome: 'failed',
      error: `it passes, but is expected to fail: ${reason}. Take it out of the target's expectations.`,
    }
  return error === undefined
    ? { ...facts(one), ms, outcome: 'passed' }
    : { ...facts(one), ms, outcome: 'failed', error }
}
