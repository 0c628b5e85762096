import type { DriverSpec } from './adapter.ts'
import type { DeployTargets, Drivers, Targets } from './config-maps.ts'
import type { DeployOptions } from './deploy.ts'

/**
 * Placeholder for an option in a config: an environment variable, which is read at start. With `optional`,
 * the option's default applies if the variable is not set.
 */
export interface EnvValue {
  readonly env: string
  readonly optional?: boolean
}

/** The value of a driver's option in a config, or an {@link EnvValue} in its place, also inside objects. */
export type OrEnv<Value> = Value extends readonly unknown[]
  ? Value | EnvValue
  : Value extends object
    ? { readonly [Name in keyof Value]: OrEnv<Value[Name]> } | EnvValue
    : Value | EnvValue

/** Options of a driver in a config: each value may be `{ env: 'NAME' }`. */
export type DriverOptions<Options> = { readonly [Name in keyof Options]: OrEnv<Options[Name]> }

/**
 * Specifier of a module with a driver or a cron store that is not in {@link Drivers}: a path relative to the
 * project, an absolute path, or a scoped package.
 */
export type ModuleName = `./${string}` | `../${string}` | `/${string}` | `@${string}/${string}`

/** A driver in a config, out of {@link Drivers}: its name, or an object with its name and options. */
export type NamedDriver<Name extends keyof Drivers> = {
  [One in Name]: One | ({ readonly driver: One } & DriverOptions<Drivers[One]>)
}[Name]

/**
 * A driver in a config: a name, or an object with options. `Name` narrows it to some of {@link Drivers}.
 * Default: all of them.
 */
export type DriverConfig<Name extends keyof Drivers = keyof Drivers> =
  | NamedDriver<Name>
  | ModuleName
  | { readonly driver: ModuleName; readonly [option: string]: unknown }

/** Format of the log lines that an app writes for its requests (`requestLog`). */
export type RequestLog = 'off' | 'json' | 'text'

/** Bundle settings in a config, for all targets or for one target. */
export interface BundleSettings {
  /**
   * Format of the log line for each request that the app's fetch handler has answered: `'json'`, with
   * OpenTelemetry's names, or `'text'`, for people. Values of query parameters that look like secrets are
   * left out. Default: `'off'`; `'text'` under `unmoor dev`.
   *
   * @example
   * ```ts
   * import { defineConfig } from 'unmoor'
   *
   * // {"time":"2026-12-02T09:00:00.000Z","level":"info","message":"GET /a 200","http.request.method":"GET",
   * //  "url.path":"/a","http.response.status_code":200,"duration":0.0042,"client.address":"192.0.2.7",
   * //  "user_agent.original":"curl/8.5.0","request_id":"0d9c..."}
   * export default defineConfig({ requestLog: 'json' })
   * ```
   */
  readonly requestLog?: RequestLog | undefined
  /** If true, bundles are minified. Classes and functions keep their names in any case. Default: true. */
  readonly minify?: boolean | undefined
  /**
   * If true, a source map with a debug id is written beside each bundle, so that stack traces in logs name
   * the app's own files. Default: true.
   */
  readonly sourcemap?: boolean | undefined
  /**
   * Packages that are installed beside the bundle instead of in it, such as one that loads files of its own:
   * `['pdfkit']`. Works on targets that install packages (node, lambda); other targets refuse a listed
   * package that is imported. Packages with machine code are detected automatically. Default: none.
   */
  readonly external?: readonly string[] | undefined
}

/** Options of `unmoor deploy` for a target: those of {@link DeployTargets}, else the ones of every target. */
export type DeployConfig<Name> = Name extends keyof DeployTargets ? DeployTargets[Name] : DeployOptions

/** Settings of one target in a config, which override those for all targets. */
export interface TargetConfig<
  Options = Readonly<Record<string, unknown>>,
  Deploy = Readonly<Record<string, unknown>>,
> extends BundleSettings {
  /** Driver of each binding on this target, by name or with options. Overrides {@link Config.drivers}. */
  readonly drivers?: Readonly<Record<string, DriverConfig>>
  /** Options of the target's adapter, listed in the adapter's README. */
  readonly options?: { readonly [Name in keyof Options]: Options[Name] }
  /**
   * Options of `unmoor deploy --target NAME`, listed in the adapter's README. In an environment each option
   * overrides the shared one of the same name; `url` and the target's other places are not inherited.
   * Default: the target's defaults.
   */
  readonly deploy?: { readonly [Name in keyof Deploy]: Deploy[Name] }
  /**
   * Module of an adapter that unmoor does not ship: a path relative to the project, or a package that adds
   * the target's name to {@link Targets}. Default: unmoor's own adapter of that name.
   */
  readonly adapter?: string
}

/** Fields of unmoor's config that are common to {@link Config} and {@link AnyConfig}. */
export interface ConfigBase extends BundleSettings {
  /**
   * Name of the app: lower-case letters, digits and hyphens, at most 63 characters. Resources on platforms
   * are named after it. Default: the name in package.json, without its scope.
   */
  readonly name?: string
  /**
   * Path of the module whose default export is the app, relative to the project's folder. Default:
   * `src/app.ts`.
   */
  readonly entry?: string
  /**
   * The wrangler file of an existing Worker, which is built in place of an app (`entry`): a path, or an
   * object such as `{ config: './wrangler.jsonc', env: 'staging' }`. `allow` lists Cloudflare-only features
   * that may stay in the build (`cloudflare:sockets`, `WebSocketPair`, `ai` for what only Cloudflare's
   * binding has); using one of them fails at run time. Default: none. `main` is the Worker's module, in place
   * of the file's.
   */
  readonly worker?:
    | string
    | {
        readonly config: string
        readonly env?: string
        readonly main?: string
        readonly allow?: readonly string[]
      }
  /**
   * Findings in installed packages that `unmoor check` suppresses: rules by package, each with the reason,
   * such as `{ packages: { lodash: { 'code-eval': 'only _.template, which is not called' } } }`. Default:
   * none.
   */
  readonly check?: {
    readonly packages?: Readonly<Record<string, Readonly<Record<string, string>>>>
  }
  /**
   * If true, builds can record traces and post them to an OpenTelemetry collector as OTLP/JSON. They do so
   * only where `OTEL_EXPORTER_OTLP_ENDPOINT` is set; OpenTelemetry's other variables are declared too. Not
   * for existing Workers. Default: false, and builds contain nothing of it.
   *
   * @example
   * ```ts
   * import { defineConfig } from 'unmoor'
   *
   * export default defineConfig({
   *   telemetry: true,
   *   variables: { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://otlp.example.com' },
   * })
   * ```
   */
  readonly telemetry?: boolean | undefined
  /**
   * Folder for local data (sqlite files, a simulator's state), relative to the project's folder, with a
   * subfolder for each target. Default: `.unmoor/data`.
   */
  readonly dataDir?: string
}

/** Settings of one environment, which override those of the {@link Config} that has it. */
export interface EnvironmentConfig {
  /** Values of declared variables in this environment, by binding. Overrides {@link Config.variables}. */
  readonly variables?: Readonly<Record<string, string>>
  /**
   * Driver of each binding in this environment, on every target. Overrides {@link Config.drivers}, and
   * {@link TargetConfig.drivers} outside of the environment.
   */
  readonly drivers?: Readonly<Record<string, DriverConfig>>
  /**
   * Settings of single targets in this environment. Each option overrides the option of the same name;
   * options that name resources, such as ids of databases, are not inherited.
   */
  readonly targets?: { readonly [Name in keyof Targets]?: TargetConfig<Targets[Name], DeployConfig<Name>> }
}

/** Default export of `unmoor.config.ts`. Plain data; every field is optional. */
export interface Config extends ConfigBase {
  /**
   * Values of declared variables on every target, by binding. A value in the process's environment takes
   * precedence. Default: the declared default.
   */
  readonly variables?: Readonly<Record<string, string>>
  /** Driver of each binding on every target, by name or with options. Default: the target's own. */
  readonly drivers?: Readonly<Record<string, DriverConfig>>
  /** Settings in the config for single targets, by the target's name. */
  readonly targets?: { readonly [Name in keyof Targets]?: TargetConfig<Targets[Name], DeployConfig<Name>> }
  /**
   * Environments of the app, such as `staging`, chosen by `--env NAME`. In an environment the app is
   * `APP-NAME`, and so are its resources; a service binding leads to `OTHER-NAME`. A name is lower-case
   * letters, digits and hyphens, a letter first, at most 32; `local` is no name. Default: none.
   *
   * @example
   * ```ts
   * import { defineConfig } from 'unmoor'
   *
   * export default defineConfig({
   *   name: 'links',
   *   environments: {
   *     staging: { variables: { region: 'us' }, drivers: { links: 'redis' } },
   *   },
   * })
   * ```
   */
  readonly environments?: Readonly<Record<string, EnvironmentConfig>>
}

/** Settings of one target in an {@link AnyConfig}, the config without strict types. */
export interface AnyTargetConfig extends BundleSettings {
  readonly drivers?: Readonly<Record<string, string | DriverSpec>>
  readonly options?: Readonly<Record<string, unknown>>
  readonly deploy?: Readonly<Record<string, unknown>>
  readonly adapter?: string
}

/**
 * A config without the strict types of {@link Config}, as written in plain JavaScript or by a program. A
 * build checks at run time what those types would.
 */
export interface AnyConfig extends ConfigBase {
  readonly variables?: Readonly<Record<string, string>>
  readonly drivers?: Readonly<Record<string, string | DriverSpec>>
  readonly targets?: Readonly<Record<string, AnyTargetConfig>>
  readonly environments?: Readonly<Record<string, AnyEnvironmentConfig>>
}

/** Settings of one environment in an {@link AnyConfig}. */
export interface AnyEnvironmentConfig {
  readonly variables?: Readonly<Record<string, string>>
  readonly drivers?: Readonly<Record<string, string | DriverSpec>>
  readonly targets?: Readonly<Record<string, AnyTargetConfig>>
}

/**
 * Returns `config`, typed: an editor and the type check report a misspelled target, driver or option.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   name: 'links',
 *   entry: './src/app.ts',
 *   drivers: { db: { driver: 'postgres', url: { env: 'DATABASE_URL' } } },
 *   targets: {
 *     node: { drivers: { links: 'redis' }, options: { stopTimeout: 60 } },
 *     lambda: { options: { timeout: 10 } },
 *   },
 * })
 * ```
 */
export function defineConfig(config: Config): Config {
  return config
}
