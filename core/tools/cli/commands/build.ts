import { readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { buildApps, type BuiltApp } from '../../build/build.ts'
import { checkApp } from '../../check/check.ts'
import { formatFinding, formatSummary } from '../../check/report-text.ts'
import { usageError } from '../exit.ts'
import { addWorkerOptions, loadTargets, options, type WorkerOptions } from '../options.ts'
import { createReporter, formatBytes, shortPath } from '../reporter.ts'

interface Options extends WorkerOptions {
  target: string[]
  out?: string
  package?: string
  project: string
  reporter: 'text' | 'json'
  check: boolean
  dataRoute?: true
}

/** Registers the command `unmoor build`. */
export function register(program: Command): void {
  const command = program
    .command('build')
    .description('build the app for one or more targets')
    .addOption(options.targets().makeOptionMandatory())
    .option(
      '-o, --out <dir>',
      'folder of the artifact, with one target (default: .unmoor/TARGET of the project, with --env ' +
        'TARGET.NAME)',
    )
    .option(
      '--package <kind>',
      "lambda: image, or zip for a function of AWS's own Node.js (default: the config, else image)",
    )
    .addOption(options.project())
    .addOption(options.reporter())
    .option(
      '--data-route',
      'let unmoor data, cron and queue reach the running app; it needs the secret UNMOOR_DATA_TOKEN',
    )
    .option('--no-check', 'do not look for what the targets cannot honour (unmoor check)')
    .addHelpText('after', '\nExit codes: 0 built, 1 not built, or unmoor check finds errors, 2 wrong use.')
    .action(build)
  addWorkerOptions(command)
}

async function build({
  target,
  out,
  package: packaging,
  project,
  reporter,
  check,
  dataRoute,
  ...given
}: Options): Promise<void> {
  const report = createReporter(reporter)
  const { targets, projectDir, choice, worker } = await loadTargets(project, target, given)
  if (out !== undefined && targets.length > 1)
    throw usageError(
      `--out takes one target, not ${targets.length}. Leave it out: each target has its own folder in ` +
        '.unmoor.',
    )
  if (packaging !== undefined && !targets.includes('lambda'))
    throw usageError('--package sets how a function is packed: use it with --target lambda.')
  const targetOptions = packaging === undefined ? undefined : { lambda: { package: packaging } }
  const started = performance.now()
  const outDir = out === undefined ? undefined : resolve(out)
  const built = await report.step(`Building for ${targets.join(', ')}`, () =>
    buildApps({
      projectDir,
      targets,
      worker: choice,
      environment: given.env,
      targetOptions,
      log: report,
      dataRoute,
      ...(outDir === undefined ? {} : { outDir: () => outDir }),
    }),
  )
  const rows = await Promise.all(built.map(summary))
  // `unmoor build` also runs the rules of `unmoor check` over an app, since an app that builds may still
  // throw at run time. A Worker is not checked, since the rules do not know Cloudflare's API.
  const checked =
    check && worker === undefined
      ? await checkApp({ projectDir, targets, environment: given.env })
      : undefined
  for (const finding of checked?.findings ?? [])
    report.warn(formatFinding(finding, checked as NonNullable<typeof checked>))
  if (checked !== undefined && checked.findings.length > 0)
    report.warn(`${formatSummary(checked)}. Silence one with a comment: // unmoor-ignore RULE: why`)
  for (const row of rows)
    report.print(`${row.target}: ${shortPath(row.dir)} (${formatBytes(row.bytes)}, ${row.ms} ms)`)
  report.result({
    targets: rows,
    ms: Math.round(performance.now() - started),
    findings: checked?.findings ?? [],
  })
  // If `unmoor build` finds errors in the app's code, it exits with code 1, so that a script does not deploy
  // the artifacts, although they are complete.
  if (checked?.findings.some(({ severity }) => severity === 'error') === true) process.exitCode = 1
}

async function summary({
  target,
  outDir,
  ms,
}: BuiltApp): Promise<{ target: string; dir: string; bytes: number; ms: number }> {
  let bytes = 0
  for (const entry of await readdir(outDir, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size
  }
  return { target, dir: outDir, bytes, ms: Math.round(ms) }
}
