import type { BindingKind } from '../../core/bindings/declarations.ts'
import { trustProblem, type TrustProxy } from '../../core/client.ts'
import { invalidArgument } from '../../core/errors.ts'
import type { Manifest } from '../../core/manifest.ts'
import { didYouMean, type DriverOptionTables, type OptionTable } from '../../core/option-table.ts'

/**
 * Options of the driver `cloudflare`.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   drivers: { sessions: { driver: 'cloudflare', shards: 8 } },
 * })
 * ```
 */
export interface CloudflareDriverOptions {
  /**
   * Strong kv: number of Durable Objects that the keys are spread over, 1 to 32. One object serves about
   * 1,000 requests per second and stores 10 GB; listing one page calls all of them. The number must never
   * change while there is data. Default: 4.
   *
   * Sockets: number of Durable Objects that hold the sockets of the binding, 1 to 100. One object holds
   * 32,768 sockets and runs their handlers in one thread; each `publish` calls all of them. The number may
   * change with any deploy, since a deploy closes the sockets. Default: 4.
   */
  shards?: number
}

const SOCKETS: OptionTable<CloudflareDriverOptions> = {
  shards: { number: 'objects', min: 1, max: 100, whole: true },
}

/** Option tables of the driver `cloudflare`, by kind of binding. */
export const driverOptions = {
  kv: {},
  strongKv: {
    shards: { number: 'objects', min: 1, max: 32, whole: true },
  } satisfies OptionTable<CloudflareDriverOptions>,
  blob: {},
  sql: {},
  queue: {},
  cache: {},
  service: {},
  assets: {},
  sockets: SOCKETS,
  ticketedSockets: SOCKETS,
} satisfies DriverOptionTables

/**
 * `targets.cloudflare.options` in unmoor.config.ts. Every field is optional; resources without an id are
 * created by wrangler at the first deploy.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   targets: { cloudflare: { options: { kv: { links: { id: '0f2ac74b498b48028cb68387c421e279' } } } } },
 * })
 * ```
 */
export interface CloudflareOptions {
  /** Name of the Worker on Cloudflare. Default: the app's name. */
  name?: string
  accountId?: string
  /** Compatibility date of the Worker. Default: the date that this version of unmoor was tested with. */
  compatibilityDate?: string
  /** Workers compatibility flags in addition to those that the build derives from the bundle. */
  compatibilityFlags?: readonly string[]
  /** Ids of KV namespaces, by binding. */
  kv?: Readonly<Record<string, { id: string }>>
  /** R2 buckets, by binding. `bucket` defaults to `APP-BINDING`. */
  blob?: Readonly<Record<string, { bucket?: string; jurisdiction?: string }>>
  /** D1 databases, by binding. `name` defaults to `APP-BINDING`. */
  sql?: Readonly<Record<string, { id?: string; name?: string }>>
  /** Cloudflare queues, by binding. `name` defaults to `APP-BINDING`. */
  queue?: Readonly<Record<string, { name: string }>>
  /** Names of the Workers behind service bindings, by binding. Default: the name of the binding's app. */
  service?: Readonly<Record<string, { name: string }>>
  /** Values of the variables that the app declares, by binding. Default: the default in the declaration. */
  variables?: Readonly<Record<string, string>>
  /**
   * Routes of the Worker: host names and paths, such as `{ pattern: 'links.example.com', custom_domain: true
   * }`. Default: workers.dev only.
   */
  routes?: readonly (string | Readonly<Record<string, unknown>>)[]
  /** Ids of Hyperdrive configurations, by binding, for sql bindings on the driver `postgres`. */
  hyperdrive?: Readonly<Record<string, { id: string }>>
  /**
   * Proxies in front of Cloudflare's edge (another CDN) whose `X-Forwarded-For` is trusted for `ctx.client`:
   * `true` for one proxy, a number for several in a row, or their addresses. Default: none, so that the
   * client is the one that Cloudflare reports.
   */
  trustProxy?: TrustProxy
  /**
   * Further fields of wrangler.jsonc, copied unchanged, such as `placement`, `limits`, `logpush` or
   * `tail_consumers`. Fields that the build writes are refused.
   */
  wrangler?: Readonly<Record<string, unknown>>
  /**
   * Environments for `wrangler deploy --env NAME` of one artifact, each with options that override the shared
   * ones. Resources of an environment are named after it: `APP-NAME-BINDING`.
   *
   * @deprecated Since 0.2: use `environments` of the config, which every target and command has.
   */
  environments?: Readonly<
    Record<
      string,
      Omit<
        CloudflareOptions,
        'environments' | 'compatibilityDate' | 'compatibilityFlags' | 'accountId' | 'trustProxy'
      >
    >
  >
}

const FIELDS: Readonly<
  Record<
    keyof CloudflareOptions,
    'string' | 'strings' | 'routes' | 'object' | 'environments' | 'proxies' | BindingKind
  >
> = {
  name: 'string',
  accountId: 'string',
  compatibilityDate: 'string',
  compatibilityFlags: 'strings',
  kv: 'kv',
  blob: 'blob',
  sql: 'sql',
  queue: 'queue',
  service: 'service',
  variables: 'variable',
  routes: 'routes',
  hyperdrive: 'sql',
  wrangler: 'object',
  trustProxy: 'proxies',
  environments: 'environments',
}

/**
 * Returns the options of the Cloudflare target, checked against the app. @throws `InvalidArgument` naming the
 * field and the expected value.
 */
export function checkOptions(
  options: Readonly<Record<string, unknown>>,
  manifest: Manifest,
): CloudflareOptions {
  for (const [field, value] of Object.entries(options)) {
    const kind = FIELDS[field as keyof CloudflareOptions]
    if (kind === undefined)
      throw refuse(
        field,
        `is no option.${didYouMean(field, Object.keys(FIELDS))} There are: ` +
          `${Object.keys(FIELDS).join(', ')}.`,
      )
    if (kind === 'string') {
      if (typeof value !== 'string' || value === '') throw refuse(field, 'is a text.')
    } else if (kind === 'strings') {
      if (!Array.isArray(value) || value.some((item) => typeof item !== 'string'))
        throw refuse(field, 'is an array of texts.')
    } else if (kind === 'proxies') {
      const problem = trustProblem(value)
      if (problem !== undefined) throw refuse(field, `is ${problem}.`)
    } else if (kind === 'routes') {
      if (!Array.isArray(value)) throw refuse(field, 'is an array of routes.')
    } else if (kind === 'object' || kind === 'environments') {
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        throw refuse(field, 'is an object.')
      if (kind === 'environments') checkEnvironments(value as Record<string, unknown>, manifest)
    } else checkBindings(field, value, kind, manifest)
  }
  const { compatibilityDate }: CloudflareOptions = options
  if (compatibilityDate !== undefined && !/^\d{4}-\d{2}-\d{2}$/.test(compatibilityDate))
    throw refuse('compatibilityDate', 'is a date such as "2026-07-30".')
  return options
}

const SHARED = ['environments', 'compatibilityDate', 'compatibilityFlags', 'accountId', 'trustProxy']

function checkEnvironments(environments: Readonly<Record<string, unknown>>, manifest: Manifest): void {
  for (const [name, own] of Object.entries(environments)) {
    if (!/^[a-z][a-z0-9-]*$/.test(name))
      throw refuse(
        `environments.${name}`,
        'is no name of an environment: lower-case letters, digits and hyphens, a letter first.',
      )
    if (typeof own !== 'object' || own === null)
      throw refuse(`environments.${name}`, 'is an object of options.')
    const field = Object.keys(own).find((key) => SHARED.includes(key))
    if (field !== undefined)
      throw refuse(`environments.${name}.${field}`, 'is the same for all environments: set it above them.')
    checkOptions(own as Record<string, unknown>, manifest)
  }
}

function checkBindings(field: string, value: unknown, kind: string, manifest: Manifest): void {
  if (typeof value !== 'object' || value === null)
    throw refuse(field, 'is an object with a binding of the app per key.')
  const declared = Object.entries(manifest.bindings).flatMap(([name, declaration]) =>
    declaration.kind === kind ? [name] : [],
  )
  for (const [name, settings] of Object.entries(value)) {
    if (!declared.includes(name))
      throw refuse(
        `${field}.${name}`,
        `is not a declared ${kind}.${didYouMean(name, declared)} Declared: ${declared.join(', ') || 'none'}.`,
      )
    if (
      kind === 'variable' ? typeof settings !== 'string' : typeof settings !== 'object' || settings === null
    ) {
      throw refuse(`${field}.${name}`, kind === 'variable' ? 'is a text.' : 'is an object.')
    }
  }
}

function refuse(field: string, why: string): Error {
  return invalidArgument(
    { operation: 'build' },
    `unmoor.config.ts: targets.cloudflare.options.${field} ${why}`,
  )
}
