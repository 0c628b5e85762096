import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { executeFile } from '../../data/execute.ts'
import { loadAdapter } from '../../build/adapters.ts'
import { readArtifact } from '../../build/build.ts'
import { targetFolder } from '../../build/environments.ts'
import { checkVariables, readEnvFiles } from '../../build/variables.ts'
import {
  addWorkerOptions,
  checkBuiltFor,
  loadArtifactTargets,
  loadTargets,
  options,
  type WorkerOptions,
} from '../options.ts'
import { usageError } from '../exit.ts'
import { createReporter, type Reporter, shortPath } from '../reporter.ts'

interface Options extends WorkerOptions {
  target: string
  url?: string
  file?: string
  database?: string
  dir?: string
  envFile?: string
  dataDir?: string
  project: string
  reporter: 'text' | 'json'
}

/** Registers the command `unmoor migrate`. */
export function register(program: Command): void {
  const command = program
    .command('migrate')
    .description("apply the built app's migrations to its databases")
    .addOption(options.target())
    .option(
      '--url <url>',
      'the database, such as postgres://user@host/name (default: what the app itself would use)',
    )
    .option('--file <path>', 'run the statements of this file in place of the migrations, all or none')
    .option('--database <binding>', 'with --file: which database (default: the only one)')
    .option('--dir <dir>', 'the artifact (default: .unmoor/TARGET of the project)')
    .addOption(options.envFile())
    .addOption(options.dataDir())
    .addOption(options.project())
    .addOption(options.reporter())
    .action(migrate)
  addWorkerOptions(command)
}

async function migrate(given: Options): Promise<void> {
  const report = createReporter(given.reporter)
  if (given.file !== undefined) return runFile(given, given.file, report)
  if (given.database !== undefined) throw usageError('--database says where --file runs: use it with --file.')
  const { targets, projectDir, config, dataDir, environment } = await loadArtifactTargets(
    given.project,
    [given.target],
    given,
  )
  const target = targets[0] as string
  const adapter = await loadAdapter(target, projectDir, config)
  const folder = targetFolder(adapter.name, environment)
  const dir = given.dir === undefined ? join(projectDir, '.unmoor', folder) : resolve(given.dir)
  const info = await readArtifact(dir, adapter.name, given.env)
  checkBuiltFor(info, environment, shortPath(dir))
  const envFile = await readEnvFiles(projectDir, {
    named: given.envFile,
    environment: given.env ?? environment,
  })
  const variables = checkVariables(info, envFile, {
    starts: false,
    warn: (message) => report.warn(message),
  })
  const done = await report.step('Migrating', () =>
    adapter.migrate({
      dir,
      info,
      dataDir: given.dataDir === undefined ? join(dataDir, folder) : resolve(given.dataDir),
      variables,
      url: given.url,
      log: report,
    }),
  )
  for (const [binding, { applied, already }] of Object.entries(done)) {
    report.print(
      `${binding}: ${applied.length === 0 ? 'nothing to apply' : `applied ${applied.join(', ')}`} ` +
        `(${already.length} had been)`,
    )
  }
  if (Object.keys(done).length === 0) report.print('This app declares no migrations.')
  report.result({ target, bindings: done })
}

async function runFile(given: Options, file: string, report: Reporter): Promise<void> {
  for (const name of ['url', 'dir'] as const)
    if (given[name] !== undefined)
      throw usageError(`--file runs where the target's own driver leads: leave out --${name}.`)
  const { projectDir, targets, choice } = await loadTargets(given.project, [given.target], given)
  const target = targets[0] as string
  const done = await report.step('Running', () =>
    executeFile({
      projectDir,
      target,
      worker: choice,
      environment: given.env,
      file: resolve(file),
      database: given.database,
      dataDir: given.dataDir === undefined ? undefined : resolve(given.dataDir),
      envFile: given.envFile,
    }),
  )
  report.print(`${done.binding}: ran ${done.statements} statement${done.statements === 1 ? '' : 's'}`)
  report.result({ target, ...done })
}
