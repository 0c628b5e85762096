import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import type { LocalRuntime } from '../../../adapter.ts'
import { buildApp } from '../../build/build.ts'
import type { Project, WorkerChoice } from '../../build/project.ts'
import { explainMissingPackage } from '../../build/packages.ts'
import { readDevVariables } from '../../build/worker/worker.ts'
import { collectVariables, readEnvFile, undeclaredWarning } from '../../build/variables.ts'
import { isUnmoorError } from '../../../errors.ts'
import {
  addWorkerOptions,
  inspectPort,
  loadTargets,
  options,
  strictBuild,
  strictSeed,
  type WorkerOptions,
} from '../options.ts'
import { createReporter, type Reporter } from '../reporter.ts'
import { onStop } from '../signals.ts'
import { type Inputs, watchProject } from '../watch.ts'

interface Options extends WorkerOptions {
  target: string
  port: number
  host: string
  envFile?: string
  dataDir?: string
  strict?: number | true
  inspect?: number | true
  project: string
}

/** `unmoor dev`. */
export function register(program: Command): void {
  const command = program
    .command('dev')
    .description(
      'build and run the app, and again at every change; a build that fails leaves the old one running',
    )
    .addOption(options.target().makeOptionMandatory(false).default('node'))
    .addOption(options.port())
    .addOption(options.host())
    .addOption(options.envFile())
    .addOption(options.dataDir())
    .addOption(options.strict())
    .addOption(options.inspect())
    .addOption(options.project())
    .action(dev)
  addWorkerOptions(command)
}

async function dev(given: Options): Promise<void> {
  const report = createReporter('text')
  // A wrong target is an error at once; what a change can mend is not.
  const { projectDir, targets, dataDir, choice } = await loadTargets(given.project, [given.target], given)
  const target = targets[0] as string
  const strict = strictSeed(given.strict, report)
  let inputs: Inputs | undefined
  const changes = watchProject(
    projectDir,
    [given.dataDir === undefined ? dataDir : resolve(given.dataDir)],
    () => inputs,
  )
  const release = onStop(() => changes.close())
  let current: LocalRuntime | undefined
  try {
    for (;;) {
      ;({ current, inputs } = await rebuild(
        { ...given, seed: strict, choice },
        projectDir,
        target,
        current,
        report,
      ))
      // What changed while it was building makes this return at once.
      const changed = await changes.next()
      if (changed === undefined) break
      report.info(`${changed} changed`)
    }
  } finally {
    changes.close()
    release()
    await current?.stop()
  }
}

/**
 * Builds, and replaces the running app where that went well; returns what runs afterwards, and what a build
 * that went well has read.
 */
async function rebuild(
  given: Options & { seed: number | undefined; choice: WorkerChoice | undefined },
  projectDir: string,
  target: string,
  old: LocalRuntime | undefined,
  report: Reporter,
): Promise<{ current: LocalRuntime | undefined; inputs: Inputs | undefined }> {
  let current = old
  let inputs: Inputs | undefined
  try {
    const { adapter, outDir, info, project, modules, ms } = await buildApp({
      projectDir,
      target,
      worker: given.choice,
      ...strictBuild(given.seed, target),
      development: true,
      log: report,
    })
    const envPath = resolve(projectDir, given.envFile ?? '.env')
    const { worker } = project
    const envFile = {
      ...(worker === undefined ? {} : await readDevVariables(worker.dir, given.env)),
      ...(await readEnvFile(envPath, given.envFile !== undefined)),
    }
    const undeclared = undeclaredWarning(info, envFile, given.envFile ?? '.env')
    if (undeclared !== undefined) report.warn(undeclared)
    inputs = { modules, folders: readFolders(projectDir, project), envFile: envPath }
    // The old and the new app want the same port and the same data.
    await old?.stop()
    current = undefined
    current = await adapter.start({
      dir: outDir,
      info,
      dataDir: given.dataDir === undefined ? join(project.dataDir, adapter.name) : resolve(given.dataDir),
      port: given.port,
      host: given.host,
      variables: collectVariables(info, envFile, process.env),
      development: true,
      inspectPort: inspectPort(given.inspect, target),
      onOutput: (line) => void process.stderr.write(`${line}\n`),
      log: report,
    })
    report.print(
      `${info.manifest.name} on ${current.runtime}: ${current.url} (built in ${Math.round(ms)} ms; ` +
        'Ctrl-C stops it)',
    )
  } catch (thrown) {
    const error = explainMissingPackage(thrown, `The target "${target}"`)
    const message = isUnmoorError(error)
      ? error.message
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error)
    const next = current === undefined ? 'Waiting for a change.' : 'The old build keeps running.'
    report.print(`error: ${message}\n${next}`)
  }
  return { current, inputs }
}

/** Folders of assets and migrations. */
function readFolders(projectDir: string, project: Project): string[] {
  return Object.values(project.manifest.bindings).flatMap((declaration) => {
    const folder =
      declaration.kind === 'assets'
        ? declaration.directory
        : declaration.kind === 'sql'
          ? declaration.migrations
          : undefined
    return folder === undefined ? [] : [resolve(projectDir, folder)]
  })
}
