import { join, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { executeFile } from '../../data/execute.ts'
import type { Adapter, MigrateOptions, RecordedReport } from '../../../adapter.ts'
import { UnmoorError } from '../../../errors.ts'
import { loadAdapter } from '../../build/adapters.ts'
import { readArtifact } from '../../build/build.ts'
import { targetFolder } from '../../build/environments.ts'
import { checkMigrationName, createMigration } from '../../build/migrations.ts'
import { loadProject, type Project } from '../../build/project.ts'
import { checkVariables, readEnvFiles } from '../../build/variables.ts'
import { printPlan, printStatus } from '../migration-lists.ts'
import {
  addWorkerOptions,
  checkBuiltFor,
  chooseProject,
  loadArtifactTargets,
  loadTargets,
  options,
  type WorkerOptions,
} from '../options.ts'
import { usageError } from '../exit.ts'
import { createReporter, type Reporter, shortPath } from '../reporter.ts'

interface Options extends WorkerOptions {
  target?: string
  status?: true
  dryRun?: true
  url?: string
  file?: string
  database?: string
  dir?: string
  envFile?: string
  dataDir?: string
  project: string
  reporter: 'text' | 'json'
}

/** Options of a run on the databases of one target. */
type RunOptions = Options & { target: string }

/** Registers the commands `unmoor migrate` and `unmoor migrate new`. */
export function register(program: Command): void {
  const command = program
    .command('migrate')
    .description("apply the built app's migrations to its databases")
    .addOption(options.target().makeOptionMandatory(false))
    .option('--status', 'only list which migrations are applied, and when, and which are pending')
    .option('--dry-run', 'only print the SQL of the migrations that would be applied')
    .option(
      '--url <url>',
      'the database, such as postgres://user@host/name (default: what the app itself would use)',
    )
    .option('--file <path>', 'run the statements of this file in place of the migrations, all or none')
    .option('--database <binding>', 'with --file, or for new: which database (default: the only one)')
    .option('--dir <dir>', 'the artifact (default: .unmoor/TARGET of the project)')
    .addOption(options.envFile())
    .addOption(options.dataDir())
    .addOption(options.project())
    .addOption(options.reporter())
    .action(run)
  addWorkerOptions(command)
  const create = command
    .command('new')
    .description("create the SQL file of a new migration, with the next number, in the database's folder")
    .argument('<name>', 'such as add_users: lower-case letters, digits, - and _')
    // Commander's parent command takes the options that both have, wherever they stand; these are for --help.
    .addOption(new Option('--database <binding>', 'which database (default: the only one with migrations)'))
    .addOption(options.project())
    .addOption(options.reporter())
    .action((name: string) => createFile(name, create.optsWithGlobals<Options>()))
  addWorkerOptions(create)
}

async function run(given: Options): Promise<void> {
  const { target, file, database, status, dryRun } = given
  if (target === undefined)
    throw usageError("required option '-t, --target <name>' not specified. It says whose databases.")
  if (status === true && dryRun === true) throw usageError('--status and --dry-run: give one of them.')
  const reads = status === true ? '--status' : dryRun === true ? '--dry-run' : undefined
  if (file !== undefined && reads !== undefined)
    throw usageError(`${reads} tells of the migrations, which --file leaves out: give one of them.`)
  const report = createReporter(given.reporter)
  if (file !== undefined) return runFile({ ...given, target }, file, report)
  if (database !== undefined)
    throw usageError('--database says where --file runs, or where new puts a file: use it with those.')
  const { adapter, options: prepared } = await prepare({ ...given, target }, report)
  if (reads !== undefined) {
    const recorded = await report.step('Reading', () => readRecorded(adapter, prepared, reads))
    if (Object.keys(recorded).length === 0) report.print('This app declares no migrations.')
    report.result(
      status === true
        ? { target, bindings: printStatus(prepared.info, recorded, report) }
        : { target, dryRun: true, bindings: printPlan(prepared.info, recorded, report) },
    )
    return
  }
  const done = await report.step('Migrating', () => adapter.migrate(prepared))
  for (const [binding, { applied, already }] of Object.entries(done)) {
    report.print(
      `${binding}: ${applied.length === 0 ? 'nothing to apply' : `applied ${applied.join(', ')}`} ` +
        `(${already.length} had been)`,
    )
  }
  if (Object.keys(done).length === 0) report.print('This app declares no migrations.')
  report.result({ target, bindings: done })
}

async function prepare(
  given: RunOptions,
  report: Reporter,
): Promise<{ adapter: Adapter; options: MigrateOptions }> {
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
  return {
    adapter,
    options: {
      dir,
      info,
      dataDir: given.dataDir === undefined ? join(dataDir, folder) : resolve(given.dataDir),
      variables,
      url: given.url,
      log: report,
    },
  }
}

function readRecorded(adapter: Adapter, prepared: MigrateOptions, option: string): Promise<RecordedReport> {
  if (adapter.recordedMigrations !== undefined) return adapter.recordedMigrations(prepared)
  throw new UnmoorError(
    'Unsupported',
    `The target "${adapter.name}" has no ${option}: its adapter has no recordedMigrations(), which reads ` +
      'what the databases have recorded.',
    { operation: 'migrate' },
  )
}

async function runFile(given: RunOptions, file: string, report: Reporter): Promise<void> {
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

/** Options of `unmoor migrate` that say nothing to `unmoor migrate new`, by their flags. */
const NOT_FOR_NEW = {
  '--target': 'target',
  '--status': 'status',
  '--dry-run': 'dryRun',
  '--url': 'url',
  '--file': 'file',
  '--dir': 'dir',
  '--env-file': 'envFile',
  '--data-dir': 'dataDir',
} as const

async function createFile(name: string, given: Options): Promise<void> {
  for (const [flag, key] of Object.entries(NOT_FOR_NEW))
    if (given[key] !== undefined)
      throw usageError(`unmoor migrate new makes a file, for all targets and databases: leave out ${flag}.`)
  checkMigrationName(name)
  const report = createReporter(given.reporter)
  const { projectDir, worker } = chooseProject(given.project, given)
  const project = await report.step('Reading the app', () =>
    loadProject(projectDir, { worker, environment: given.env, log: report, declarationsOnly: true }),
  )
  const { binding, folder } = chooseFolder(project, given.database)
  const made = await createMigration(resolve(project.projectDir, folder), binding, name)
  report.print(shortPath(made.path))
  report.result({ binding, ...made })
}

/** Returns the database for a new migration, and its folder relative to the project. */
function chooseFolder(
  { manifest, worker }: Project,
  database: string | undefined,
): { binding: string; folder: string } {
  const databases = Object.entries(manifest.bindings).flatMap(([binding, declaration]) =>
    declaration.kind === 'sql' ? [{ binding, folder: declaration.migrations }] : [],
  )
  const list = (some: typeof databases): string => some.map(({ binding }) => binding).join(', ')
  const own = database === undefined ? undefined : worker?.spec.env[database]
  const named = own?.type === 'd1' ? own.binding : database
  const migrated = databases.filter(({ folder }) => folder !== undefined)
  const fitting =
    named === undefined
      ? migrated.length > 0
        ? migrated
        : databases
      : databases.filter(({ binding }) => binding === named)
  const [first, ...more] = fitting
  if (first === undefined)
    throw usageError(
      databases.length === 0
        ? 'The app has no database.'
        : `The app has no database "${database}". Databases: ${list(databases)}.`,
    )
  if (more.length > 0)
    throw usageError(`The app has several databases: ${list(fitting)}. Name one: --database ${first.binding}`)
  const { binding, folder } = first
  if (folder !== undefined) return { binding, folder }
  throw usageError(
    `The database "${binding}" declares no folder of migrations. ` +
      (worker === undefined
        ? `Declare it: ${binding}: sql({ migrations: './migrations' }).`
        : 'Make the folder "migrations" beside the wrangler file, or name one as migrations_dir.'),
  )
}
