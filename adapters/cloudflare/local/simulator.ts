import type { DriverSpec } from '../../../core/adapter.ts'
import { constantCase } from '../../../core/bindings/declarations.ts'
import { UnmoorError } from '../../../core/errors.ts'
import type { Manifest } from '../../../core/manifest.ts'
import type { WranglerConfig } from '../build/wrangler.ts'

/** One module of the Worker, as a file on disk. */
export interface WorkerModule {
  type: 'esm' | 'wasm'
  /** Absolute path of the Worker's module. */
  path: string
}

/** A binding in Miniflare's `config.env`. */
export type SimulatorBinding =
  | { type: 'text'; value: string }
  | { type: 'kv' | 'd1'; id: string }
  | { type: 'r2' | 'queue'; name: string }
  | { type: 'durable-object'; worker: string; exportName: string }
  | { type: 'worker'; worker: string }
  | { type: 'external'; address: string; http?: object; https?: object }
  | { type: 'hyperdrive'; id: string; dev: { connectionString: string } }
  | { type: 'assets' }

/**
 * Miniflare's `config` of one Worker, as JSON; the simulator process adds the modules' contents. Ids equal
 * those that `wrangler dev` derives from the same configuration, so that both share one local state. The
 * format of version 4 is not used: its converter `convertV4MiniflareOptions` silently drops unknown fields,
 * while this format refuses them.
 */
export interface SimulatorConfig {
  name: string
  compatibilityDate: string
  compatibilityFlags: string[]
  env: Record<string, SimulatorBinding>
  /** Durable Object classes that the Worker exports, by class name. */
  exports: Record<string, { type: 'durable-object'; storage: 'sqlite' }>
  triggers: QueueTrigger[]
  assets?: {
    directory: string
    hasUserWorker: true
    htmlHandling: 'auto-trailing-slash'
    notFoundHandling: 'none' | 'single-page-application'
  }
}

interface QueueTrigger {
  type: 'queue'
  name: string
  maxBatchSize: number
  maxBatchTimeout: number
  maxRetries: number
  retryDelay: number
  deadLetterQueue?: string
}

/**
 * Input of {@link toSimulatorConfig} besides `wrangler.jsonc`: variables, databases and the assets folder.
 */
export interface SimulatorInput {
  /** Values of the Worker's variables and secrets. */
  variables: Readonly<Record<string, string>>
  assetsFolder: string
  /** Connection string of the local Postgres database, by sql binding behind Hyperdrive. */
  hyperdrives?: Readonly<Record<string, string>>
}

/** Converts `wrangler.jsonc` to the simulator's configuration. */
export function toSimulatorConfig(
  config: WranglerConfig,
  { variables, assetsFolder, hyperdrives = {} }: SimulatorInput,
): SimulatorConfig {
  const { name, durable_objects: objects, queues, assets } = config
  const env: Record<string, SimulatorBinding> = {}
  for (const [binding, value] of Object.entries(variables)) env[binding] = { type: 'text', value }
  for (const { binding, id } of config.kv_namespaces ?? []) env[binding] = { type: 'kv', id: id ?? binding }
  for (const { binding, bucket_name } of config.r2_buckets ?? [])
    env[binding] = { type: 'r2', name: bucket_name }
  for (const { binding, database_id } of config.d1_databases ?? [])
    env[binding] = { type: 'd1', id: database_id ?? binding }
  for (const { name: binding, class_name } of objects?.bindings ?? [])
    env[binding] = { type: 'durable-object', worker: name, exportName: class_name }
  for (const { binding, queue } of queues?.producers ?? []) env[binding] = { type: 'queue', name: queue }
  for (const [binding, connectionString] of Object.entries(hyperdrives))
    env[binding] = { type: 'hyperdrive', id: binding, dev: { connectionString } }
  for (const { binding, service } of config.services ?? []) {
    env[binding] =
      service === name
        ? { type: 'worker', worker: name }
        : externalService(serviceUrl(binding, service, variables))
  }
  if (assets !== undefined) env[assets.binding] = { type: 'assets' }
  return {
    name,
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags,
    env,
    exports: Object.fromEntries(
      (objects?.bindings ?? []).map(({ class_name }) => [
        class_name,
        { type: 'durable-object', storage: 'sqlite' },
      ]),
    ),
    triggers: (queues?.consumers ?? []).map((consumer) => ({
      type: 'queue',
      name: consumer.queue,
      maxBatchSize: consumer.max_batch_size,
      maxBatchTimeout: consumer.max_batch_timeout,
      maxRetries: consumer.max_retries,
      retryDelay: consumer.retry_delay,
      ...(consumer.dead_letter_queue === undefined ? {} : { deadLetterQueue: consumer.dead_letter_queue }),
    })),
    ...(assets === undefined
      ? {}
      : {
          assets: {
            directory: assetsFolder,
            hasUserWorker: true,
            htmlHandling: assets.html_handling,
            notFoundHandling: assets.not_found_handling,
          },
        }),
  }
}

/** Returns Miniflare's service binding for another app at its address on this machine. */
function externalService(url: string): SimulatorBinding {
  const { host, protocol } = new URL(url)
  return { type: 'external', address: host, ...(protocol === 'https:' ? { https: {} } : { http: {} }) }
}

function serviceUrl(binding: string, service: string, variables: Readonly<Record<string, string>>): string {
  const name = `${binding}_URL`
  const url = variables[name]
  if (url !== undefined && URL.canParse(url)) return url
  throw new UnmoorError(
    'NotFound',
    `The service "${service}" runs as another app: set ${name} to its address, such as ` +
      'http://127.0.0.1:8788.',
    {
      operation: 'start',
    },
  )
}

/**
 * Returns the strings in the Worker's env: variables and secrets. @throws `NotFound` naming every variable
 * and secret that is missing.
 */
export function workerVariables(
  manifest: Manifest,
  drivers: Readonly<Record<string, DriverSpec>>,
  config: WranglerConfig,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const missing: string[] = []
  for (const [binding, declaration] of Object.entries(manifest.bindings)) {
    const name = constantCase(binding)
    if (declaration.kind === 'variable' && given[name] === undefined && config.vars?.[name] === undefined)
      missing.push(`variable "${binding}": set ${name}, or give it a default`)
    if (
      declaration.kind === 'secret' &&
      !declaration.optional &&
      drivers[binding]?.driver === 'env' &&
      given[name] === undefined
    )
      missing.push(`secret "${binding}": set ${name}`)
  }
  if (missing.length > 0)
    throw new UnmoorError('NotFound', `This app cannot start without ${missing.join('; ')}.`, {
      operation: 'start',
    })
  // The env name of a binding is reserved for the binding, as on Cloudflare; no variable may take it.
  const taken = new Set(
    Object.entries(manifest.bindings).flatMap(([binding, { kind }]) =>
      kind === 'variable' || kind === 'secret' ? [] : [constantCase(binding)],
    ),
  )
  return { ...config.vars, ...Object.fromEntries(Object.entries(given).filter(([name]) => !taken.has(name))) }
}
