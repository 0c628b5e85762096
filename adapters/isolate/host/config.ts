import { readdir, readFile, stat } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { DriverSpec } from '../../../core/adapter.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { didYouMean } from '../../../core/option-table.ts'
import { resolveOptions } from '../../../core/runtime/runtime.ts'
import { checkOutbound, type OutboundRules } from '../services/outbound/rules.ts'
import type { AppRecord, AppSettings } from './app-record.ts'
import { readInfo } from './artifact.ts'
import type { DriverDefaults } from './driver-defaults.ts'
import { type HttpConfig, resolveHttp } from './http-config.ts'
import { checkName, checkSettings } from './settings.ts'
import type { StoreConfig } from './store/open-store.ts'
import { type AppLimits, checkLimits, DEFAULT_LIMITS, type LimitSettings } from './limits.ts'
import { type Guard, type GuardOptions, resolveGuard } from './supervisor/process-guard.ts'
import { type CertificatePair, resolvePair, resolveTls, type TlsConfig } from './tls/config.ts'

/**
 * Config file of `unmoor host --config FILE`: JSON, or the default export of a module. Every field is
 * optional.
 *
 * @example
 * ```ts
 * import type { HostConfig } from 'unmoor/isolate/host'
 *
 * export default {
 *   port: 8080,
 *   dataDir: '/var/lib/unmoor',
 *   limits: { memoryMb: 64, cpuMs: 500 },
 *   drivers: { kv: { driver: 'redis', url: { env: 'REDIS_URL' } } },
 *   admin: { port: 8788 },
 * } satisfies HostConfig
 * ```
 */
export interface HostConfig extends HttpConfig {
  /** TCP port of the host; 0 takes a free one. Default: 8787. */
  port?: number
  /** Address that the host listens on. Default: 127.0.0.1. */
  host?: string
  /** TLS certificates of the host's port. With them the port speaks only TLS. Default: plain HTTP. */
  tls?: TlsConfig
  /**
   * Origin at which other hosts of the store reach this one, such as `http://10.0.0.5:8787`. They forward
   * requests for Durable Objects that this host owns. Default: `host` and `port`.
   */
  address?: string
  /**
   * If true, a second host may listen on the same port, which allows a handover: start the new host, then
   * stop the old one. Default: false.
   */
  sharePort?: boolean
  /** Number of the host's child processes, which share its port. Default: one per core. */
  processes?: number
  /** Folder of the apps' data. Default: `.unmoor/host` beside the config, or in the working folder. */
  dataDir?: string
  /** Maximum number of isolates that each process keeps alive at once. Default: 500. */
  maxIsolates?: number
  /**
   * Resident memory in MB of each process above which idle isolates are evicted. Default: three quarters of
   * the machine's, shared by the processes.
   */
  maxProcessMb?: number
  /** Number of ready isolates that each process keeps in its pool. Default: 4. */
  pool?: number
  /** Seconds that a stop of the host waits for running requests and background work. Default: 30. */
  stopTimeout?: number
  /** @deprecated Since 0.2: `stopTimeout`. */
  stopSeconds?: number
  /**
   * Format of log lines: `text`, or `json` with `time`, `level`, `app` (if an app logged the line) and
   * `message`. Default: text.
   */
  log?: 'text' | 'json'
  /**
   * Seconds that one statement may block a process before the process is killed and restarted. A process that
   * serves one app gets twice that app's `cpuMs` if that is longer. Default: 5.
   */
  stallTimeout?: number
  /** @deprecated Since 0.2: `stallTimeout`. */
  stallSeconds?: number
  /**
   * Isolation of the child processes from the rest of the machine: another user, Node's permission model, a
   * command that starts them. Default: none.
   */
  guard?: GuardOptions
  /** Default limits of all apps. */
  limits?: Partial<LimitSettings>
  /**
   * Rules for the `fetch` of all apps: addresses allowed besides public ones, and addresses denied, such as
   * `{ "allow": ["10.1.0.0/16"], "deny": ["*.internal"] }`. Default: public addresses only.
   */
  outbound?: OutboundRules
  /**
   * Drivers by kind of binding that replace the drivers named in artifacts: `{ "kv": { "driver": "redis",
   * "url": "..." } }`. Each app's data is separated by the app's name; for `sql` in Postgres each app gets a
   * user and a schema of its own. `{ "env": "NAME" }` stands for a variable of the host. Default: the
   * artifacts' own drivers (files in the data folder).
   */
  drivers?: DriverDefaults
  /**
   * Driver, by name or with options, that records which cron times are claimed. Default: `sqlite`, a file per
   * app in the data folder, which is right for one host.
   */
  cronStore?: string | DriverSpec
  /**
   * Database (`sqlite`, `postgres`) and blob store (`fs`, `s3`) that hold deploys, with their options. Hosts
   * that share them serve the same apps. Default: files in the data folder.
   */
  store?: { sql?: string | DriverSpec; blob?: string | DriverSpec }
  /** Milliseconds between two polls of the deploy store for deploys made by other hosts. Default: 1000. */
  pollMs?: number
  /** Versions of each app that the store keeps for rollbacks. Default: 10. */
  keepVersions?: number
  /** Largest size of an uploaded artifact in MB. Default: 100. */
  maxArtifactMb?: number
  /** Apps by name; `dir` is the artifact's folder, relative to the config. */
  apps?: Readonly<Record<string, AppSettings & { dir: string }>>
  admin?: {
    /** TCP port of the admin API; 0 takes a free one. Default: no admin port. */
    port?: number
    /** Address that the admin API listens on. Default: 127.0.0.1. */
    host?: string
    /**
     * Bearer token of the admin API, required by all paths except /metrics and /healthz. Default:
     * `UNMOOR_HOST_TOKEN`, else a token created at the first start in `admin.token` of the data folder.
     */
    token?: string
    /**
     * PEM files, relative to the config's folder, with which the admin port speaks TLS. Default: plain HTTP.
     */
    tls?: CertificatePair
  }
}

/** A host's config with its defaults filled in; paths are absolute. */
export interface ResolvedConfig extends Required<
  Omit<
    HostConfig,
    | keyof HttpConfig
    | 'apps'
    | 'admin'
    | 'limits'
    | 'cronStore'
    | 'store'
    | 'guard'
    | 'stopTimeout'
    | 'stallTimeout'
    | 'address'
    | 'tls'
  >
> {
  tls: Required<TlsConfig> | undefined
  address: string | undefined
  http: HttpConfig
  guard: Guard
  store: StoreConfig
  /** True if the operator configured the deploy store (`store`). */
  storeIsGiven: boolean
  cronStore: DriverSpec
  limits: AppLimits
  apps: AppRecord[]
  admin: {
    port: number | undefined
    host: string
    token: string | undefined
    tls: CertificatePair | undefined
  }
}

/**
 * Reads a host's config file, or takes every artifact in a folder: `DIR/NAME` or `DIR/NAME/.unmoor/isolate`;
 * DIR may also be one artifact.
 */
export async function loadConfig(
  source: { config?: string | undefined; dir?: string | undefined },
  overrides: HostConfig = {},
): Promise<ResolvedConfig> {
  const file = source.config === undefined ? undefined : resolve(source.config)
  const given: HostConfig = {
    ...(file === undefined ? {} : checkKeys(await readConfig(file), file)),
    ...withoutUndefined(overrides),
  }
  const base = file === undefined ? process.cwd() : dirname(file)
  const limits: AppLimits = { ...DEFAULT_LIMITS, ...checkLimits(given.limits, 'limits') }
  const processes = given.processes ?? availableParallelism()
  if (!Number.isInteger(processes) || processes < 1)
    throw new UnmoorError(
      'InvalidArgument',
      `processes takes a whole number from 1, not ${String(processes)}.`,
      { operation: 'config' },
    )
  const found = source.dir === undefined ? {} : await findArtifacts(resolve(source.dir))
  const apps = Object.entries<AppSettings & { dir: string }>({ ...found, ...given.apps })
  return {
    port: given.port ?? 8787,
    host: given.host ?? '127.0.0.1',
    tls: resolveTls(given.tls, base),
    address: checkAddress(given.address, given.tls !== undefined),
    sharePort: given.sharePort ?? false,
    processes,
    dataDir: resolve(base, given.dataDir ?? '.unmoor/host'),
    maxIsolates: given.maxIsolates ?? 500,
    maxProcessMb: given.maxProcessMb ?? Math.round((totalmem() / 1024 / 1024) * (0.75 / processes)),
    pool: given.pool ?? 4,
    stopSeconds: given.stopTimeout ?? given.stopSeconds ?? 30,
    log: checkLog(given.log),
    stallSeconds: given.stallTimeout ?? given.stallSeconds ?? 5,
    http: resolveHttp(given),
    guard: await resolveGuard(given.guard),
    limits,
    outbound: checkOutbound(given.outbound, 'outbound') ?? {},
    drivers: fromEnvironment(given.drivers ?? {}, 'drivers.'),
    cronStore: fromEnvironment({ cronStore: given.cronStore ?? 'sqlite' }, '').cronStore,
    store: fromEnvironment({ sql: given.store?.sql ?? 'sqlite', blob: given.store?.blob ?? 'fs' }, 'store.'),
    storeIsGiven: given.store !== undefined,
    pollMs: given.pollMs ?? 1000,
    keepVersions: given.keepVersions ?? 10,
    maxArtifactMb: given.maxArtifactMb ?? 100,
    apps: await Promise.all(
      apps.map(async ([name, { dir, ...settings }]) =>
        createRecord(
          checkName(name),
          resolve(base, dir),
          checkSettings(settings, `apps.${name}`),
          limits,
          `file:${(await statArtifact(resolve(base, dir))).mtimeMs}`,
        ),
      ),
    ),
    admin: {
      port: given.admin?.port,
      host: given.admin?.host ?? '127.0.0.1',
      token: given.admin?.token ?? (process.env['UNMOOR_HOST_TOKEN'] || undefined),
      tls: given.admin?.tls === undefined ? undefined : resolvePair(given.admin.tls, base, 'admin.tls'),
    },
  }
}

function checkLog(log: unknown = 'text'): 'text' | 'json' {
  if (log === 'text' || log === 'json') return log
  throw new UnmoorError('InvalidArgument', `log takes text or json, not ${JSON.stringify(log)}.`, {
    operation: 'config',
  })
}

function checkAddress(address: unknown, isTls: boolean): string | undefined {
  if (address === undefined) return undefined
  const url = typeof address === 'string' ? URL.parse(address) : null
  const scheme = isTls ? 'https' : 'http'
  if (url !== null && url.protocol === `${scheme}:` && url.origin === address) return url.origin
  throw new UnmoorError(
    'InvalidArgument',
    `address takes an origin such as ${scheme}://10.0.0.5:8787, not ${JSON.stringify(address)}: the port ` +
      `speaks ${isTls ? 'TLS, as "tls" is set' : 'plain HTTP, as "tls" is not set'}.`,
    { operation: 'config' },
  )
}

/** Returns driver specs in which each `{ env: 'NAME' }` is replaced by that variable of this process. */
function fromEnvironment<Kind extends string>(
  specs: Readonly<Partial<Record<Kind, string | DriverSpec>>>,
  where: string,
): Record<Kind, DriverSpec> {
  const resolved = Object.entries<string | DriverSpec | undefined>(specs).map(([kind, spec]) => {
    const options = typeof spec === 'string' ? { driver: spec } : spec
    if (typeof options?.driver !== 'string')
      throw new UnmoorError(
        'InvalidArgument',
        `${where}${kind} takes a driver's name or { "driver": "...", ...options }.`,
        { operation: 'config' },
      )
    return [kind, resolveOptions(options, `${where}${kind}`, { variable: (name) => process.env[name] })]
  })
  return Object.fromEntries(resolved) as Record<Kind, DriverSpec>
}

async function readConfig(file: string): Promise<HostConfig> {
  try {
    if (extname(file) === '.json') return JSON.parse(await readFile(file, 'utf8')) as HostConfig
    return ((await import(/* @vite-ignore */ pathToFileURL(file).href)) as { default: HostConfig }).default
  } catch (cause) {
    throw new UnmoorError(
      'InvalidArgument',
      `The host's config ${file} cannot be read: ${(cause as Error).message}`,
      { operation: 'config', cause },
    )
  }
}

const KEYS = {
  port: true,
  host: true,
  tls: true,
  sharePort: true,
  processes: true,
  address: true,
  dataDir: true,
  maxIsolates: true,
  maxProcessMb: true,
  pool: true,
  stopTimeout: true,
  stopSeconds: true,
  log: true,
  stallTimeout: true,
  stallSeconds: true,
  guard: true,
  limits: true,
  outbound: true,
  drivers: true,
  cronStore: true,
  store: true,
  pollMs: true,
  keepVersions: true,
  maxArtifactMb: true,
  trustProxy: true,
  keepAliveTimeout: true,
  maxHeaderBytes: true,
  uploadTimeout: true,
  uploadMinRate: true,
  uploadTotalTimeout: true,
  apps: true,
  admin: true,
} satisfies Record<keyof HostConfig, true>

function checkKeys(given: HostConfig, file: string): HostConfig {
  if (typeof given !== 'object' || given === null)
    throw new UnmoorError(
      'InvalidArgument',
      `The host's config ${file} must be an object, such as { "port": 8080 }.`,
      { operation: 'config' },
    )
  const names = Object.keys(KEYS).filter((key) => !key.endsWith('Seconds'))
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(KEYS, name))
      throw new UnmoorError(
        'InvalidArgument',
        `${file}: ${name}: a host has no such setting.${didYouMean(name, names)} Settings: ` +
          `${names.join(', ')}.`,
        {
          operation: 'config',
        },
      )
  }
  return given
}

function withoutUndefined(config: HostConfig): HostConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined))
}

async function statArtifact(dir: string): Promise<{ mtimeMs: number }> {
  return stat(join(dir, 'unmoor.json')).catch((cause: unknown) => {
    throw new UnmoorError(
      'NotFound',
      `There is no artifact in ${dir}. Run first: unmoor build --target isolate`,
      { operation: 'config', cause },
    )
  })
}

const isArtifact = (dir: string): Promise<boolean> =>
  stat(join(dir, 'unmoor.json')).then(
    () => true,
    () => false,
  )

async function findArtifacts(dir: string): Promise<Record<string, { dir: string }>> {
  if (await isArtifact(dir)) return { [(await readInfo(dir)).manifest.name]: { dir } }
  const entries = await readdir(dir, { withFileTypes: true }).catch((cause: unknown) => {
    throw new UnmoorError('NotFound', `There is no folder ${dir}.`, { operation: 'config', cause })
  })
  const found: Record<string, { dir: string }> = {}
  for (const entry of entries) {
    for (const path of [join(dir, entry.name), join(dir, entry.name, '.unmoor/isolate')]) {
      if (found[entry.name] === undefined && (await isArtifact(path)))
        found[basename(entry.name)] = { dir: path }
    }
  }
  return found
}

/** Creates the record of an app that the host's processes get; reads the artifact's manifest. */
export async function createRecord(
  name: string,
  dir: string,
  settings: AppSettings,
  defaults: AppLimits,
  version: string,
): Promise<AppRecord> {
  const { manifest } = await readInfo(dir)
  const limits = { ...defaults, ...checkLimits(settings.limits, `apps.${name}.limits`) }
  return {
    name,
    version,
    dir,
    settings,
    limits,
    background: manifest.queues.length > 0 || Object.keys(manifest.crons).length > 0,
  }
}
