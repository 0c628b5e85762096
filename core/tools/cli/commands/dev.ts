import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import type { ArtifactInfo, LocalRuntime } from '../../../adapter.ts'
import { knownTargets } from '../../build/adapters.ts'
import { buildApp } from '../../build/build.ts'
import type { Project, WorkerChoice } from '../../build/project.ts'
import { explainMissingPackage } from '../../build/packages.ts'
import { readDevVariables } from '../../build/worker/worker.ts'
import { targetFolder } from '../../build/environments.ts'
import { checkVariables, readEnvFiles } from '../../build/variables.ts'
import { isUnmoorError } from '../../../errors.ts'
import {
  addWorkerOptions,
  inspectPort,
  loadTargets,
  options,
  parsePort,
  strictBuild,
  strictSeed,
  type WorkerOptions,
} from '../options.ts'
import { DevPage } from '../../dev/dev-page.ts'
import { DevFront } from '../../dev/front.ts'
import { listenToKeys, openBrowser } from '../dev/keys.ts'
import { createReporter, type Reporter } from '../reporter.ts'
import { onStop } from '../signals.ts'
import { type Inputs, watchProject } from '../../dev/watch.ts'

interface Options extends WorkerOptions {
  target: string
  port: number
  host: string
  envFile?: string
  dataDir?: string
  strict?: number | true
  inspect?: number | true
  open?: true
  /** Port of the page; false for no page. */
  page?: number | false
  project: string
}

/** Registers the command `unmoor dev`. */
export function register(program: Command): void {
  const command = program
    .command('dev')
    .description(
      'build and run the app, and again at every change; a build that fails leaves the old one running',
    )
    .addOption(options.target().makeOptionMandatory(false).default('node'))
    .addOption(options.port().env('PORT'))
    .addOption(options.host())
    .addOption(options.envFile())
    .addOption(options.dataDir())
    .addOption(options.strict())
    .addOption(options.inspect())
    .option('--open', 'open the app in the browser')
    .option(
      '--page <port>',
      "port of the page with the app's data, crons and logs (default: a free one)",
      parsePort,
    )
    .option('--no-page', 'no page; the build is then the one of `unmoor build`, in the same folder')
    .addOption(options.project())
    .action(dev)
  addWorkerOptions(command)
}

async function dev(given: Options): Promise<void> {
  const report = createReporter('text')
  // A wrong target ends `unmoor dev` at once. An error that a change of the app's files can fix does not end
  // it.
  const loaded = await loadTargets(given.project, [given.target], given)
  const { projectDir, targets, dataDir, environment, choice } = loaded
  const target = targets[0] as string
  const strict = strictSeed(given.strict, report)
  const front = await DevFront.listen(given.port, given.host)
  if (given.port !== 0 && front.port !== given.port)
    report.info(`Port ${given.port} is in use: the app is at ${front.port}.`)
  let inputs: Inputs | undefined
  const changes = watchProject(
    projectDir,
    [given.dataDir === undefined ? dataDir : resolve(given.dataDir)],
    () => inputs,
  )
  const url = `http://${given.host.includes(':') ? `[${given.host}]` : given.host}:${front.port}`
  const page = await openPage(given, url, front, {
    projectDir,
    worker: choice,
    environment: given.env,
    targets: knownTargets(loaded.config),
    variables: async (info, project) =>
      (await readVariables(info, project, { ...given, projectDir })).variables,
  })
  const loop = new DevLoop(
    { ...given, seed: strict, choice },
    { projectDir, target, environment, url, front, page, report },
  )
  const release = onStop(() => changes.close())
  const ignoreKeys = listenToKeys({ url, pageUrl: page?.url, reload: () => changes.again('') }, report)
  if (page !== undefined) report.print(`Data, crons, logs and comparison of this app: ${page.url}`)
  if (given.open === true) openBrowser(url, report)
  try {
    for (;;) {
      inputs = await loop.rebuild()
      // If a file of the app changes while `unmoor dev` builds it, `next` resolves immediately and the app is
      // built again.
      const changed = await changes.next()
      if (changed === undefined) break
      report.info(changed === '' ? 'Building again.' : `${changed} changed`)
    }
  } finally {
    ignoreKeys()
    changes.close()
    release()
    await Promise.all([front.close(), page?.close()])
    await loop.stop()
  }
}

/** Opens the page of `unmoor dev`, unless `--no-page` was given. */
async function openPage(
  given: Options,
  url: string,
  front: DevFront,
  compared: Parameters<typeof DevPage.open>[2],
): Promise<DevPage | undefined> {
  if (given.page === false) return undefined
  try {
    const page = await DevPage.open(given.page ?? 0, url, compared)
    front.onAnswered = (answered) => page.activity.request(answered)
    return page
  } catch (error) {
    await front.close()
    throw error
  }
}

interface DevOptions extends Options {
  seed: number | undefined
  choice: WorkerChoice | undefined
}

interface DevPlace {
  readonly projectDir: string
  readonly target: string
  /** Environment of the config that `unmoor dev` uses; undefined for none. */
  readonly environment: string | undefined
  /** URL at which the front server of `unmoor dev` listens. */
  readonly url: string
  readonly front: DevFront
  /** Page of `unmoor dev`; undefined for none. */
  readonly page: DevPage | undefined
  readonly report: Reporter
}

/** Builds and runs the app behind the front of `unmoor dev`, and replaces it after file changes. */
class DevLoop {
  #given: DevOptions
  #place: DevPlace
  #current: LocalRuntime | undefined

  constructor(given: DevOptions, place: DevPlace) {
    this.#given = given
    this.#place = place
  }

  /**
   * Builds the app and, if that succeeds, replaces the running one in `unmoor dev`; resolves to the input
   * files of a successful build.
   */
  async rebuild(): Promise<Inputs | undefined> {
    const { projectDir, target, front, page, report } = this.#place
    const given = this.#given
    let inputs: Inputs | undefined
    try {
      const { adapter, outDir, info, project, modules, ms } = await buildApp({
        projectDir,
        target,
        worker: given.choice,
        environment: given.env,
        ...(page === undefined ? {} : pageBuild(target, this.#place.environment)),
        ...strictBuild(given.seed, target, this.#place.environment),
        development: true,
        log: report,
      })
      const { environment } = project
      const token = page === undefined ? {} : { [DATA_TOKEN_VARIABLE]: page.running.dataToken }
      const { variables, envPath } = await readVariables(info, project, {
        ...given,
        projectDir,
        token,
        report,
      })
      inputs = { modules, folders: readFolders(projectDir, project), envFile: envPath }
      // `unmoor dev` stops the old app before it starts the new one, because both use the same data.
      // Meanwhile requests wait at the front.
      await front.hold()
      page?.running.replacing()
      await this.stop()
      const current = await adapter.start({
        dir: outDir,
        info,
        dataDir:
          given.dataDir === undefined
            ? join(project.dataDir, targetFolder(adapter.name, environment))
            : resolve(given.dataDir),
        port: 0,
        host: '127.0.0.1',
        // The process's environment wins over env files, but this token is the page's own.
        variables: { ...variables, ...token },
        development: true,
        inspectPort: inspectPort(given.inspect, target),
        onOutput: (line) => {
          process.stderr.write(`${line}\n`)
          page?.activity.line(line)
        },
        log: report,
      })
      this.#run(current)
      page?.running.started(info, current)
      report.print(
        `${info.manifest.name} on ${current.runtime}: ${this.#place.url} (built in ${Math.round(ms)} ms; ` +
          'Ctrl-C stops it)',
      )
    } catch (thrown) {
      const message = textOf(explainMissingPackage(thrown, `The target "${target}"`))
      if (this.#current === undefined) front.fail(message)
      page?.running.failed(message, this.#current !== undefined)
      page?.activity.line(`error: ${message}`)
      const next = this.#current === undefined ? 'Waiting for a change.' : 'The old build keeps running.'
      report.print(`error: ${message}\n${next}`)
    }
    return inputs
  }

  async stop(): Promise<void> {
    const current = this.#current
    this.#current = undefined
    await current?.stop()
  }

  #run(current: LocalRuntime): void {
    const { front, page, report } = this.#place
    this.#current = current
    front.open(Number(new URL(current.url).port))
    void current.exited.then((code) => {
      // An app that `unmoor dev` has stopped or replaced is expected to exit.
      if (this.#current !== current) return
      this.#current = undefined
      const message = `The app ended with exit code ${code ?? 'none'}. What it said last is in the terminal.`
      front.fail(message)
      page?.running.failed(message, false)
      page?.activity.line(`error: ${message}`)
      report.print(`error: ${message}\nWaiting for a change.`)
    })
  }
}

/** Reads the variables and secrets of an artifact from the project's env files and the environment. */
async function readVariables(
  info: ArtifactInfo,
  project: Project,
  place: Pick<Options, 'envFile' | 'env'> & {
    projectDir: string
    token?: Readonly<Record<string, string>>
    report?: Reporter
  },
): Promise<{ variables: Record<string, string>; envPath: string }> {
  const { worker, environment } = project
  const { projectDir, env, envFile, token, report } = place
  const read = await readEnvFiles(projectDir, { named: envFile, environment: env ?? environment })
  const devVars = worker === undefined ? {} : await readDevVariables(worker.dir, env)
  const variables = checkVariables(
    info,
    { ...read, variables: { ...devVars, ...read.variables, ...token } },
    { starts: true, warn: (message) => report?.warn(message) },
  )
  return { variables, envPath: resolve(projectDir, envFile ?? '.env') }
}

/** Variable of the data route's token, which the dev builds of the page contain. */
const DATA_TOKEN_VARIABLE = 'UNMOOR_DATA_TOKEN'

/**
 * Build options of the page: the data route, and an output folder of its own, since the usual one may get
 * deployed.
 */
function pageBuild(target: string, environment: string | undefined): { dataRoute: true; outDir: string } {
  const folder = targetFolder(`${target.replaceAll(/[^\w-]/g, '_')}-dev`, environment)
  return { dataRoute: true, outDir: `.unmoor/${folder}` }
}

function textOf(error: unknown): string {
  if (isUnmoorError(error)) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** Returns the absolute paths of the folders of assets and migrations that the app declares. */
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
