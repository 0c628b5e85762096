import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildApp } from 'unmoor/build'
import { failure, messageOf, type Result } from '../results.ts'
import { missingService } from '../services/index.ts'
import type { WorkerApp, WorkerTarget } from '../worker/case.ts'
import { runWorkerApp } from '../worker/run.ts'
import { discoverWorkers } from './discover.ts'
import { build, wrongRefusal } from './refusal.ts'
import type { NamedWorker } from './worker.ts'

/** Git ignores it, and the packages of the libraries are found from it. */
const COPIES = join(import.meta.dirname, '../../.unmoor/workers')
const WRANGLER_FILES = ['wrangler.json', 'wrangler.jsonc', 'wrangler.toml']

/** Serves a Worker by wrangler and on every target, and compares; or asks for its refusal. */
export async function runWorker(
  name: string,
  targets: readonly WorkerTarget[],
  onResult: (result: Result) => Promise<void>,
): Promise<string | undefined> {
  const [worker] = await discoverWorkers([name])
  if (worker === undefined) throw new Error(`There is no Worker ${name}.`)
  const skipped = await missingService(worker.services ?? [])
  if (skipped !== undefined) return skipped
  await mkdir(COPIES, { recursive: true })
  const dir = await mkdtemp(join(COPIES, `${name}-`))
  try {
    await cp(worker.source, dir, {
      recursive: true,
      filter: (path) => path !== join(worker.source, 'worker.ts'),
    })
    const files = await readdir(dir)
    const wrangler = WRANGLER_FILES.find((file) => files.includes(file)) as string
    if (worker.refused === undefined) await runBuilt(worker, dir, wrangler, targets, onResult)
    else await runRefused(worker, dir, wrangler, targets, onResult)
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 3 })
  }
  return undefined
}

type OnResult = (result: Result) => Promise<void>

async function runBuilt(
  worker: NamedWorker,
  dir: string,
  wrangler: string,
  targets: readonly WorkerTarget[],
  onResult: OnResult,
): Promise<void> {
  const app: WorkerApp = {
    ...worker,
    dir,
    config: join(dir, wrangler),
    worker: wrangler,
    scratch: join(dir, '.unmoor', 'run'),
  }
  const refused = worker.refusedOn ?? {}
  for (const target of targets)
    if (refused[target] !== undefined) await onResult(await refusedOn(app, target, refused[target]))
  await runWorkerApp(
    app,
    targets.filter((target) => refused[target] === undefined),
    onResult,
  )
}

/** A target that cannot have the Worker, which others can. */
async function refusedOn(app: WorkerApp, target: WorkerTarget, text: string): Promise<Result> {
  try {
    await buildApp({ projectDir: app.dir, target, worker: app.worker, outDir: join(app.scratch, target) })
  } catch (error) {
    const message = messageOf(error)
    const total = app.requests.length
    if (message.includes(text)) return { target, total, failures: [], declared: total, reason: text }
    return failure(app, target, 'build', [`it is declared that the build says "${text}"`, message])
  }
  return failure(app, target, 'build', ['the build is declared to refuse the Worker, and does not'])
}

async function runRefused(
  worker: NamedWorker,
  dir: string,
  wrangler: string,
  targets: readonly WorkerTarget[],
  onResult: OnResult,
): Promise<void> {
  const refusal = build(dir, wrangler, worker.environment)
  const control = join(dir, '..', `${worker.name}-control-${process.pid}`)
  await writeControl(control)
  const wrong = wrongRefusal(refusal, worker.refused ?? '', () => build(control, 'wrangler.json', undefined))
  await rm(control, { recursive: true, force: true })
  const reason = `in ${Math.round(refusal.ms)} ms`
  for (const target of targets)
    await onResult(
      wrong.length > 0
        ? failure(worker, target, 'build', wrong)
        : { target, total: 1, failures: [], declared: 1, reason },
    )
}

/** A Worker that is fine. */
async function writeControl(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true })
  const config = { name: 'control', main: 'index.js', compatibility_date: '2025-08-01' }
  await writeFile(join(dir, 'wrangler.json'), JSON.stringify(config))
  await writeFile(join(dir, 'index.js'), `export default { fetch: () => new Response('fine') }\n`)
}
