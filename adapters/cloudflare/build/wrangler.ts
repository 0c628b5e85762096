import {
  type AnyDeclaration,
  constantCase,
  type QueueDeclaration,
} from '../../../core/bindings/declarations.ts'
import type { DriverSpec } from '../../../core/adapter.ts'
import { invalidArgument } from '../../../core/errors.ts'
import type { Manifest } from '../../../core/manifest.ts'
import { BUCKET_NAME, isBucketName } from '../../../core/tools/build/bucket-name.ts'
import { COMPATIBILITY_DATE } from './node-builtins.ts'
import { inheritOptions } from '../environment-options.ts'
import type { CloudflareOptions } from '../options.ts'

/**
 * Content of wrangler.jsonc, with wrangler's own field names. Source: config-schema.json of wrangler 4.164.
 */
export interface WranglerConfig {
  name: string
  main: string
  no_bundle: true
  account_id?: string
  compatibility_date: string
  compatibility_flags: string[]
  workers_dev?: boolean
  routes?: readonly unknown[]
  observability: { enabled: true }
  upload_source_maps?: boolean
  kv_namespaces?: { binding: string; id?: string }[]
  durable_objects?: { bindings: { name: string; class_name: string }[] }
  /** Wrangler's migrations of the Durable Object classes. */
  migrations?: { tag: string; new_sqlite_classes: string[] }[]
  r2_buckets?: { binding: string; bucket_name: string; jurisdiction?: string }[]
  d1_databases?: { binding: string; database_name: string; database_id?: string; migrations_dir?: string }[]
  queues?: { producers: { binding: string; queue: string }[]; consumers: WranglerConsumer[] }
  triggers?: { crons: string[] }
  services?: { binding: string; service: string }[]
  assets?: {
    directory: string
    binding: string
    html_handling: 'auto-trailing-slash'
    not_found_handling: 'none' | 'single-page-application'
  }
  vars?: Record<string, string>
  keep_vars?: true
  secrets?: { required: string[] }
  hyperdrive?: { binding: string; id: string }[]
  env?: Record<string, Partial<WranglerConfig>>
}

export interface WranglerConsumer {
  queue: string
  max_batch_size: number
  max_batch_timeout: number
  max_retries: number
  retry_delay: number
  max_concurrency: number
  dead_letter_queue?: string
}

/** The facts about an app and its build that wrangler.jsonc depends on. */
export interface WranglerInput {
  manifest: Manifest
  drivers: Readonly<Record<string, DriverSpec>>
  /** Names of the sql bindings that have database migrations. */
  migrated: readonly string[]
  options: CloudflareOptions
  /** Workers compatibility flags that the Node built-ins imported by the bundle need. */
  nodeFlags: readonly string[]
  /** True if wrangler has a source map to upload. Default: false. */
  sourceMaps?: boolean
}

/** Placeholder for the id of a Hyperdrive configuration that the config does not set yet. */
export const NO_ID = 'SET targets.cloudflare.options.hyperdrive'

/**
 * Paths of the parts of a Worker's artifact, relative to the artifact's folder. The Worker has a folder of
 * its own, because wrangler uploads every .wasm file beside it.
 */
export const WORKER_FILE = 'worker/index.js'
export const ASSETS_FOLDER = 'assets'
export const MIGRATIONS_FOLDER = 'migrations'
/**
 * The Durable Object class of strong kv bindings, as the Worker exports it. The platform ties the data to
 * this name.
 */
export const STRONG_KV_CLASS = 'UnmoorStrongKv'

/** The Durable Object class of sockets bindings, as the Worker exports it. */
export const SOCKETS_CLASS = 'UnmoorSockets'

/**
 * Wrangler's migrations of the Durable Object classes. Wrangler applies the migrations after the tag of the
 * deployed Worker, so order and tags must never change. A class needs all migrations before its own, even for
 * classes that the app does not use.
 */
const MIGRATIONS: readonly { tag: string; new_sqlite_classes: string[] }[] = [
  { tag: 'unmoor-strong-kv', new_sqlite_classes: [STRONG_KV_CLASS] },
  { tag: 'unmoor-sockets', new_sqlite_classes: [SOCKETS_CLASS] },
]

/** Converts what the app's manifest declares to wrangler's configuration. */
export function createWranglerConfig(input: WranglerInput): WranglerConfig {
  const { manifest, options } = input
  const config: WranglerConfig = {
    name: options.name ?? manifest.name,
    main: WORKER_FILE,
    no_bundle: true,
    compatibility_date: options.compatibilityDate ?? COMPATIBILITY_DATE,
    compatibility_flags: [
      ...new Set(['enable_request_signal', ...input.nodeFlags, ...(options.compatibilityFlags ?? [])]),
    ],
    observability: { enabled: true },
    ...(input.sourceMaps === true ? { upload_source_maps: true } : {}),
  }
  if (options.accountId !== undefined) config.account_id = options.accountId
  if (options.routes !== undefined) config.routes = options.routes
  for (const [binding, declaration] of Object.entries(manifest.bindings))
    addBinding(config, binding, declaration, input)
  const schedules = [...new Set(Object.values(manifest.crons))]
  if (schedules.length > 0) config.triggers = { crons: schedules }
  addFurther(config, options.wrangler)
  for (const [name, own] of Object.entries(options.environments ?? {}))
    (config.env ??= {})[name] = environment(name, own, input)
  return config
}

/**
 * Adds the user's further fields of wrangler.jsonc unchanged. @throws `InvalidArgument` for a field that the
 * build writes itself.
 */
function addFurther(config: WranglerConfig, further: CloudflareOptions['wrangler']): void {
  for (const [field, value] of Object.entries(further ?? {})) {
    if (field in config && field !== 'observability' && field !== 'upload_source_maps')
      throw invalidArgument(
        { operation: 'build' },
        `targets.cloudflare.options.wrangler.${field}: the build writes "${field}" itself, from the ` +
          `app's declarations and the other options.`,
      )
    Object.assign(config, { [field]: value })
  }
}

/**
 * Returns the configuration of one wrangler environment. Environments do not inherit bindings, so all of them
 * are repeated, with resources of the environment's own.
 */
function environment(
  name: string,
  own: NonNullable<CloudflareOptions['environments']>[string],
  input: WranglerInput,
): Partial<WranglerConfig> {
  const { manifest } = input
  const merged = inheritOptions(input.options, own, { name, variables: {} })
  const bindings = Object.fromEntries(
    Object.entries(manifest.bindings).map(([binding, declaration]) => [
      binding,
      declaration.kind === 'service'
        ? { ...declaration, app: `${declaration.app ?? kebabCase(binding)}-${name}` }
        : declaration,
    ]),
  )
  const {
    main: _main,
    no_bundle: _bundle,
    compatibility_date: _date,
    compatibility_flags: _flags,
    account_id: _account,
    upload_source_maps: _maps,
    ...config
  } = createWranglerConfig({
    ...input,
    manifest: { ...manifest, bindings, name: `${manifest.name}-${name}` },
    options: { ...merged, name: merged.name ?? `${manifest.name}-${name}` },
  })
  return config
}

function addBinding(
  config: WranglerConfig,
  name: string,
  declaration: AnyDeclaration,
  input: WranglerInput,
): void {
  const { manifest, options } = input
  const binding = constantCase(name)
  if (declaration.kind === 'sql' && input.drivers[name]?.driver === 'postgres') {
    ;(config.hyperdrive ??= []).push({ binding, id: options.hyperdrive?.[name]?.id ?? NO_ID })
    return
  }
  // Only variables, secrets and bindings on Cloudflare's own drivers get an entry in wrangler.jsonc: a
  // binding on another driver needs no resource of Cloudflare.
  if (
    declaration.kind !== 'variable' &&
    declaration.kind !== 'secret' &&
    input.drivers[name]?.driver !== 'cloudflare'
  )
    return
  switch (declaration.kind) {
    case 'kv':
      addKv(config, name, declaration.consistency === 'strong', options)
      return
    case 'blob': {
      const { bucket, jurisdiction } = options.blob?.[name] ?? {}
      ;(config.r2_buckets ??= []).push({
        binding,
        bucket_name: bucket === undefined ? resourceName(manifest, name) : bucketName(name, bucket),
        ...(jurisdiction === undefined ? {} : { jurisdiction }),
      })
      return
    }
    case 'sql': {
      const { id, name: database } = options.sql?.[name] ?? {}
      ;(config.d1_databases ??= []).push({
        binding,
        database_name: database ?? resourceName(manifest, name),
        ...(id === undefined ? {} : { database_id: id }),
        ...(input.migrated.includes(name) ? { migrations_dir: `${MIGRATIONS_FOLDER}/${name}` } : {}),
      })
      return
    }
    case 'queue':
      addQueue(config, name, declaration, input)
      return
    case 'sockets':
      addObjects(config, binding, SOCKETS_CLASS)
      return
    case 'service':
      ;(config.services ??= []).push({
        binding,
        service: options.service?.[name]?.name ?? serviceApp(name, declaration.app, manifest, config),
      })
      return
    case 'assets':
      config.assets = {
        directory: `./${ASSETS_FOLDER}`,
        binding,
        html_handling: 'auto-trailing-slash',
        not_found_handling: declaration.notFound,
      }
      return
    case 'variable': {
      const value = options.variables?.[name] ?? declaration.default
      if (value === undefined) config.keep_vars = true
      else (config.vars ??= {})[binding] = value
      return
    }
    case 'secret':
      if (!declaration.optional) (config.secrets ??= { required: [] }).required.push(binding)
      return
    case 'cache':
      return
  }
}

function addKv(config: WranglerConfig, name: string, strong: boolean, { kv }: CloudflareOptions): void {
  const binding = constantCase(name)
  if (!strong) {
    ;(config.kv_namespaces ??= []).push({ binding, ...kv?.[name] })
    return
  }
  if (kv?.[name] !== undefined)
    throw invalidArgument(
      { binding: name, operation: 'build' },
      `"${name}" is a strong kv, which is kept in Durable Objects. Remove ` +
        `targets.cloudflare.options.kv.${name}.`,
    )
  addObjects(config, binding, STRONG_KV_CLASS)
}

/**
 * Adds a Durable Object namespace to wrangler's configuration, with the migrations up to that of its class.
 */
function addObjects(config: WranglerConfig, name: string, className: string): void {
  ;(config.durable_objects ??= { bindings: [] }).bindings.push({ name, class_name: className })
  const last = MIGRATIONS.findIndex(({ new_sqlite_classes: [made] }) => made === className)
  config.migrations = MIGRATIONS.slice(0, Math.max(last + 1, config.migrations?.length ?? 0))
}

function addQueue(
  config: WranglerConfig,
  name: string,
  declaration: QueueDeclaration,
  { manifest, options }: WranglerInput,
): void {
  const queues = (config.queues ??= { producers: [], consumers: [] })
  const queue = queueName(manifest, name, options)
  queues.producers.push({ binding: constantCase(name), queue })
  if (!manifest.queues.includes(name)) return
  queues.consumers.push({
    queue,
    max_batch_size: declaration.batchSize,
    max_batch_timeout: declaration.batchWait,
    max_retries: declaration.maxRetries,
    retry_delay: declaration.retryDelay,
    max_concurrency: declaration.maxConcurrency,
    ...(declaration.deadLetterQueue === undefined
      ? {}
      : { dead_letter_queue: queueName(manifest, declaration.deadLetterQueue, options) }),
  })
}

function serviceApp(
  name: string,
  app: string | undefined,
  manifest: Manifest,
  config: WranglerConfig,
): string {
  const target = app ?? kebabCase(name)
  return target === manifest.name ? config.name : target
}

/** Returns the name of a queue binding's queue on Cloudflare. */
export function queueName(manifest: Manifest, binding: string, options: CloudflareOptions): string {
  return options.queue?.[binding]?.name ?? resourceName(manifest, binding)
}

/**
 * Returns the name on Cloudflare of a binding's resource: the binding `links` of the app `shop` is
 * `shop-links`.
 */
function resourceName(manifest: Manifest, binding: string): string {
  const name = `${manifest.name}-${kebabCase(binding)}`.toLowerCase().replace(/[^a-z0-9-]+/g, '-')
  if (name.length > 63)
    throw invalidArgument(
      { binding, operation: 'build' },
      `"${name}" is over the 63 characters of a name on Cloudflare. Set a shorter one for "${binding}" ` +
        'in targets.cloudflare.options.',
    )
  return name
}

/** Returns an R2 bucket's name, or throws for one that wrangler refuses to deploy. */
function bucketName(binding: string, name: string): string {
  if (!isBucketName(name))
    throw invalidArgument(
      { binding, operation: 'build' },
      `targets.cloudflare.options.blob.${binding}.bucket is "${name}": it must be ${BUCKET_NAME}.`,
    )
  return name
}

function kebabCase(name: string): string {
  return constantCase(name).toLowerCase().replaceAll('_', '-')
}

/** Returns the text of wrangler.jsonc. Facts for which wrangler has no field become comments. */
export function toJsonc(config: WranglerConfig, manifest: Manifest): string {
  const notes = [
    'Written by unmoor build --target cloudflare; change unmoor.config.ts instead. Deploy from this ' +
      'folder: npx wrangler deploy',
  ]
  const optional = names(manifest, (declaration) => declaration.kind === 'secret' && declaration.optional)
  const unset = names(
    manifest,
    (declaration, name) => declaration.kind === 'variable' && config.vars?.[constantCase(name)] === undefined,
  )
  if (optional.length > 0)
    notes.push(`Optional secrets (npx wrangler secret put NAME): ${optional.join(', ')}`)
  if (unset.length > 0)
    notes.push(
      'Variables without a value here; set them in targets.cloudflare.options.variables or the ' +
        `dashboard: ${unset.join(', ')}`,
    )
  return `${notes.map((note) => `// ${note}\n`).join('')}${JSON.stringify(config, null, 2)}\n`
}

function names(manifest: Manifest, wanted: (declaration: AnyDeclaration, name: string) => boolean): string[] {
  return Object.entries(manifest.bindings).flatMap(([name, declaration]) =>
    wanted(declaration, name) ? [constantCase(name)] : [],
  )
}
