/** Builds and runs the app behind a dev front, and replaces it after changes. */
import { join, resolve } from 'node:path'
import type { Adapter, ArtifactInfo, LocalRuntime, Log } from '../../adapter.ts'
import { isUnmoorError } from '../../errors.ts'
import { type BuildOptions, buildApp } from '../build/build.ts'
import { targetFolder } from '../build/environments.ts'
import { explainMissingPackage } from '../build/packages.ts'
import type { Project, WorkerChoice } from '../build/project.ts'
import { checkVariables, readEnvFiles } from '../build/variables.ts'
import { readDevVariables } from '../build/worker/worker.ts'
import type { DevPage } from './dev-page.ts'
import type { DevFront } from './front.ts'
import type { Inputs } from './watch.ts'

/** What a dev loop builds, and how it runs the result. */
export interface DevSettings {
  readonly projectDir: string
  readonly target: string
  /** Adapter in place of the one that `target` names. Default: none. */
  readonly adapter?: Adapter | undefined
  /** Existing Worker to build in place of an app. Default: the config's. */
  readonly choice?: WorkerChoice | undefined
  /** Environment that the caller named. Default: none. */
  readonly env?: string | undefined
  /** Environment of the config that is used, of which artifacts and data have their folders. */
  readonly environment?: string | undefined
  readonly envFile?: string | undefined
  /** Folder for local data. Default: that of the target, in the project's. */
  readonly dataDir?: string | undefined
  /** Port for a debugger. Default: none. */
  readonly inspectPort?: number | undefined
  /** Options of each build, over those of a dev build. */
  readonly build?: Partial<BuildOptions> | undefined
  /** Variables of the app's process, over those of env files and the environment. */
  readonly variables?: Readonly<Record<string, string>> | undefined
}

/** What a dev loop tells. */
export interface DevEvents extends Log {
  /** A build of the app serves. */
  started(app: { name: string; runtime: string; ms: number; info: ArtifactInfo }): void
  /** A build, or the app, has failed. With `keepsRunning`, the build before it still serves. */
  failed(message: string, keepsRunning: boolean): void
  /** The app has printed a line. */
  output(line: string): void
}

/** What a dev loop works with. */
export interface DevParts {
  readonly front: DevFront
  /** Page of `unmoor dev`; undefined for none. */
  readonly page: DevPage | undefined
  readonly events: DevEvents
}

/** Builds and runs the app behind a dev front, and replaces it after file changes. */
export class DevLoop {
  #settings: DevSettings
  #parts: DevParts
  #current: LocalRuntime | undefined

  constructor(settings: DevSettings, parts: DevParts) {
    this.#settings = settings
    this.#parts = parts
  }

  /**
   * Builds the app and, if that succeeds, replaces the running one; resolves to the input files of a
   * successful build. A failure is told, and never thrown.
   */
  async rebuild(): Promise<Inputs | undefined> {
    const { projectDir, target } = this.#settings
    let inputs: Inputs | undefined
    try {
      const built = await this.#build()
      const { info, project, modules } = built
      const { variables, envPath } = await readVariables(info, project, {
        ...this.#settings,
        token: this.#token(),
        log: this.#parts.events,
      })
      const folders = readFolders(projectDir, project, this.#settings.build?.assets !== false)
      inputs = { modules, folders, envFile: envPath }
      await this.#replace(built, variables)
    } catch (thrown) {
      this.#fail(textOf(explainMissingPackage(thrown, `The target "${target}"`)))
    }
    return inputs
  }

  async stop(): Promise<void> {
    const current = this.#current
    this.#current = undefined
    await current?.stop()
  }

  #build(): ReturnType<typeof buildApp> {
    const { projectDir, target, adapter, choice, env, environment, build } = this.#settings
    const { page, events } = this.#parts
    return buildApp({
      projectDir,
      target,
      adapter,
      worker: choice,
      environment: env,
      ...(page === undefined ? {} : pageBuild(target, environment)),
      ...build,
      development: true,
      log: events,
    })
  }

  async #replace(
    { adapter, outDir, info, project, ms }: Awaited<ReturnType<typeof buildApp>>,
    variables: Readonly<Record<string, string>>,
  ): Promise<void> {
    const { dataDir, inspectPort, variables: more } = this.#settings
    const { front, page, events } = this.#parts
    // The old app is stopped before the new one starts, because both use the same data. Meanwhile requests
    // wait at the front.
    await front.hold()
    page?.running.replacing()
    await this.stop()
    const current = await adapter.start({
      dir: outDir,
      info,
      dataDir:
        dataDir === undefined
          ? join(project.dataDir, targetFolder(adapter.name, project.environment))
          : resolve(dataDir),
      port: 0,
      host: '127.0.0.1',
      // The process's environment wins over env files, but the page's token is its own.
      variables: { ...variables, ...this.#token(), ...more },
      development: true,
      inspectPort,
      onOutput: (line) => {
        events.output(line)
        page?.activity.line(line)
      },
      log: events,
    })
    this.#run(current)
    page?.running.started(info, current)
    events.started({ name: info.manifest.name, runtime: current.runtime, ms, info })
  }

  #token(): Record<string, string> {
    const { page } = this.#parts
    return page === undefined ? {} : { [DATA_TOKEN_VARIABLE]: page.running.dataToken }
  }

  #run(current: LocalRuntime): void {
    this.#current = current
    this.#parts.front.open(Number(new URL(current.url).port))
    void current.exited.then((code) => {
      // An app that was stopped or replaced is expected to exit.
      if (this.#current !== current) return
      this.#current = undefined
      this.#fail(`The app ended with exit code ${code ?? 'none'}. What it said last is in the terminal.`)
    })
  }

  #fail(message: string): void {
    const { front, page, events } = this.#parts
    const keepsRunning = this.#current !== undefined
    if (!keepsRunning) front.fail(message)
    page?.running.failed(message, keepsRunning)
    page?.activity.line(`error: ${message}`)
    events.failed(message, keepsRunning)
  }
}

/** Reads the variables and secrets of an artifact from the project's env files and the environment. */
export async function readVariables(
  info: ArtifactInfo,
  project: Project,
  place: Pick<DevSettings, 'projectDir' | 'envFile' | 'env'> & {
    token?: Readonly<Record<string, string>>
    log?: Log
  },
): Promise<{ variables: Record<string, string>; envPath: string }> {
  const { worker, environment } = project
  const { projectDir, env, envFile, token, log } = place
  const read = await readEnvFiles(projectDir, { named: envFile, environment: env ?? environment })
  const devVars = worker === undefined ? {} : await readDevVariables(worker.dir, env)
  const variables = checkVariables(
    info,
    { ...read, variables: { ...devVars, ...read.variables, ...token } },
    { starts: true, warn: (message) => log?.warn(message) },
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

/** Returns the absolute paths of the folders of migrations, and of assets, that the app declares. */
function readFolders(projectDir: string, project: Project, withAssets: boolean): string[] {
  return Object.values(project.manifest.bindings).flatMap((declaration) => {
    const folder =
      declaration.kind === 'assets'
        ? withAssets
          ? declaration.directory
          : undefined
        : declaration.kind === 'sql'
          ? declaration.migrations
          : undefined
    return folder === undefined ? [] : [resolve(projectDir, folder)]
  })
}
