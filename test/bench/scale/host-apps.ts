/** `scale.host.apps`: a host that only has its apps registered, as the command starts it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { freePort } from '../free-port.ts'
import { sameApps, startHost } from '../host-server.ts'
import { cpuTime, threadTime, waitedTime } from '../process-cpu.ts'
import { memoryOfOne } from '../process-memory.ts'
import { createSubject } from '../subject.ts'
import type { Figures, Operation, ScaleWork } from './work.ts'

/** Hours of usage that a host keeps. */
const HOURS = 24 * 32
/** Milliseconds: longer than the time between two saves of usage. */
const IDLE = 11_000
const SETTLE = 2000

export const HOST_APPS: Readonly<Record<string, ScaleWork>> = {
  'scale.host.apps': {
    sizes: [50, 500, 5000],
    rounds: 3,
    what:
      'a start of a host with so many apps and 32 days of hourly usage, against a read of their ' +
      'unmoor.json; then a look at its supervisor, which has nothing to do',
    ours: hostOf,
    floor(folder, size) {
      const file = join(folder, 'unmoor.json')
      writeFileSync(file, JSON.stringify({ format: 2, target: 'isolate', manifest: { bindings: {} } }))
      const run = (): number => {
        const apps = new Map<string, unknown>()
        for (let app = 0; app < size; app++) apps.set(`app-${app}`, JSON.parse(readFileSync(file, 'utf8')))
        return apps.size
      }
      return { run }
    },
  },
}

async function hostOf(root: string, folder: string, size: number): Promise<Operation> {
  const project = join(folder, 'project')
  mkdirSync(join(project, 'src'), { recursive: true })
  writeFileSync(join(project, 'package.json'), '{"name":"scale","type":"module"}')
  writeFileSync(
    join(project, 'src/app.ts'),
    `import { defineApp } from 'unmoor'\nexport default defineApp({ fetch: () => new Response('hi') })\n`,
  )
  const subject = createSubject('ours', root)
  const { outDir } = await subject.build({ projectDir: project, target: 'isolate' })
  const dataDir = join(folder, 'data')
  mkdirSync(dataDir)
  const hasUsage = await fillUsage(root, dataDir, size)
  let looked: Awaited<ReturnType<typeof look>> | undefined

  const measure = async (): Promise<Figures> => {
    const adminPort = await freePort()
    const started = performance.now()
    const host = await startHost(subject, {
      dataDir,
      processes: 1,
      apps: sameApps('app-', size, outDir),
      admin: { port: adminPort },
    })
    const seconds = (performance.now() - started) / 1000
    try {
      const cpu = cpuTime(host.pids)
      looked ??= await look(host.pids[0] as number, adminPort)
      const note = `${seconds.toFixed(1)} s, ${looked.note}${hasUsage ? '' : ', without usage'}`
      return { operations: 1, cpu, held: looked.ms, note }
    } finally {
      await host.stop()
    }
  }
  return { run: measure, measure }
}

/** Some seconds of an idle host: how long its admin port was silent at most, and what the supervisor took. */
async function look(supervisor: number, adminPort: number): Promise<{ ms: number; note: string }> {
  await sleep(SETTLE)
  const before = threadTime(supervisor)
  const began = performance.now()
  const waited = (): number => waitedTime(supervisor) + waitedTime(process.pid)
  let longest = 0
  while (performance.now() - began < IDLE) {
    const asked = performance.now() - waited()
    await (await fetch(`http://127.0.0.1:${adminPort}/healthz`)).text()
    longest = Math.max(longest, performance.now() - waited() - asked)
    await sleep(50)
  }
  const busy = (threadTime(supervisor) - before) / (performance.now() - began)
  const mb = memoryOfOne(supervisor)
  return { ms: longest, note: `supervisor ${(busy * 100).toFixed(1)}% of a core, ${Math.round(mb)} MB` }
}

/** What each app has used in each hour. False for a host that keeps usage in another way. */
async function fillUsage(root: string, dataDir: string, size: number): Promise<boolean> {
  const path = join(root, 'dist/adapters/isolate/host/admin/usage-store.js')
  const module = (await import(pathToFileURL(path).href).catch(() => undefined)) as
    | { UsageStore: { open(path: string): { close(): void } } }
    | undefined
  if (module === undefined) return false
  const file = join(dataDir, 'usage.sqlite')
  module.UsageStore.open(file).close()
  const database = new DatabaseSync(file)
  const first = (Math.floor(Date.now() / 3_600_000) - HOURS + 1) * 3_600_000
  const columns = database
    .prepare("SELECT name FROM pragma_table_info('usage') WHERE name NOT IN ('hour', 'app')")
    .all()
    .map((row) => String(row['name']))
  database.exec(
    `PRAGMA synchronous = OFF;
     WITH RECURSIVE h(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM h WHERE i < ${HOURS - 1}),
       a(name) AS MATERIALIZED (
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${size})
         SELECT 'app-' || i FROM n ORDER BY 1)
     INSERT INTO usage (hour, app, ${columns.join(', ')})
       SELECT ${first} + h.i * 3600000, a.name, ${columns.map(() => '10').join(', ')} FROM h CROSS JOIN a;
     PRAGMA wal_checkpoint(TRUNCATE);`,
  )
  database.close()
  return true
}
