import { readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { buildApps, type BuiltApp } from '../../build/build.ts'
import { usageError } from '../exit.ts'
import { loadTargets, options } from '../options.ts'
import { createReporter, formatBytes, shortPath } from '../reporter.ts'

interface Options {
  target: string[]
  out?: string
  project: string
  reporter: 'text' | 'json'
}

/** `unmoor build`. */
export function register(program: Command): void {
  program
    .command('build')
    .description('build the app for one or more targets')
    .addOption(options.targets().makeOptionMandatory())
    .option('-o, --out <dir>', 'folder of the artifact, with one target (default: .unmoor/TARGET of the project)')
    .addOption(options.project())
    .addOption(options.reporter())
    .action(build)
}

async function build({ target, out, project, reporter }: Options): Promise<void> {
  const report = createReporter(reporter)
  const { targets, projectDir } = await loadTargets(project, target)
  if (out !== undefined && targets.length > 1)
    throw usageError(`--out takes one target, not ${targets.length}. Leave it out: each target has its own folder in .unmoor.`)
  const started = performance.now()
  const outDir = out === undefined ? undefined : resolve(out)
  const built = await report.step(`Building for ${targets.join(', ')}`, () =>
    buildApps({ projectDir, targets, log: report, ...(outDir === undefined ? {} : { outDir: () => outDir }) }),
  )
  const rows = await Promise.all(built.map(summary))
  for (const row of rows) report.print(`${row.target}: ${shortPath(row.dir)} (${formatBytes(row.bytes)}, ${row.ms} ms)`)
  report.result({ targets: rows, ms: Math.round(performance.now() - started) })
}

async function summary({ target, outDir, ms }: BuiltApp): Promise<{ target: string; dir: string; bytes: number; ms: number }> {
  let bytes = 0
  for (const entry of await readdir(outDir, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size
  }
  return { target, dir: outDir, bytes, ms: Math.round(ms) }
}
