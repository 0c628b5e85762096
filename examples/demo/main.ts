import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LocalRuntime, Log } from 'unmoor/adapter'
import { buildApps, type BuiltApp } from 'unmoor/build'
import { runScenario, type Answer } from './scenario.ts'

const TARGETS = ['node', 'cloudflare', 'lambda', 'isolate']
const TOKEN = 'demo-admin-token'

interface Row {
  target: string
  runtime: string
  buildMs: number
  startMs: number
  requests: number
  equal: boolean
}

const json = process.argv.includes('--json')
const say = (message: string): void => void process.stderr.write(`${message}\n`)
const log: Log = { info: () => {}, warn: say }
const running: LocalRuntime[] = []
const dir = await mkdtemp(join(tmpdir(), 'unmoor-demo-'))
try {
  process.exitCode = await main()
} finally {
  await Promise.allSettled(running.map((runtime) => runtime.stop()))
  await rm(dir, { recursive: true, force: true })
}

async function main(): Promise<number> {
  const projectDir = join(import.meta.dirname, '../links')
  const started = performance.now()
  const apps = await buildApps({ projectDir, targets: TARGETS, outDir: (target) => join(dir, target), log })
  say(`built for ${TARGETS.join(', ')} in ${Math.round(performance.now() - started)} ms`)
  const runtimes = await Promise.all(apps.map(start))
  const answers = await Promise.all(runtimes.map(({ runtime }) => runScenario(runtime.url, TOKEN)))
  const reference = answers[0] as Answer[]
  const rows = apps.map((app, index): Row => {
    const { runtime, startMs } = runtimes[index] as { runtime: LocalRuntime; startMs: number }
    const own = answers[index] as Answer[]
    return {
      target: app.target,
      runtime: runtime.runtime,
      buildMs: Math.round(app.ms),
      startMs,
      requests: own.length,
      equal: report(app.target, own, reference),
    }
  })
  const allEqual = rows.every(({ equal }) => equal)
  if (json) process.stdout.write(`${JSON.stringify({ targets: rows, allEqual })}\n`)
  else printTable(rows, allEqual)
  return allEqual ? 0 : 1
}

async function start(app: BuiltApp): Promise<{ runtime: LocalRuntime; startMs: number }> {
  const started = performance.now()
  const runtime = await app.adapter.start({
    dir: app.outDir,
    info: app.info,
    dataDir: join(dir, 'data', app.target),
    port: 0,
    variables: { ADMIN_TOKEN: TOKEN },
    log,
  })
  running.push(runtime)
  say(`${app.target} answers at ${runtime.url}`)
  return { runtime, startMs: Math.round(performance.now() - started) }
}

/** Returns true if the answers equal those of the first target; prints the ones that differ. */
function report(target: string, own: readonly Answer[], reference: readonly Answer[]): boolean {
  let equal = own.length === reference.length
  own.forEach((answer, index) => {
    const expected = JSON.stringify(reference[index])
    if (JSON.stringify(answer) === expected) return
    equal = false
    say(
      `${target} differs at request ${index + 1}:\n  got      ${JSON.stringify(answer).slice(0, 500)}\n  expected ${expected?.slice(0, 500)}`,
    )
  })
  return equal
}

function printTable(rows: readonly Row[], allEqual: boolean): void {
  const cells = [
    ['target', 'runtime', 'build ms', 'start ms', 'requests', 'same answers'],
    ...rows.map((row) => [
      row.target,
      row.runtime,
      String(row.buildMs),
      String(row.startMs),
      String(row.requests),
      row.equal ? 'yes' : 'no',
    ]),
  ]
  const widths =
    cells[0]?.map((_, column) => Math.max(...cells.map((row) => (row[column] as string).length))) ?? []
  for (const row of cells)
    process.stdout.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] as number))
        .join('  ')
        .trimEnd()}\n`,
    )
  process.stdout.write(allEqual ? '\nOne app, four runtimes, the same answers.\n' : '\nThe answers differ.\n')
}
