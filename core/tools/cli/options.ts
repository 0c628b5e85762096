import { type Command, InvalidArgumentError, Option } from 'commander'
import { statSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import {
  loadConfig,
  loadSettings,
  type LoadedConfig,
  type LoadedSettings,
  type WorkerChoice,
} from '../build/project.ts'
import { knownTargets } from '../build/adapters.ts'
import { targetFolder } from '../build/environments.ts'
import { ALLOWABLE } from '../build/worker/unsupported.ts'
import type { WorkerProject } from '../build/worker/worker.ts'
import type { ArtifactInfo } from '../../adapter.ts'
import type { AnyConfig } from '../../config.ts'
import { didYouMean } from '../../option-table.ts'
import { usageError } from './exit.ts'
import type { Reporter } from './reporter.ts'

/**
 * Factories of command line options that several commands share. Each command needs its own instance, since
 * commander stores the parser within.
 */
export const options = {
  project: () => new Option('-C, --project <dir>', "the project's folder").default('.', 'this folder'),
  target: () =>
    new Option(
      '-t, --target <name>',
      'node, cloudflare, lambda, isolate, or one that unmoor.config.ts names',
    ).makeOptionMandatory(),
  targets: () =>
    new Option(
      '-t, --target <names...>',
      'node, cloudflare, lambda, isolate, or ones that unmoor.config.ts names',
    ),
  reporter: () =>
    new Option('--reporter <kind>', 'text, or json: one JSON line last on stdout')
      .choices(['text', 'json'])
      .default('text'),
  port: () =>
    new Option('-p, --port <number>', 'TCP port; 0 takes a free one').argParser(parsePort).default(8787),
  host: () => new Option('--host <address>', 'address to listen on').default('127.0.0.1'),
  strict: () =>
    new Option(
      '--strict [seed]',
      'drivers as harsh as the strictest target: stale kv reads, messages late, doubled and out of ' +
        'order, cache entries that vanish',
    ).argParser(parseSeed),
  inspect: () =>
    new Option(
      '--inspect [port]',
      'isolate: let a debugger in, on that port of 127.0.0.1 (default: 9229)',
    ).argParser(parsePort),
  envFile: () =>
    new Option(
      '--env-file <path>',
      'variables and secrets, a NAME=value on each line; the environment wins (default: .env, .env.local, ' +
        '.env.NAME and .env.NAME.local of the project, NAME being that of --env)',
    ),
  worker: () =>
    new Option(
      '--worker <file>',
      'an existing Cloudflare Worker in place of an app: its wrangler.jsonc, wrangler.json or ' +
        'wrangler.toml, or the folder that has it',
    ),
  workerMain: () =>
    new Option(
      '--main <module>',
      "the Worker's module in place of its wrangler file's; without --worker, that file may be missing",
    ),
  workerEnv: () =>
    new Option(
      '--env <name>',
      "an environment of unmoor.config.ts, or of the Worker's wrangler file (default: none)",
    ),
  workerAllow: () =>
    new Option(
      '--allow <name...>',
      'let the Worker keep code that fails off Cloudflare where it is reached (default: it is refused)',
    ).choices(ALLOWABLE),
  dataDir: () =>
    new Option(
      '--data-dir <path>',
      'folder for local data (default: .unmoor/data/TARGET of the project, with --env TARGET.NAME)',
    ),
}

/** Adds the options that name an existing Worker to an `unmoor` command. */
export function addWorkerOptions(command: Command): Command {
  for (const name of ['worker', 'workerMain', 'workerEnv', 'workerAllow'] as const)
    command.addOption(options[name]())
  return command
}

function parseSeed(text: string): number {
  const seed = Number(text)
  if (!/^\d+$/.test(text) || seed > 0xffff_ffff)
    throw new InvalidArgumentError('A seed is a whole number from 0 to 4294967295.')
  return seed
}

/**
 * Returns the given random seed of `--strict`, or a new one, and prints it so that the run can be repeated;
 * undefined without `--strict`.
 */
export function strictSeed(given: number | true | undefined, report: Reporter): number | undefined {
  if (given === undefined) return undefined
  const seed = given === true ? Math.floor(Math.random() * 1_000_000) : given
  report.print(`strict: seed ${seed} (the same again: --strict ${seed})`)
  return seed
}

/**
 * Returns the build options for a seed of `--strict`. A strict artifact has a folder of its own, since the
 * usual one may get deployed.
 */
export function strictBuild(
  seed: number | undefined,
  target: string,
  environment: string | undefined,
): { strict?: number; outDir?: string } {
  const folder = targetFolder(`${target.replaceAll(/[^\w-]/g, '_')}-strict`, environment)
  return seed === undefined ? {} : { strict: seed, outDir: `.unmoor/${folder}` }
}

/**
 * Checks that an artifact was built for the environment that the command names.
 *
 * @throws a usage error that says what to add or to build.
 */
export function checkBuiltFor(
  { environment: built }: ArtifactInfo,
  environment: string | undefined,
  dir: string,
): void {
  if (built === environment) return
  throw usageError(
    built === undefined
      ? `${dir} was built for no environment, not for "${environment}". Build it with --env ${environment}.`
      : `${dir} was built for the environment "${built}". ` +
          (environment === undefined
            ? `Add --env ${built}.`
            : `Add --env ${built} in place of --env ${environment}.`),
  )
}

/** Parses a TCP port from the command line. @throws commander's `InvalidArgumentError`. */
export function parsePort(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535)
    throw new InvalidArgumentError('A port is a whole number from 0 to 65535.')
  return port
}

/** Returns the debugger's port of `--inspect`. @throws a usage error for a target without that option. */
export function inspectPort(given: number | true | undefined, target: string): number | undefined {
  if (given === undefined) return undefined
  if (target !== 'isolate')
    throw usageError(`--inspect is for --target isolate. For ${target} use the debugger of its own runtime.`)
  return given === true ? 9229 : given
}

/**
 * Returns the target names without duplicates. @throws a usage error, with the valid names, for a name that
 * is not a target of this project.
 */
export function checkTargets(names: readonly string[], config: AnyConfig): string[] {
  const known = knownTargets(config)
  for (const name of names) {
    if (!known.includes(name) && !name.startsWith('.') && !name.startsWith('/'))
      throw usageError(
        `There is no target "${name}".${didYouMean(name, known)} Targets: ${known.join(', ')}.`,
      )
  }
  return [...new Set(names)]
}

/** Values of the command line options that name an existing Worker. */
export interface WorkerOptions {
  worker?: string
  main?: string
  /** Environment of the config, or of the Worker's wrangler file. */
  env?: string
  allow?: string[]
}

/**
 * Returns the project's folder (for a Worker, by default the wrangler file's folder), and the Worker with
 * paths relative to it.
 */
export function chooseProject(
  project: string,
  { worker, main, env, allow }: WorkerOptions,
): { projectDir: string; worker: WorkerChoice | undefined } {
  if (worker === undefined && main === undefined) {
    if (allow !== undefined) throw usageError('--allow is for a Worker: use it with --worker.')
    return { projectDir: resolve(project), worker: undefined }
  }
  const file = resolve(project, worker ?? '.')
  const isFolder = statSync(file, { throwIfNoEntry: false })?.isDirectory() === true
  const projectDir = project === '.' ? (isFolder ? file : dirname(file)) : resolve(project)
  return {
    projectDir,
    worker: {
      config: relative(projectDir, file) || '.',
      ...(main === undefined ? {} : { main: relative(projectDir, resolve(project, main)) }),
      ...(env === undefined ? {} : { env }),
      ...(allow === undefined ? {} : { allow }),
    },
  }
}

/** Loads the project's config and checks the target names of a command. */
export async function loadTargets(
  project: string,
  names: readonly string[],
  given: WorkerOptions = {},
): Promise<LoadedConfig & { targets: string[]; choice: WorkerChoice | undefined }> {
  const { projectDir, worker: choice } = chooseProject(project, given)
  const loaded = {
    ...(await loadConfig(projectDir, { worker: choice, environment: given.env, targets: names })),
    choice,
  }
  return { ...loaded, targets: checkTargets(names, loaded.config) }
}

/**
 * Loads the project's settings and checks the target names, for a command that only needs an artifact. A
 * wrangler file is read only if the command line or the config names a Worker.
 */
export async function loadArtifactTargets(
  project: string,
  names: readonly string[],
  given: WorkerOptions = {},
): Promise<
  LoadedSettings & { targets: string[]; named: { name: string; worker: WorkerProject } | undefined }
> {
  const { projectDir, worker: choice } = chooseProject(project, given)
  const settings = await loadSettings(projectDir, { worker: choice, environment: given.env })
  if (choice === undefined && settings.config.worker === undefined)
    return { ...settings, targets: checkTargets(names, settings.config), named: undefined }
  const { name, worker, ...loaded } = await loadConfig(projectDir, { worker: choice, environment: given.env })
  return {
    ...loaded,
    targets: checkTargets(names, loaded.config),
    named: worker === undefined ? undefined : { name, worker },
  }
}
