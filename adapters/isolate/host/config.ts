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
 * What `unmoor host --config FILE` reads: JSON, or the default export of a module. Every field is optional.
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
  /** Default: 8787. 0 takes a free one. */
  port?: number
  /** Default: 127.0.0.1. */
  host?: string
  /** Certificates: the port then speaks TLS, and nothing else. Default: plain HTTP. */
  tls?: TlsConfig
  /**
   * Origin of this host's port as other hosts of the store reach it, such as `http://10.0.0.5:8787`: they
   * pass requests for objects that this host owns on to it. Default: `host` and `port`.
   */
  address?: string
  /**
   * If true, another host may listen on the same port, so that this one takes over from it: start the new
   * one, then stop the old. Default: false.
   */
  sharePort?: boolean
  /** Child processes that share the port. Default: one per core. */
  processes?: number
  /** Folder of the apps' data. Default: `.unmoor/host` beside the config, or in the working folder. */
  dataDir?: string
  /** Isolates that live at once in each process. Default: 500. */
  maxIsolates?: number
  /**
   * Resident memory in MB of each process above which idle isolates are evicted. Default: three quarters of
   * the machine's, shared by the processes.
   */
  maxProcessMb?: number
  /** Isolates that each process keeps ready. Default: 4. */
  pool?: number
  /** Seconds that a stop waits for what runs. Default: 30. */
  stopTimeout?: number
  /** @deprecated Since 0.2: `stopTimeout`. */
  stopSeconds?: number
  /**
   * Lines of the log: `text`, or `json` with `time`, `level`, `app` (where an app said it) and `message`.
   * Default: text.
   */
  log?: 'text' | 'json'
  /**
   * Seconds that a process may answer nobody, held up by one statement, until it is killed and started again.
   * An app that has a process of its own has twice its `cpuMs` where that is more. Default: 5.
   */
  stallTimeout?: number
  /** @deprecated Since 0.2: `stallTimeout`. */
  stallSeconds?: number
  /**
   * What keeps the child processes apart from the rest of the machine: another user, Node's permission model,
   * a command that starts them. Default: nothing.
   */
  guard?: GuardOptions
  /** Default limits of all apps. */
  limits?: Partial<LimitSettings>
  /**
   * Where all apps' `fetch` may go besides public addresses, and where not:
   * `{ "allow": ["10.1.0.0/16"], "deny": ["*.internal"] }`. Default: public addresses only.
   */
  outbound?: OutboundRules
  /**
   * Drivers by kind of binding, in place of those that artifacts name:
   * `{ "kv": { "driver": "redis", "url": "..." } }`. Apps are kept apart in them by their names; for `sql` in
   * Postgres each app gets a user and a schema of its own. `{ "env": "NAME" }` stands for a variable of the
   * host. Default: the artifacts' own (files in the data folder).
   */
  drivers?: DriverDefaults
  /**
   * Where the times of crons are claimed: a driver's name or one with options. Default: `sqlite`, a file per
   * app in the data folder: right for one host.
   */
  cronStore?: string | DriverSpec
  /**
   * Where deploys are kept: a database (`sqlite`, `postgres`) and a blob store (`fs`, `s3`), with their
   * options. Hosts that share them serve the same apps. Default: files in the data folder.
   */
  store?: { sql?: string | DriverSpec; blob?: string | DriverSpec }
  /** Milliseconds between two looks at the store for what other hosts have deployed. Default: 1000. */
  pollMs?: number
  /** Versions of each app that are kept, for a rollback. Default: 10. */
  keepVersions?: number
  /** Largest upload in MB. Default: 100. */
  maxArtifactMb?: number
  /** Apps by name, with the folder of their artifact (relative to the config). */
  apps?: Readonly<Record<string, AppSettings & { dir: string }>>
  admin?: {
    /** Default: no admin port. 0 takes a free one. */
    port?: number
    /** Default: 127.0.0.1. */
    host?: string
    /**
     * What all but /metrics and /healthz ask for. Default: `UNMOOR_HOST_TOKEN`, else one that is made at the
     * first start, in `admin.token` of the data folder.
     */
    token?: string
    /** Files in PEM, from the config's folder: the admin port then speaks TLS. Default: none. */
    tls?: CertificatePair
  }
}

/** A config with its defaults filled in; paths are absolute. */
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
  /** True if the operator has named a store. */
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
 * Reads a config file, or takes every artifact in a folder: `DIR/NAME` or `DIR/NAME/.unmoor/isolate`; DIR may
 * also be one artifact.
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

/** Driver specs with each `{ env: 'NAME' }` replaced by that variable of this process. */
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

/** An app as the processes know it. */
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
