/**
 * Process that runs workerd and Miniflare's simulators. `unmoor start --target cloudflare` spawns it and
 * controls it over its IPC channel; it exits when that channel closes. It is a process of its own so that its
 * resource use can be measured apart from the command's.
 */
import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { promisify } from 'node:util'
import type { Cron as CronJob } from 'croner'
import type { Miniflare as Simulator } from 'miniflare'
import {
  migrate,
  type MigrationRun,
  recordedMigrations,
  type RecordedMigrations,
} from '../../../core/bindings/migrations.ts'
import { isUnmoorError } from '../../../core/errors.ts'
import type { SimulatorAnswer, SimulatorRequest, SimulatorStart } from './simulator-protocol.ts'
import { loadMiniflare } from './miniflare.ts'
import { migratePostgres } from './migrate-postgres.ts'
import type { NativeD1 } from '../runtime/native.ts'
import { createD1Driver } from '../runtime/sql.ts'

let running: { mf: Simulator; crons: CronJob[] } | undefined

process.on('message', (request: SimulatorRequest) => {
  void handle(request)
})
process.on('disconnect', () => void stop())
// SIGINT is ignored: the terminal sends Ctrl-C to the whole process group, and the command that spawned this
// process decides when to stop.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => void stop())

async function handle(request: SimulatorRequest): Promise<void> {
  switch (request.type) {
    case 'start':
      try {
        answer(await start(request))
      } catch (error) {
        answer({
          type: 'failed',
          message: error instanceof Error ? error.message : String(error),
          ...(isUnmoorError(error) ? { error: error.toJSON() } : {}),
        })
      }
      return
    case 'cron':
      try {
        await fire(request.cron, request.scheduledTime)
        answer({ type: 'cron', id: request.id })
      } catch (error) {
        answer({
          type: 'cron',
          id: request.id,
          error: error instanceof Error ? error.message : String(error),
        })
      }
      return
    case 'stop':
      await stop()
  }
}

function answer(message: SimulatorAnswer): void {
  if (process.connected) process.send?.(message)
}

async function start(request: SimulatorStart): Promise<SimulatorAnswer> {
  const { miniflare, versions } = loadMiniflare()
  const { Log, LogLevel, Miniflare } = miniflare
  const { simulator, listen } = request
  const mf = new Miniflare({
    workers: [
      {
        config: { ...simulator, manifest: await readManifest(request.modules) },
        // Requests go to workerd directly: Miniflare's own front would rewrite Accept-Encoding and take the
        // URL from a header that any client can send.
        ...(listen === undefined ? {} : { dev: { unsafeDirectSockets: [listen] } }),
      },
    ],
    resourcePersistencePath: request.persist,
    host: '127.0.0.1',
    port: 0,
    // `cf: false` keeps Miniflare from fetching a sample of `request.cf` from the network.
    cf: false,
    log: new Log(LogLevel.WARN),
  })
  running = { mf, crons: [] }
  await mf.ready
  const { migrated, recorded } = await migrateDatabases(mf, request)
  if (listen !== undefined && request.schedules.length > 0) running.crons = await schedule(request.schedules)
  const pids = await childPids()
  watch(pids)
  const url = listen === undefined ? '' : (await mf.unsafeGetDirectURL()).origin
  return {
    type: 'ready',
    url,
    pids: [process.pid, ...pids],
    runtime: `workerd ${versions.workerd}`,
    migrated,
    recorded,
  }
}

type Ready = Extract<SimulatorAnswer, { type: 'ready' }>

/** Applies the request's migrations, or reads what the D1 databases have recorded. */
async function migrateDatabases(
  mf: Simulator,
  request: SimulatorStart,
): Promise<Pick<Ready, 'migrated' | 'recorded'>> {
  const migrated: Record<string, MigrationRun> = {}
  const recorded: Record<string, RecordedMigrations> = {}
  for (const [binding, { native, migrations }] of Object.entries(request.migrations)) {
    const database = (await mf.getD1Database(native)) as unknown as NativeD1
    const driver = createD1Driver(database)
    if (request.onlyReads) recorded[binding] = await recordedMigrations(driver)
    else migrated[binding] = await migrate(driver, binding, migrations)
  }
  if (!request.onlyReads)
    for (const [binding, { options, app, migrations }] of Object.entries(request.postgres))
      if (migrations.length > 0) migrated[binding] = await migratePostgres(binding, options, app, migrations)
  return { migrated, recorded }
}

/**
 * Reads the Worker's modules, by the names under which they import each other. The first module is the main
 * module.
 */
async function readManifest(modules: SimulatorStart['modules']) {
  const main = modules[0]?.path ?? ''
  const entries = modules.map(async ({ type, path }) => {
    const contents = type === 'esm' ? await readFile(path, 'utf8') : new Uint8Array(await readFile(path))
    return [basename(path), { type, contents }] as const
  })
  return {
    mainModule: basename(main),
    modulesRoot: dirname(main),
    modules: Object.fromEntries(await Promise.all(entries)),
  }
}

/** Fires crons at their scheduled minute in UTC, as Cloudflare does. */
async function schedule(schedules: readonly string[]): Promise<CronJob[]> {
  const { Cron } = await import('croner')
  return schedules.map(
    (cron) =>
      new Cron(cron, { timezone: 'UTC' }, async (self) => {
        const at = self.currentRun() ?? new Date()
        await fire(cron, at.setSeconds(0, 0)).catch((error: unknown) =>
          console.error(`cron "${cron}" failed:`, error instanceof Error ? error.message : error),
        )
      }),
  )
}

async function fire(cron: string, scheduledTime: number): Promise<void> {
  const worker = await (running as { mf: Simulator }).mf.getWorker()
  const { outcome } = await worker.scheduled({ cron, scheduledTime: new Date(scheduledTime) })
  if (outcome !== 'ok')
    throw new Error(`The cron "${cron}" ended with "${outcome}"; what it threw is in the Worker's log.`)
}

async function stop(): Promise<void> {
  const current = running
  running = undefined
  for (const cron of current?.crons ?? []) cron.stop()
  await current?.mf.dispose().catch(() => {})
  process.exit(0)
}

/** Ends this process when workerd ends, since Miniflare itself would keep running without workerd. */
function watch(pids: readonly number[]): void {
  const timer = setInterval(() => {
    if (running === undefined || pids.every(isAlive)) return
    console.error('workerd ended unexpectedly')
    clearInterval(timer)
    process.exit(1)
  }, 500)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Returns the process ids of this process's children: workerd. */
async function childPids(): Promise<number[]> {
  try {
    const tasks = await readdir('/proc/self/task')
    const lists = await Promise.all(
      tasks.map((task) => readFile(`/proc/self/task/${task}/children`, 'utf8').catch(() => '')),
    )
    return lists.join(' ').split(/\s+/).filter(Boolean).map(Number)
  } catch {
    // macOS has no /proc, so `pgrep` finds the child processes.
    const { stdout } = await promisify(execFile)('pgrep', ['-P', String(process.pid)]).catch(() => ({
      stdout: '',
    }))
    return stdout.split(/\s+/).filter(Boolean).map(Number)
  }
}
