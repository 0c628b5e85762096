/**
 * The contract between unmoor and a target. Our own four adapters use nothing that a third party's could not.
 * An adapter is a module whose default export is an {@link Adapter}; its run-time half is whatever the
 * artifact imports.
 */
import type { BindingKind } from './bindings/declarations.ts'
import type { Migration } from './bindings/migrations.ts'
import type { Capabilities } from './capabilities.ts'
import type { Manifest } from './manifest.ts'
import type { DriverOptionTables, OptionType } from './option-table.ts'

/**
 * The driver that serves a binding, as data: JSON options. A value `{ env: 'NAME' }` is read from the
 * process's environment at start.
 */
export interface DriverSpec {
  /**
   * A built-in driver's name (`sqlite`, `fs`, `memory`, `postgres`, `dynamodb`, `s3`, `sqs`, ...) or the
   * module specifier of another.
   */
  readonly driver: string
  readonly [option: string]: unknown
}

/** One file of the artifact's static assets. */
export interface AssetFile {
  /** URL path, percent-encoded, such as `/app.css`. */
  readonly path: string
  /** Absolute path on the building machine. */
  readonly source: string
  /** Bytes. */
  readonly size: number
}

/** Progress lines for people; silent under `--reporter json`. */
export interface Log {
  info(message: string): void
  warn(message: string): void
}

/** How an adapter asks for a bundle. */
export interface BundleOptions {
  /**
   * Source of the generated entry module. It imports the app as `#app`, unmoor's run-time halves by their
   * public names.
   */
  entry: string
  /** File to write, relative to the artifact. */
  file: string
  /** Export conditions, most wanted first. Default: the adapter's. */
  conditions?: readonly string[]
  /** The config's `minify: false` goes before it. Default: true. */
  minify?: boolean
  /**
   * If true, a source map with a debug id is written beside the bundle (`FILE.map`). `linked`: the bundle
   * names it in its last line, for a platform that looks for that. The config's `sourcemap: false` goes
   * before it. Default: true.
   */
  sourcemap?: boolean | 'linked'
  /**
   * If true, functions and classes keep their names, in minified bundles too. False for a bundle without any
   * code of the app. Default: true.
   */
  keepNames?: boolean
  /**
   * If true, async functions become generators, for a runtime whose `await` cannot be followed from
   * JavaScript. No other syntax is lowered. Default: false.
   */
  asyncToGenerators?: boolean
  /**
   * Node built-ins that this bundle may import. Default: the adapter's; `all` for a bundle that runs on Node
   * beside the app.
   */
  nodeBuiltins?: 'all' | readonly string[]
  /**
   * Node built-ins (without `node:`) that are loaded at their first use where a module imports them as a
   * whole, as `import tls from 'tls'` does. For starts that count milliseconds. Default: none.
   */
  lazyBuiltins?: readonly string[]
  /** Specifiers left as imports (besides the allowed node built-ins). Default: none. */
  external?: readonly string[]
  /** Default: esm. `iife` for code that runs without modules (isolates). */
  format?: 'esm' | 'iife' | 'cjs'
  /**
   * How an imported .wasm file reaches the app: `module` keeps the import for the runtime (workerd), `inline`
   * compiles it from bytes within the bundle. Default: `inline`.
   */
  wasm?: 'module' | 'inline'
  /** Text replaced at build time, such as `{ 'process.env.NODE_ENV': '"production"' }`. */
  define?: Readonly<Record<string, string>>
  /**
   * Global names that a module's export stands for wherever code uses them without a declaration: name to
   * specifier and export. Default: none.
   */
  inject?: Readonly<Record<string, readonly [module: string, name: string]>>
  /**
   * Specifiers answered by another module (absolute path or public name), such as shims for node built-ins.
   */
  alias?: Readonly<Record<string, string>>
}

/** What {@link BuildContext.bundle} returns. */
export interface Bundle {
  /** Absolute path of the main file. */
  file: string
  /** Bytes of it. */
  size: number
  /** All files written, relative to the artifact (wasm modules, chunks, the map). */
  files: string[]
  /**
   * Packages that stayed imports, since they have machine code or the config says so, without what they
   * depend on. They have been copied into `node_modules` of the artifact, for this machine's platform; an
   * image for another one installs them by name and version. Empty where {@link CodeFacts.packages} is not
   * set.
   */
  packages: readonly InstalledPackage[]
}

/** A package that an artifact installs. */
export interface InstalledPackage {
  /** The package's name, such as `sharp`. */
  readonly name: string
  /** Exact, such as `0.34.1`. */
  readonly version: string
  /** Absolute path on the building machine. */
  readonly dir: string
}

/** What an adapter's build half is given. */
export interface BuildContext {
  /** Absolute path of the user's project. */
  readonly projectDir: string
  /**
   * Absolute path of the folder to write into; fresh, moved in place when the build is done, so that a failed
   * build leaves nothing half-written.
   */
  readonly outDir: string
  readonly manifest: Manifest
  /**
   * The driver of each binding on this target: the config's, else the adapter's default. Variables have none.
   */
  readonly drivers: Readonly<Record<string, DriverSpec>>
  /**
   * Import statements and an object literal `{ name: { create, options, portable } }` for those drivers, to
   * be put into the generated entry; `portable` is the kind's `portableKv`, `portableSql`, ... of
   * `unmoor/runtime`.
   */
  driverImports(): { imports: string; object: string }
  /** Per sql binding. */
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
   * True if the artifact answers the test channel (`core/runtime/test-channel.ts`): only builds made for
   * tests do.
   */
  readonly testChannel: boolean
  readonly log: Log
  bundle(options: BundleOptions): Promise<Bundle>
  /** Writes a text file into the artifact; its folders are made. */
  write(path: string, content: string | Uint8Array): Promise<void>
  /** Copies the assets below `folder` of the artifact. */
  copyAssets(folder: string): Promise<void>
}

/**
 * The form of `unmoor.json` and of a host's stored settings that this version writes. 2: time-outs of all
 * drivers are in seconds.
 */
export const ARTIFACT_FORMAT = 2

/** What is kept beside an artifact as `unmoor.json`, so that it can be started without the project. */
export interface ArtifactInfo {
  /**
   * Version of this file's form: {@link ARTIFACT_FORMAT}. Absent in artifacts of versions before 0.2, whose
   * time-outs are in milliseconds.
   */
  readonly format?: number
  readonly target: string
  readonly manifest: Manifest
  readonly drivers: Readonly<Record<string, DriverSpec>>
  readonly migrations: Readonly<Record<string, readonly Migration[]>>
  readonly options: Readonly<Record<string, unknown>>
  readonly testChannel: boolean
}

/** How an artifact is started locally. */
export interface StartOptions {
  /** Absolute path of the artifact. */
  readonly dir: string
  readonly info: ArtifactInfo
  /** Absolute path for local data (sqlite files, the simulator's state). Made if missing. */
  readonly dataDir: string
  /** TCP port on 127.0.0.1; 0 takes a free one. A taken one is `Unavailable` naming the port. */
  readonly port: number
  /** Address to listen on. Default: 127.0.0.1. */
  readonly host?: string | undefined
  /**
   * Variables and secrets of the app and its drivers. Adapters pass nothing else of the caller's environment
   * but PATH, HOME, TMPDIR and NODE_*.
   */
  readonly variables: Readonly<Record<string, string>>
  /** True if the app is being developed: clients may see what it threw. Default: false. */
  readonly development?: boolean | undefined
  /**
   * Port on loopback for a debugger; 0 takes a free one. Adapters that have none refuse it (`Unsupported`).
   * Default: none.
   */
  readonly inspectPort?: number | undefined
  /** Token of the test channel, where the artifact has one. */
  readonly testToken?: string | undefined
  /** Lines that the runtime prints. Default: dropped, but the last 100 are part of a failed start's error. */
  readonly onOutput?: ((line: string) => void) | undefined
  readonly log: Log
}

/** A running artifact. */
export interface LocalRuntime {
  /** Origin, such as `http://127.0.0.1:8787`. */
  readonly url: string
  /**
   * Where clients of sockets bindings connect, by the path of the declaration, where that is not the path at
   * `url`: `{ '/chat': 'ws://127.0.0.1:9000/chat' }`. Default: none.
   */
  readonly socketUrls?: Readonly<Record<string, string>>
  /** What the runtime says of itself, such as `workerd 1.20260730.1` or `node v26.10.0`. */
  readonly runtime: string
  /** Pids of the server processes, for tests that measure or kill. */
  readonly pids: readonly number[]
  /**
   * What this start can do where its options make it differ from the adapter's `capabilities`, such as a
   * buffering front. Default: the adapter's.
   */
  readonly capabilities?: Capabilities
  /**
   * Fires a cron through the platform's own event, and waits for its end. Default: through the test channel.
   */
  runCron?(name: string, scheduledTime: number): Promise<void>
  /** Stops gracefully; resolves when every process has ended. */
  stop(): Promise<void>
  /** Resolves with the exit code when it ends by itself. */
  readonly exited: Promise<number | null>
}

/** A migration run: per sql binding, what was applied now and what had been. */
export type MigrateReport = Readonly<
  Record<string, { applied: readonly string[]; already: readonly string[] }>
>

/** Globals that Node has and the web platform lacks. */
export const NODE_GLOBALS: readonly string[] = [
  'process',
  'Buffer',
  'global',
  'setImmediate',
  'clearImmediate',
]

/** What app code may do on a target beside the web platform; `unmoor check` reads it. */
export interface CodeFacts {
  /**
   * Globals of Node (`process`, `Buffer`, ...) and of the platform (`caches`, `WebSocket`, ...) that are
   * there. Default: Node's own where `nodeBuiltins` is `all`, else none.
   */
  readonly globals?: readonly string[]
  /**
   * True if code may be made from text (`eval`, `new Function`) and WebAssembly from bytes. Default: true.
   */
  readonly fromText?: boolean
  /**
   * True if artifacts can have packages beside the bundle ({@link Bundle.packages}), and so machine code.
   * Default: false, such packages are refused.
   */
  readonly packages?: boolean
  /** True if I/O, timers and random values are allowed before the first event. Default: true. */
  readonly ioOutsideHandlers?: boolean
  /** Largest bundle in bytes. Default: no limit. */
  readonly bundle?: number
  /** Largest static asset in bytes, and how many there may be. Default: no limit. */
  readonly asset?: number
  readonly assets?: number
}

/** One target. */
export interface Adapter {
  /** Used in commands and file names: `node`. */
  readonly name: string
  /**
   * What an app can do there. A target with `sockets` implements `SocketTransport` of `unmoor/runtime`; one
   * without spreads `NO_SOCKETS` of `unmoor/adapter`, and a build refuses apps that declare some.
   */
  readonly capabilities: Capabilities
  /** Node built-ins (without `node:`) that app code may import: all, or these. */
  readonly nodeBuiltins: 'all' | readonly string[]
  /** Export conditions for the app's dependencies, most wanted first. */
  readonly conditions: readonly string[]
  /** The driver where the config names none. A kind that is missing here must be named in the config. */
  readonly defaultDrivers: Readonly<Partial<Record<BindingKind, DriverSpec>>>
  /** Driver names that only this target has, to module specifiers. */
  readonly drivers?: Readonly<Record<string, string>>
  /**
   * What each option of `targets.NAME.options` takes: a build checks it. Default: the adapter checks its
   * options itself.
   */
  readonly options?: Readonly<Record<string, OptionType>>
  /**
   * The same for drivers of {@link drivers}, by driver and kind of binding. Default: what the driver's module
   * states.
   */
  readonly driverOptions?: Readonly<Record<string, DriverOptionTables>>
  /** What app code may do there. Default: see {@link CodeFacts}. */
  readonly code?: CodeFacts
  /**
   * Cases of the conformance suite that fail there today, by id, each with its reason. One that passes after
   * all fails the run. Default: none.
   */
  readonly expectations?: Readonly<Record<string, string>>
  /**
   * Writes the artifact. Throws `UnmoorError` (`Unsupported`, `InvalidArgument`) for what the target cannot
   * honour.
   */
  build(context: BuildContext): Promise<void>
  /**
   * Runs the artifact on the target's real runtime, on this machine. Migrations are applied first wherever
   * that is safe for one local process.
   */
  start(options: StartOptions): Promise<LocalRuntime>
  /** Applies migrations to the databases that the artifact would use. */
  migrate(options: Omit<StartOptions, 'port' | 'host'> & { url?: string | undefined }): Promise<MigrateReport>
}
