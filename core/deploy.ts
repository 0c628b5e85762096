/**
 * The contract between `unmoor deploy` and a target: a deploy is a plan, which is a list of steps as data.
 * The target's adapter makes the plan without changing anything, and the engine in `core/tools/deploy` prints
 * it, runs it, and brings the previous version's code back if a step fails.
 */
import type { ArtifactInfo, Log } from './artifact.ts'
import type { SqlDialect } from './bindings/drivers.ts'
import type { Migration } from './bindings/migrations.ts'
import type { OptionTable, OptionType } from './option-table.ts'

/** A request by which a deploy tries a new version (`smoke`). */
export interface SmokeRequest {
  /** Path and query of the smoke request, beginning with `/`. */
  readonly path: string
  /** Status that the answer must have. Default: any below 500. */
  readonly status?: number
}

/**
 * Options of `targets.NAME.deploy` that every target has.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   targets: {
 *     cloudflare: {
 *       deploy: {
 *         url: 'https://links.example.com',
 *         smoke: ['/', { path: '/api/links', status: 401 }],
 *         watch: 60,
 *       },
 *     },
 *   },
 * })
 * ```
 */
export interface DeployOptions {
  /**
   * Origin at which the deployed app is reached, such as `https://links.example.com`. Default: the target's.
   */
  readonly url?: string
  /**
   * Requests that a new version must answer before it gets traffic: GET of a path, whose answer may have any
   * status below 500, or a {@link SmokeRequest}. Default: `['/']`.
   */
  readonly smoke?: readonly (string | SmokeRequest)[]
  /**
   * Seconds during which the requests of `smoke` are repeated at `url` after the switch, once a second; three
   * failures in a row bring the previous code back. From 0 (no watch) to 3600. Default: 20.
   */
  readonly watch?: number
}

/** Table of {@link DeployOptions}, which the tables of all targets include. */
export const deployOptions = {
  url: 'string',
  smoke: 'list',
  watch: { number: 'seconds', min: 0, max: 3600 },
} satisfies OptionTable<DeployOptions>

/** Kinds of steps, in the usual order; a target may upload before it migrates. */
export type DeployPhase =
  | 'resources'
  | 'migrations'
  | 'upload'
  | 'smoke'
  | 'switch'
  | 'triggers'
  | 'watch'
  | 'clean'

/** One step of a deploy. */
export interface DeployStep {
  readonly phase: DeployPhase
  /** What the step does, such as `Create the queue shop-clicks`. */
  readonly title: string
  /** The command or call of the step, as a person would type it. */
  readonly command: string
  /** What the step changes on the platform; `nothing` if it only reads. */
  readonly changes: string
  /** How the step is undone, and by whom. */
  readonly undo: string
  /** Runs the step. The text that it resolves to is printed. */
  run(): Promise<string | undefined>
  /**
   * Brings the previous version's code back after this step has begun, also if it failed half-way. Never
   * changes data. Default: nothing of the step serves requests, so nothing is brought back.
   */
  revert?(): Promise<void>
  /**
   * True if the platform has no way back once this step has begun, which {@link DeployPlan.confirm} says too.
   * Default: false.
   */
  readonly oneWay?: boolean
}

/** What a deploy or a rollback will do. */
export interface DeployPlan {
  /** What serves requests before the plan runs, such as `version 1a2b3c4d`; undefined for nothing. */
  readonly serving: string | undefined
  /** Facts that the plan relies on and that were read, such as `secrets exist: TOKEN`. */
  readonly checked: readonly string[]
  readonly steps: readonly DeployStep[]
  /**
   * Reasons why the plan runs with `--yes` only: what reaches live traffic untried, or is not undone. Each is
   * a full sentence.
   */
  readonly confirm: readonly string[]
  /** Returns what serves requests after the plan has run, such as `version 5e6f7a8b`. */
  served(): string
}

/** A finished program: what it wrote. */
export interface ProgramResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Options of {@link DeployContext.run}. */
export interface ProgramOptions {
  /** Working directory of the program. Default: the artifact's folder. */
  readonly cwd?: string
  /** Environment variables in addition to those of this process. Default: none. */
  readonly env?: Readonly<Record<string, string>>
  /** Bytes for the program's standard input. Default: none. */
  readonly input?: string | Uint8Array
  /** If true, an exit code other than 0 is returned and no error. Default: false. */
  readonly mayFail?: boolean
}

/** Argument of {@link DeployTarget.plan}: the artifact, the options, and functions for the steps. */
export interface DeployContext {
  /** Absolute path of the user's project. */
  readonly projectDir: string
  /** Absolute path of the artifact that is deployed. */
  readonly dir: string
  readonly info: ArtifactInfo
  /** `targets.NAME.deploy` of the config, checked against {@link DeployTarget.options}. */
  readonly options: Readonly<Record<string, unknown>>
  /** Secrets to set with this deploy (`--secrets FILE`), by the name of their variable. Default: none. */
  readonly secrets: Readonly<Record<string, string>>
  /** Absolute path of the file of `--secrets`. Default: none. */
  readonly secretsFile: string | undefined
  readonly log: Log
  /**
   * Runs a program without a shell and returns what it wrote.
   *
   * @throws `Unavailable` with the program's last lines if it cannot be started or exits with another code
   * than 0.
   */
  run(program: string, args: readonly string[], options?: ProgramOptions): Promise<ProgramResult>
  /** Returns the last lines that a program wrote, for messages. */
  lastLines(result: Pick<ProgramResult, 'stdout' | 'stderr'>): string
  /** Returns the path of a module that the project or unmoor itself has installed; undefined for none. */
  resolve(specifier: string): string | undefined
  /**
   * Sends the requests of `smoke` once. @throws `Unavailable` naming the request and what came back.
   * `headers` go with each request.
   */
  smoke(origin: string, headers?: Readonly<Record<string, string>>): Promise<void>
  /**
   * Repeats the requests of `smoke` for the seconds of `watch`. @throws `Unavailable` after three failures.
   */
  watch(origin: string): Promise<void>
  /** Seconds of `watch`. */
  readonly watchSeconds: number
  /** The requests of `smoke`; a status of null is any below 500. */
  readonly smokeRequests: readonly { readonly path: string; readonly status: number | null }[]
  /** The requests of `smoke` as text, such as `GET /, GET /api/links (401)`. */
  readonly smokeText: string
  /**
   * Returns the statements of migrations that code of the version before may not survive (DROP, RENAME,
   * another type, NOT NULL without a default), each with its migration.
   */
  contracting(migrations: readonly Migration[], dialect: SqlDialect): string[]
}

/** How an adapter deploys its artifact. */
export interface DeployTarget {
  /** Type of each option of `targets.NAME.deploy`. */
  readonly options: Readonly<Record<string, OptionType>>
  /** Names of the options that say where one environment is, which no other environment inherits. */
  readonly places: readonly string[]
  /**
   * Returns the plan of a deploy. Only reads from the platform.
   *
   * @throws `NotFound` or `InvalidArgument` for what is missing or wrong (credentials, secrets, variables),
   * by name.
   */
  plan(context: DeployContext): Promise<DeployPlan>
  /**
   * Returns the plan that brings an earlier version's code back: `version`, or the one before that which
   * serves. Only reads from the platform.
   */
  rollback(context: DeployContext, version: string | undefined): Promise<DeployPlan>
}
