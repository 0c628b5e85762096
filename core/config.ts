import type { DriverSpec } from './adapter.ts'
import type { Drivers, Targets } from './config-maps.ts'

/**
 * Stands for a variable of the process, which is read at start. `optional`: the option's default applies
 * where the variable is not set.
 */
export interface EnvValue {
  readonly env: string
  readonly optional?: boolean
}

/** A value of an option, or {@link EnvValue} in its place; the same within objects. */
export type OrEnv<Value> = Value extends readonly unknown[]
  ? Value | EnvValue
  : Value extends object
    ? { readonly [Name in keyof Value]: OrEnv<Value[Name]> } | EnvValue
    : Value | EnvValue

/** A driver's options in a config: each value may be `{ env: 'NAME' }`. */
export type DriverOptions<Options> = { readonly [Name in keyof Options]: OrEnv<Options[Name]> }

/**
 * A module with a driver or a cron store that is not in {@link Drivers}: a path from the project, an absolute
 * path, or a scoped package.
 */
export type ModuleName = `./${string}` | `../${string}` | `/${string}` | `@${string}/${string}`

/** A driver of {@link Drivers} by its name, or with options. */
export type NamedDriver<Name extends keyof Drivers> = {
  [One in Name]: One | ({ readonly driver: One } & DriverOptions<Drivers[One]>)
}[Name]

/** A driver by name, or with options. `Name` narrows it to some of {@link Drivers}. Default: all of them. */
export type DriverConfig<Name extends keyof Drivers = keyof Drivers> =
  | NamedDriver<Name>
  | ModuleName
  | { readonly driver: ModuleName; readonly [option: string]: unknown }

/** The form of the lines that tell of requests. */
export type RequestLog = 'off' | 'json' | 'text'

/** What a config says of bundles, for all targets or for one. */
export interface BundleSettings {
  /**
   * Whether the app logs a line for each request that its fetch handler has answered: `'json'`, with
   * OpenTelemetry's names, or `'text'`, for people. Values of query parameters that look like secrets are
   * left out. Default: `'off'`; `'text'` under `unmoor dev`.
   *
   * @example
   * export default defineConfig({ requestLog: 'json' })
   * // {"time":"2026-12-02T09:00:00.000Z","level":"info","message":"GET /a 200","http.request.method":"GET",
   * //  "url.path":"/a","http.response.status_code":200,"duration":0.0042,"client.address":"192.0.2.7",
   * //  "user_agent.original":"curl/8.5.0","request_id":"0d9c..."}
   */
  readonly requestLog?: RequestLog | undefined
  /** If true, bundles are minified. Names of classes and functions stay either way. Default: true. */
  readonly minify?: boolean | undefined
  /**
   * If true, a source map with a debug id lies beside each bundle, by which logs name the app's own files.
   * Default: true.
   */
  readonly sourcemap?: boolean | undefined
  /**
   * Packages that stay imports and are installed beside the bundle, such as one that loads files of its own:
   * `['pdfkit']`. For targets that install packages (node, lambda); others refuse one that is imported.
   * Packages with machine code are found without it. Default: none.
   */
  readonly external?: readonly string[] | undefined
}

/** What one target has of its own. */
export interface TargetConfig<Options = Readonly<Record<string, unknown>>> extends BundleSettings {
  /** Driver per binding on this target, by name or with options; comes before {@link Config.drivers}. */
  readonly drivers?: Readonly<Record<string, DriverConfig>>
  /** The adapter's own options (see its README). */
  readonly options?: { readonly [Name in keyof Options]: Options[Name] }
  /**
   * Module of an adapter that unmoor does not ship: a path from the project, or a package, which adds the
   * target's name to {@link Targets}. Default: unmoor's own of that name.
   */
  readonly adapter?: string
}

/** What {@link Config} and {@link AnyConfig} share. */
export interface ConfigBase extends BundleSettings {
  /**
   * The app's name: lower-case letters, digits and hyphens, at most 63. Resources on platforms are named
   * after it. Default: the name in package.json, without its scope.
   */
  readonly name?: string
  /** The module whose default export is the app, from the project's folder. Default: `src/app.ts`. */
  readonly entry?: string
  /**
   * The wrangler file of an existing Worker, which is built in place of an app (`entry`), or with its
   * environment:
   * `{ config: './wrangler.jsonc', env: 'staging' }`. `allow` names what may stay in the build though only
   * Cloudflare has it (`cloudflare:sockets`, `WebSocketPair`, `ai` for what that binding has there alone): it
   * fails where it is reached. Default: none.
   * `main` is the Worker's module in place of the file's.
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
   * What `unmoor check` is not to tell of installed packages: rules by package, each with the reason, such as
   * `{ packages: { lodash: { 'code-eval': 'only _.template, which is not called' } } }`. Default: nothing.
   */
  readonly check?: {
    readonly packages?: Readonly<Record<string, Readonly<Record<string, string>>>>
  }
  /**
   * Folder for local data (sqlite files, a simulator's state), from the project's folder; each target has one
   * below it. Default: `.unmoor/data`.
   */
  readonly dataDir?: string
}

/** What `unmoor.config.ts` exports as its default. Plain data; every field is optional. */
export interface Config extends ConfigBase {
  /** Driver per binding on every target, by name or with options. Default: the target's own. */
  readonly drivers?: Readonly<Record<string, DriverConfig>>
  /** What single targets have of their own, by target. */
  readonly targets?: { readonly [Name in keyof Targets]?: TargetConfig<Targets[Name]> }
}

/** One target of an {@link AnyConfig}. */
export interface AnyTargetConfig extends BundleSettings {
  readonly drivers?: Readonly<Record<string, string | DriverSpec>>
  readonly options?: Readonly<Record<string, unknown>>
  readonly adapter?: string
}

/**
 * A config as the tools have it: of plain JavaScript, or made by a program. A build checks what the types of
 * {@link Config} say.
 */
export interface AnyConfig extends ConfigBase {
  readonly drivers?: Readonly<Record<string, string | DriverSpec>>
  readonly targets?: Readonly<Record<string, AnyTargetConfig>>
}

/**
 * Returns `config`. An editor and the type check know its type by it: a misspelled target, driver or option
 * is an error.
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
