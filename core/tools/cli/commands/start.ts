import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import type { Adapter, ArtifactInfo, LocalRuntime } from '../../../adapter.ts'
import { loadAdapter } from '../../build/adapters.ts'
import { buildApp, readArtifact } from '../../build/build.ts'
import { targetFolder } from '../../build/environments.ts'
import { adminVariables, checkVariables, readEnvFiles } from '../../build/variables.ts'
import { findWranglerFile } from '../../build/wrangler/file.ts'
import { readDevVariables } from '../../build/worker/worker.ts'
import { usageError } from '../exit.ts'
import {
  addWorkerOptions,
  checkBuiltFor,
  chooseProject,
  inspectPort,
  loadArtifactTargets,
  options,
  strictBuild,
  strictSeed,
  type WorkerOptions,
} from '../options.ts'
import { createReporter, type Reporter, shortPath } from '../reporter.ts'
import { onStop } from '../signals.ts'

interface Options extends WorkerOptions {
  target: string
  dir?: string
  build?: true
  port: number
  host: string
  envFile?: string
  dataDir?: string
  strict?: number | true
  inspect?: number | true
  event?: string
  runtime?: string
  project: string
  reporter: 'text' | 'json'
}

/** Registers the command `unmoor start`. */
export function register(program: Command): void {
  const command = program
    .command('start')
    .description("run the built app on the target's real runtime, on this machine")
    .addOption(options.target())
    .option('--dir <dir>', 'the artifact (default: .unmoor/TARGET of the project)')
    .option('--build', 'build the app first')
    .addOption(options.port())
    .addOption(options.host())
    .addOption(options.envFile())
    .addOption(options.dataDir())
    .addOption(options.strict())
    .addOption(options.inspect())
    .option(
      '--event <kind>',
      'lambda: what stands before the function: url, v2, v1, alb, alb-multi or lattice (default: the ' +
        'config, else url)',
    )
    .option(
      '--runtime <kind>',
      'lambda: what runs the function: bootstrap, ric or container (default: the config, else ' +
        'bootstrap); isolate: server, or host for an unmoor host (default: server)',
    )
    .addOption(options.project())
    .addOption(options.reporter())
    .action(start)
  addWorkerOptions(command)
}

async function start(given: Options): Promise<void> {
  const report = createReporter(given.reporter)
  const found = await findArtifact(given, report)
  const { adapter, target, dir, info, projectDir, dataDir, environment, workerDir } = found
  const devVars = workerDir === undefined ? {} : await readDevVariables(workerDir, given.env)
  const read = await readEnvFiles(projectDir, {
    named: given.envFile,
    environment: given.env ?? environment,
  })
  const variables = checkVariables(
    info,
    { ...read, variables: { ...devVars, ...read.variables } },
    { starts: true, warn: (message) => report.warn(message) },
  )
  await runUntilStopped(target, info.manifest.name, report, () =>
    adapter.start({
      dir,
      info,
      dataDir:
        given.dataDir === undefined
          ? join(dataDir, targetFolder(adapter.name, environment))
          : resolve(given.dataDir),
      port: given.port,
      host: given.host,
      variables: { ...(hasAdminPort(info) ? adminVariables(read.variables, process.env) : {}), ...variables },
      inspectPort: inspectPort(given.inspect, adapter.name),
      testToken: process.env['UNMOOR_TEST_TOKEN'],
      onOutput: (line) => void process.stderr.write(`${line}\n`),
      log: report,
    }),
  )
}

/** Returns true if the artifact runs as a server that reads ADMIN_PORT and ADMIN_HOST. */
function hasAdminPort({ target, options: given }: ArtifactInfo): boolean {
  return target === 'node' || (target === 'isolate' && given['runtime'] !== 'host')
}

interface FoundArtifact {
  adapter: Adapter
  target: string
  dir: string
  info: ArtifactInfo
  projectDir: string
  dataDir: string
  /** Environment of the config that the artifact was built for. */
  environment: string | undefined
  /**
   * Folder of the wrangler file, which has the Worker's `.dev.vars`. It is found even if the command line of
   * `unmoor start` does not name the Worker.
   */
  workerDir: string | undefined
}

/** Finds the artifact for `unmoor start`; with `--build` it is built first. */
async function findArtifact(given: Options, report: Reporter): Promise<FoundArtifact> {
  const { targets, projectDir, config, dataDir, environment, named } = await loadArtifactTargets(
    given.project,
    [given.target],
    given,
  )
  const target = targets[0] as string
  if (given.build && given.dir !== undefined)
    throw usageError(
      '--build writes to .unmoor/TARGET; leave out --dir, or build with: unmoor build --out DIR',
    )
  if (given.strict !== undefined && given.dir !== undefined)
    throw usageError('--strict builds the app with other drivers; leave out --dir.')
  const seed = strictSeed(given.strict, report)
  const adapter = await loadAdapter(target, projectDir, config)
  const { outDir = join('.unmoor', targetFolder(adapter.name, environment)), strict } = strictBuild(
    seed,
    adapter.name,
    environment,
  )
  const dir = given.dir === undefined ? resolve(projectDir, outDir) : resolve(given.dir)
  if (given.build || strict !== undefined)
    await report.step('Building', () =>
      buildApp({
        projectDir,
        target,
        worker: chooseProject(given.project, given).worker,
        environment: given.env,
        strict,
        outDir,
        log: report,
      }),
    )
  const built = await readArtifact(dir, adapter.name, given.env)
  const info = withOptions(built, given)
  if (info.target !== adapter.name)
    throw usageError(`${dir} was built for "${info.target}", not for "${adapter.name}".`)
  checkBuiltFor(info, environment, shortPath(dir))
  // All environments of a Worker share one output folder, so the artifact there may be of another
  // environment.
  if (named !== undefined && given.dir === undefined && info.manifest.name !== named.name)
    throw usageError(
      `${shortPath(dir)} has "${info.manifest.name}", not "${named.name}". Build that one first: add ` +
        '--build.',
    )
  const workerDir = named?.worker.dir ?? (findWranglerFile(projectDir) === undefined ? undefined : projectDir)
  return { adapter, target, dir, info, projectDir, dataDir, environment, workerDir }
}

/** Runs the app for `unmoor start` until a signal stops it. An app that ends by itself is a failure. */
async function runUntilStopped(
  target: string,
  name: string,
  report: Reporter,
  startRuntime: () => Promise<LocalRuntime>,
): Promise<void> {
  // A signal that arrives while `unmoor start` starts the app takes effect after the start, since a
  // half-started runtime cannot be stopped.
  const asked = Promise.withResolvers<void>()
  const release = onStop(() => {
    report.info('Stopping ... (again: at once)')
    asked.resolve()
  })
  const started = performance.now()
  try {
    const runtime = await report.step(`Starting ${target}`, startRuntime)
    const ended = runtime.exited.then((code) => ({ code }))
    report.print(`${name} on ${runtime.runtime}: ${runtime.url} (Ctrl-C stops it)`)
    report.result({
      target,
      url: runtime.url,
      runtime: runtime.runtime,
      pids: runtime.pids,
      startMs: Math.round(performance.now() - started),
    })
    const end = await Promise.race([ended, asked.promise])
    if (end === undefined) await runtime.stop()
    else {
      report.warn(`The runtime ended by itself${end.code === null ? '' : ` with exit code ${end.code}`}.`)
      process.exitCode = 1
    }
  } finally {
    release()
  }
}

/**
 * Adds target options from the command line of `unmoor start` to the artifact's description; the adapter
 * checks their values.
 */
function withOptions(info: ArtifactInfo, { event, runtime }: Options): ArtifactInfo {
  if (event === undefined && runtime === undefined) return info
  if (event !== undefined && info.target !== 'lambda')
    throw usageError('--event sets what stands before a local Lambda: use it with --target lambda.')
  if (info.target !== 'lambda' && info.target !== 'isolate')
    throw usageError('--runtime sets what runs the app locally: use it with --target lambda or isolate.')
  return {
    ...info,
    options: {
      ...info.options,
      ...(event === undefined ? {} : { event }),
      ...(runtime === undefined ? {} : { runtime }),
    },
  }
}
