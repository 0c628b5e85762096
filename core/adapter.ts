/**
 * The contract between unmoor and a target. Our own four adapters use nothing that a third party's could not.
 * An adapter is a module whose default export is an {@link Adapter}; its run-time half is whatever the
 * artifact imports.
 */
import type { ArtifactInfo, DriverSpec, Log } from './artifact.ts'
import type { BindingKind } from './bindings/declarations.ts'
import type { Migration, RecordedMigrations } from './bindings/migrations.ts'
import type { Capabilities } from './capabilities.ts'
import type { DeployTarget } from './deploy.ts'
import type { Manifest } from './manifest.ts'
import type { DriverOptionTables, OptionType } from './option-table.ts'

export { ARTIFACT_FORMAT, type ArtifactInfo, type DriverSpec, type Log } from './artifact.ts'

/** One file of the artifact's static assets. */
export interface AssetFile {
  /** URL path of the static asset, percent-encoded, such as `/app.css`. */
  readonly path: string
  /** Absolute path of the static asset's file on the machine that builds. */
  readonly source: string
  /** Size of the static asset in bytes. */
  readonly size: number
}

/** Options of {@link BuildContext.bundle}. */
export interface BundleOptions {
  /**
   * Source of the generated entry module. The entry imports the app as `#app`, and unmoor's run-time halves
   * by their public names.
   */
  entry: string
  /** Path of the bundle to write, relative to the artifact. */
  file: string
  /** Export conditions that the bundler resolves with, most wanted first. Default: the adapter's. */
  conditions?: readonly string[]
  /** If true, the bundle is minified. `minify: false` in the config overrides this option. Default: true. */
  minify?: boolean
  /**
   * If true, a source map with a debug id is written beside the bundle (`FILE.map`). With `linked`, the last
   * line of the bundle also names the map, for platforms that look for it there. `sourcemap: false` in the
   * config overrides this option. Default: true.
   */
  sourcemap?: boolean | 'linked'
  /**
   * If true, functions and classes keep their names, also in minified bundles. Set it to false for a bundle
   * without any code of the app. Default: true.
   */
  keepNames?: boolean
  /**
   * If true, async functions are compiled to generators, for a runtime whose `await` cannot be observed from
   * JavaScript. No other syntax is lowered. Default: false.
   */
  asyncToGenerators?: boolean
  /**
   * Node built-ins that this bundle may import; `all` for a bundle that runs on Node beside the app. Default:
   * the adapter's list.
   */
  nodeBuiltins?: 'all' | readonly string[]
  /**
   * Node built-ins (without `node:`) that are loaded at first use instead of at start, where a module imports
   * them whole (`import tls from 'tls'`). Shortens cold starts. Default: none.
   */
  lazyBuiltins?: readonly string[]
  /**
   * Import specifiers that the bundler leaves as imports, besides the allowed Node built-ins. Default: none.
   */
  external?: readonly string[]
  /** Module format of the bundle. `iife` is for code that runs without modules (isolates). Default: `esm`. */
  format?: 'esm' | 'iife' | 'cjs'
  /**
   * How an imported .wasm file reaches the app: `module` keeps the import for the runtime (workerd), `inline`
   * compiles it from bytes within the bundle. Default: `inline`.
   */
  wasm?: 'module' | 'inline'
  /**
   * Expressions that the bundler replaces by a text, such as `{ 'process.env.NODE_ENV': '"production"' }`.
   */
  define?: Readonly<Record<string, string>>
  /**
   * Global names that the bundler binds to an export of a module, where code uses them undeclared: name to
   * specifier and export. Default: none.
   */
  inject?: Readonly<Record<string, readonly [module: string, name: string]>>
  /**
   * Import specifiers that resolve to another module (absolute path or public name), such as shims for Node
   * built-ins.
   */
  alias?: Readonly<Record<string, string>>
}

/** Result of {@link BuildContext.bundle}: the files that were written and the packages left outside. */
export interface Bundle {
  /** Absolute path of a written bundle's main file. */
  file: string
  /** Size of a bundle's main file in bytes. */
  size: number
  /** All files of the bundle (wasm modules, chunks, the source map), relative to the artifact. */
  files: string[]
  /**
   * Packages left out of the bundle because they contain machine code or the config lists them, without their
   * own dependencies. They have been copied into `node_modules` of the artifact for this machine's platform;
   * an image for another platform installs them by name and version. Empty if {@link CodeFacts.packages} is
   * not set.
   */
  packages: readonly InstalledPackage[]
}

/** A package installed beside the bundle of an artifact. */
export interface InstalledPackage {
  /** Name of the installed package, such as `sharp`. */
  readonly name: string
  /** Exact version of the installed package, such as `0.34.1`. */
  readonly version: string
  /** Absolute path of the installed package on the machine that builds. */
  readonly dir: string
}

/** Argument of {@link Adapter.build}: the app, its drivers, and functions that write the artifact. */
export interface BuildContext {
  /** Absolute path of the user's project. */
  readonly projectDir: string
  /**
   * Absolute path of the folder that becomes the artifact. It starts empty and is moved into place after the
   * build, so a failed build leaves nothing half-written.
   */
  readonly outDir: string
  readonly manifest: Manifest
  /**
   * Driver of each binding on this target: the config's, else the adapter's default. Variables have no
   * driver.
   */
  readonly drivers: Readonly<Record<string, DriverSpec>>
  /**
   * Returns source text for the generated entry: import statements, and an object literal `{ name: { create,
   * options, portable } }` with the driver of each binding. `portable` is the portable class of the binding's
   * kind: `portableKv`, `portableSql`, ... of `unmoor/runtime`.
   */
  driverImports(): { imports: string; object: string }
  /** Migrations of each sql binding, by the binding's name. */
  readonly migrations: Readonly<Record<string, readonly Migration[]>>
  readonly assets:
    | {
        readonly binding: string
        readonly notFound: 'none' | 'single-page-application'
        readonly files: readonly AssetFile[]
      }
    | undefined
  /** The target's own options from unmoor.config.ts (`targets.NAME.options`). */
  readonly options: Readonly<Record<string, unknown>>
  /**
   * True if the artifact answers the test channel, by which tests reach its bindings
   * (`core/runtime/test-channel.ts`), as only builds for tests do.
   */
  readonly testChannel: boolean
  /** Environment of the config that this is a build for (`--env`). Default: none. */
  readonly environment?: string
  readonly log: Log
  bundle(options: BundleOptions): Promise<Bundle>
  /** Writes a file into the artifact that is being built and creates its parent folders. */
  write(path: string, content: string | Uint8Array): Promise<void>
  /** Copies the static assets into `folder` of the artifact. */
  copyAssets(folder: string): Promise<void>
}

/** Options of {@link Adapter.start}: how an artifact is started on this machine. */
export interface StartOptions {
  /** Absolute path of the artifact to start. */
  readonly dir: string
  readonly info: ArtifactInfo
  /**
   * Absolute path of the folder for a started artifact's local data (sqlite files, the simulator's state).
   * Created if missing.
   */
  readonly dataDir: string
  /** TCP port of the artifact; 0 picks a free port. A port in use fails with `Unavailable`, naming it. */
  readonly port: number
  /** Address that the started artifact listens on. Default: 127.0.0.1. */
  readonly host?: string | undefined
  /**
   * Variables and secrets of the app and its drivers. From the caller's own environment, an adapter passes on
   * only PATH, HOME, TMPDIR and NODE_*.
   */
  readonly variables: Readonly<Record<string, string>>
  /** True while the app is being developed: error responses may show what the app threw. Default: false. */
  readonly development?: boolean | undefined
  /**
   * Loopback port for a debugger of the started artifact; 0 picks a free port. Adapters without a debugger
   * throw `Unsupported`. Default: no debugger.
   */
  readonly inspectPort?: number | undefined
  /**
   * Token of the test channel, by which tests reach an artifact's bindings; set only for artifacts that were
   * built with one.
   */
  readonly testToken?: string | undefined
  /**
   * Receives each line that the artifact's runtime prints. Default: lines are dropped, but the error of a
   * failed start has the last 100.
   */
  readonly onOutput?: ((line: string) => void) | undefined
  readonly log: Log
}

/** An artifact that {@link Adapter.start} runs on this machine. */
export interface LocalRuntime {
  /** Origin that the artifact serves, such as `http://127.0.0.1:8787`. */
  readonly url: string
  /**
   * URLs where clients of sockets bindings connect, by declared path, if they differ from that path at `url`:
   * `{ '/chat': 'ws://127.0.0.1:9000/chat' }`. Default: none.
   */
  readonly socketUrls?: Readonly<Record<string, string>>
  /**
   * Name and version of the runtime that serves the artifact, such as `workerd 1.20260730.1` or `node
   * v26.10.0`.
   */
  readonly runtime: string
  /** Process ids of the started artifact's servers, for tests that measure or kill them. */
  readonly pids: readonly number[]
  /**
   * Capabilities of the running artifact, if the options of its start change them (such as a buffering
   * front). Default: the adapter's `capabilities`.
   */
  readonly capabilities?: Capabilities
  /**
   * Fires a cron through the platform's own event and waits until its handler has ended. `scheduledTime` is
   * in milliseconds since 1970. Default: crons are fired through the test channel.
   */
  runCron?(name: string, scheduledTime: number): Promise<void>
  /** Stops the artifact gracefully; resolves when every process has ended. */
  stop(): Promise<void>
  /** Resolves with the runtime's exit code when a started artifact ends by itself. */
  readonly exited: Promise<number | null>
}

/** Result of a migration run: per sql binding, the migrations applied now and those applied before. */
export type MigrateReport = Readonly<
  Record<string, { applied: readonly string[]; already: readonly string[] }>
>

/** Migrations that an artifact's databases have recorded, by the sql binding of the database. */
export type RecordedReport = Readonly<Record<string, RecordedMigrations>>

/** Options of {@link Adapter.migrate}. `url` names the database to migrate; default: the artifact's own. */
export type MigrateOptions = Omit<StartOptions, 'port' | 'host'> & { readonly url?: string | undefined }

/** Globals that Node has and the web platform lacks. */
export const NODE_GLOBALS: readonly string[] = [
  'process',
  'Buffer',
  'global',
  'setImmediate',
  'clearImmediate',
]

/**
 * Globals, packages and abilities that app code may use on a target besides the web platform; `unmoor check`
 * reads them.
 */
export interface CodeFacts {
  /**
   * Globals of Node (`process`, `Buffer`, ...) and of the platform (`caches`, `WebSocket`, ...) that app code
   * finds. Default: Node's own if `nodeBuiltins` is `all`, else none.
   */
  readonly globals?: readonly string[]
  /**
   * True if the target allows code made from text (`eval`, `new Function`) and WebAssembly compiled from
   * bytes. Default: true.
   */
  readonly fromText?: boolean
  /**
   * True if artifacts can have packages beside the bundle ({@link Bundle.packages}), and so machine code.
   * Default: false; a build refuses such packages.
   */
  readonly packages?: boolean
  /** True if I/O, timers and random values are allowed before the first event. Default: true. */
  readonly ioOutsideHandlers?: boolean
  /** Largest bundle that the target takes, in bytes. Default: no limit. */
  readonly bundle?: number
  /**
   * Largest static asset in bytes (`asset`), and the largest number of assets (`assets`). Default: no limit.
   */
  readonly asset?: number
  readonly assets?: number
}

/** The environment of a config for which {@link Adapter.environmentOptions} merges options. */
export interface EnvironmentChoice {
  /** Name of the environment, such as `staging`. */
  readonly name: string
  /** The environment's own values of declared variables, by binding. */
  readonly variables: Readonly<Record<string, string>>
}

/** The adapter of one target: what it can do, and how an artifact is built, started and migrated. */
export interface Adapter {
  /** Name of the target in commands and file names, such as `node`. */
  readonly name: string
  /**
   * Capabilities of the target. A target with `sockets` implements `SocketTransport` of `unmoor/runtime`. A
   * target without spreads `NO_SOCKETS` of `unmoor/adapter`, and a build refuses apps that declare sockets
   * bindings.
   */
  readonly capabilities: Capabilities
  /** Node built-ins (without `node:`) that app code may import on the target: all of them, or a list. */
  readonly nodeBuiltins: 'all' | readonly string[]
  /** Export conditions for the app's dependencies, most wanted first. */
  readonly conditions: readonly string[]
  /** Default driver of each kind of binding. A kind that is missing here must be named in the config. */
  readonly defaultDrivers: Readonly<Partial<Record<BindingKind, DriverSpec>>>
  /** Module specifiers of drivers that only this target has, by driver name. */
  readonly drivers?: Readonly<Record<string, string>>
  /**
   * Type of each option of `targets.NAME.options`, which a build checks. Default: the adapter checks its
   * options itself.
   */
  readonly options?: Readonly<Record<string, OptionType>>
  /**
   * Returns the target's options in an environment: its `own` options merged over the `shared` ones, without
   * shared options that name resources of another environment. Default: each option of `own` replaces the
   * shared one.
   */
  environmentOptions?(
    shared: Readonly<Record<string, unknown>>,
    own: Readonly<Record<string, unknown>>,
    environment: EnvironmentChoice,
  ): Readonly<Record<string, unknown>>
  /**
   * Types of the options of each driver in {@link drivers}, by driver and kind of binding. Default: the types
   * that the driver's module states.
   */
  readonly driverOptions?: Readonly<Record<string, DriverOptionTables>>
  /** Globals, packages and abilities that app code may use on the target. Default: see {@link CodeFacts}. */
  readonly code?: CodeFacts
  /**
   * Conformance cases that the target fails today: case id to reason. A listed case that passes fails the
   * run. Default: none.
   */
  readonly expectations?: Readonly<Record<string, string>>
  /**
   * Writes the artifact of an app. @throws `UnmoorError` (`Unsupported`, `InvalidArgument`) for what the
   * target cannot honour.
   */
  build(context: BuildContext): Promise<void>
  /**
   * Runs the artifact on the target's real runtime, on this machine. Applies migrations first if that is safe
   * for a single local process.
   */
  start(options: StartOptions): Promise<LocalRuntime>
  /** Applies migrations to the databases that the artifact would use. */
  migrate(options: MigrateOptions): Promise<MigrateReport>
  /**
   * Returns the migrations that the databases of `migrate` have recorded, for `unmoor migrate --status` and
   * `--dry-run`. Changes nothing: no folder, file, database or table is created. Default: both options are
   * refused as `Unsupported`.
   */
  recordedMigrations?(options: MigrateOptions): Promise<RecordedReport>
  /**
   * Plans of `unmoor deploy --target NAME`. Default: the command refuses the target as `Unsupported`.
   */
  readonly deploy?: DeployTarget
}
