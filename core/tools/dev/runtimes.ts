/** Runtimes of the app beside the one of `unmoor dev`, each with data of its own, for comparing answers. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ArtifactInfo, LocalRuntime, Log } from '../../adapter.ts'
import { UnmoorError } from '../../errors.ts'
import { buildApp, type Project, type WorkerChoice } from '../build/build.ts'
import { explainMissingPackage } from '../build/packages.ts'

/** What the runtimes need of `unmoor dev`. */
export interface RuntimeParts {
  readonly projectDir: string
  readonly worker: WorkerChoice | undefined
  readonly environment: string | undefined
  /** Targets that can be compared, by name. */
  readonly targets: readonly string[]
  /** Returns the variables and secrets of an artifact. @throws if one is missing. */
  readonly variables: (info: ArtifactInfo, project: Project) => Promise<Record<string, string>>
  readonly onLine: (line: string) => void
}

const SILENT: Log = { info() {}, warn() {} }

interface Started {
  readonly runtime: LocalRuntime
  /** Number of the dev build that the runtime was built with. */
  readonly build: number
}

/** Starts the app's runtimes at their first use, and again after each build of `unmoor dev`. */
export class Runtimes {
  readonly parts: RuntimeParts
  #started = new Map<string, Started>()
  #isFresh = false

  constructor(parts: RuntimeParts) {
    this.parts = parts
  }

  /**
   * Resolves to the runtime of a target for this build. Call it for one target at a time.
   *
   * @throws what build and start throw; a missing package is named with the command that installs it.
   */
  async of(target: string, build: number): Promise<LocalRuntime> {
    const { parts } = this
    if (!parts.targets.includes(target))
      throw new UnmoorError(
        'InvalidArgument',
        `There is no target ${JSON.stringify(target)} to compare. Targets: ${parts.targets.join(', ')}.`,
      )
    const known = this.#started.get(target)
    if (known?.build === build) return known.runtime
    await this.#stop(target)
    // What an earlier `unmoor dev` left would make the answers differ.
    if (!this.#isFresh) await rm(this.#folder(), { recursive: true, force: true })
    this.#isFresh = true
    try {
      const { adapter, outDir, info, project } = await buildApp({
        projectDir: parts.projectDir,
        target,
        worker: parts.worker,
        environment: parts.environment,
        outDir: join(this.#folder(), target),
        log: SILENT,
      })
      const runtime = await adapter.start({
        dir: outDir,
        info,
        dataDir: join(this.#folder(), 'data', target),
        port: 0,
        variables: await parts.variables(info, project),
        development: true,
        onOutput: (line) => parts.onLine(`${target}: ${line}`),
        log: SILENT,
      })
      this.#started.set(target, { runtime, build })
      void runtime.exited.then(() => {
        if (this.#started.get(target)?.runtime === runtime) this.#started.delete(target)
      })
      return runtime
    } catch (error) {
      throw explainMissingPackage(error, `The target "${target}"`)
    }
  }

  /** Stops all runtimes and removes their data. */
  async clear(): Promise<void> {
    await Promise.all([...this.#started.keys()].map((target) => this.#stop(target)))
    await rm(this.#folder(), { recursive: true, force: true, maxRetries: 3 })
  }

  #folder(): string {
    return join(this.parts.projectDir, '.unmoor/compare')
  }

  async #stop(target: string): Promise<void> {
    const known = this.#started.get(target)
    this.#started.delete(target)
    await known?.runtime.stop()
  }
}
