import type { DriverSpec } from '../../core/adapter.ts'
import { constantCase } from '../../core/bindings/declarations.ts'
import { UnmoorError } from '../../core/errors.ts'
import type { Manifest } from '../../core/manifest.ts'
import type { WranglerConfig } from './wrangler.ts'

/** One module of the Worker, on disk. */
export interface WorkerModule {
  type: 'ESModule' | 'CompiledWasm'
  /** Absolute. */
  path: string
}

/** Miniflare's options as JSON; the host adds the modules' contents. Ids are those that `wrangler dev` gives the same configuration, so that both see one local state. */
export interface SimulatorOptions {
  name: string
  compatibilityDate: string
  compatibilityFlags: string[]
  bindings: Record<string, string>
  kvNamespaces: Record<string, string>
  durableObjects: Record<string, { className: string; useSQLite: true }>
  r2Buckets: Record<string, string>
  d1Databases: Record<string, string>
  queueProducers: Record<string, string>
  queueConsumers: Record<string, { maxBatchSize: number; maxBatchTimeout: number; maxRetries: number; retryDelay: number; deadLetterQueue?: string }>
  /** Binding to the address of another app; `self` is this Worker. */
  services: Record<string, { url: string } | 'self'>
  /** Binding to the connection string of the local database. */
  hyperdrives: Record<string, string>
  assets?: { directory: string; binding: string; notFound: 'none' | 'single-page-application' }
}

/** The options for a Worker that `wrangler.jsonc` describes. */
export function toSimulatorOptions(
  config: WranglerConfig,
  manifest: Manifest,
  bindings: Record<string, string>,
  assetsFolder: string,
  hyperdrives: Record<string, string> = {},
): SimulatorOptions {
  const options: SimulatorOptions = {
    name: config.name,
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags,
    bindings,
    kvNamespaces: Object.fromEntries((config.kv_namespaces ?? []).map(({ binding, id }) => [binding, id ?? binding])),
    durableObjects: Object.fromEntries(
      (config.durable_objects?.bindings ?? []).map(({ name, class_name }) => [name, { className: class_name, useSQLite: true }]),
    ),
    r2Buckets: Object.fromEntries((config.r2_buckets ?? []).map(({ binding, bucket_name }) => [binding, bucket_name])),
    d1Databases: Object.fromEntries((config.d1_databases ?? []).map(({ binding, database_id }) => [binding, database_id ?? binding])),
    queueProducers: Object.fromEntries((config.queues?.producers ?? []).map(({ binding, queue }) => [binding, queue])),
    queueConsumers: Object.fromEntries(
      (config.queues?.consumers ?? []).map((consumer) => [
        consumer.queue,
        {
          maxBatchSize: consumer.max_batch_size,
          maxBatchTimeout: consumer.max_batch_timeout,
          maxRetries: consumer.max_retries,
          retryDelay: consumer.retry_delay,
          ...(consumer.dead_letter_queue === undefined ? {} : { deadLetterQueue: consumer.dead_letter_queue }),
        },
      ]),
    ),
    hyperdrives,
    services: Object.fromEntries(
      (config.services ?? []).map(({ binding, service }) => [binding, service === config.name ? 'self' : { url: serviceUrl(binding, service, bindings) }]),
    ),
  }
  if (config.assets !== undefined) options.assets = { directory: assetsFolder, binding: config.assets.binding, notFound: config.assets.not_found_handling }
  return options
}

function serviceUrl(binding: string, service: string, variables: Readonly<Record<string, string>>): string {
  const name = `${binding}_URL`
  const url = variables[name]
  if (url !== undefined && URL.canParse(url)) return url
  throw new UnmoorError('NotFound', `The service "${service}" runs as another app: set ${name} to its address, such as http://127.0.0.1:8788.`, {
    operation: 'start',
  })
}

/** The strings in the Worker's env. @throws `NotFound` naming every variable and secret that is missing. */
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
    if (declaration.kind === 'secret' && !declaration.optional && drivers[binding]?.driver === 'env' && given[name] === undefined)
      missing.push(`secret "${binding}": set ${name}`)
  }
  if (missing.length > 0) throw new UnmoorError('NotFound', `This app cannot start without ${missing.join('; ')}.`, { operation: 'start' })
  // As on the platform, a binding's own name stands for the binding.
  const taken = new Set(
    Object.entries(manifest.bindings).flatMap(([binding, { kind }]) => (kind === 'variable' || kind === 'secret' ? [] : [constantCase(binding)])),
  )
  return { ...config.vars, ...Object.fromEntries(Object.entries(given).filter(([name]) => !taken.has(name))) }
}
