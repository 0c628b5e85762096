/** Bindings of a Worker whose driver the config chooses: rate limits, Analytics Engine, Workers AI. */
import type { DriverSpec } from '../../../adapter.ts'
import { constantCase } from '../../../bindings/declarations.ts'
import type { AnyConfig } from '../../../config.ts'
import { type DeclarationDraft, once } from './bindings.ts'
import { eachEntry, type Entry } from './lists.ts'
import type { KeyPath } from './file.ts'
import { isEmpty, refuse, type Settings, warnUnknown } from './settings.ts'

/**
 * Declares `ratelimits` of a wrangler file, and their older form in `unsafe.bindings`. Bindings with one
 * namespace share their counts. Returns the names of unmoor's bindings.
 */
export function readRateLimits(settings: Settings, draft: DeclarationDraft): string[] {
  const namespaces = new Map<string, string>()
  const read = (entry: Entry): void => {
    const name = entry.text('name')
    const simple = entry.optional('simple') as { limit?: unknown; period?: unknown } | undefined
    const { limit, period } = simple ?? {}
    if (typeof limit !== 'number' || !(limit > 0) || (period !== 10 && period !== 60))
      return refuse(settings.file, [...entry.at, 'simple'], 'it is { "limit": number, "period": 10 or 60 }.')
    const id = entry.optional('namespace_id')
    const namespace = typeof id === 'string' || typeof id === 'number' ? String(id) : `name ${name}`
    const binding = once(namespaces, namespace, () => draft.names.take(name))
    draft.declarations[binding] = { kind: 'counter' }
    draft.bind(name, entry.at, { type: 'ratelimit', binding, limit, period })
  }
  eachEntry(settings, { key: 'ratelimits', known: ['name', 'namespace_id', 'simple'] }, read)
  const { value, at } = settings.get('unsafe') ?? { value: undefined, at: [] }
  for (const [key, more] of Object.entries((value ?? {}) as Record<string, unknown>))
    if (key !== 'bindings' && !isEmpty(more))
      settings.problems.attempt(() => refuse(settings.file, [...at, key], UNSAFE, 'Unsupported'))
  const unsafe = ['name', 'type', 'namespace_id', 'simple']
  eachEntry(settings, { key: 'unsafe', sub: 'bindings', known: unsafe }, (entry) => {
    if (entry.text('type') === 'ratelimit') read(entry)
    else refuse(settings.file, entry.at, UNSAFE, 'Unsupported')
  })
  return [...namespaces.values()]
}

const UNSAFE = 'of "unsafe" only bindings of the type "ratelimit" are known outside of Cloudflare.'

/** A Worker's binding without a default driver, for which the config must name a driver. */
export interface NeedsDriver {
  /** Unmoor's name of the Worker's binding, which the config uses. */
  readonly binding: string
  /** Path of the binding's key in the wrangler file, for errors. */
  readonly at: KeyPath
  /** Reason why the Worker's binding has no default driver. */
  readonly reason: string
  /** Example of a driver to write into the config for the binding. */
  readonly example: DriverSpec
}

/** Declares `analytics_engine_datasets` of a wrangler file; each dataset becomes a table of a sql binding. */
export function readDatasets(settings: Settings, draft: DeclarationDraft): NeedsDriver[] {
  const found: NeedsDriver[] = []
  const datasets = new Map<string, string>()
  eachEntry(settings, { key: 'analytics_engine_datasets', known: ['binding', 'dataset'] }, (entry) => {
    const name = entry.text('binding')
    const dataset = entry.optionalText('dataset') ?? name
    if (!/^[A-Za-z_]\w{0,55}$/.test(dataset))
      return refuse(
        settings.file,
        [...entry.at, 'dataset'],
        'it becomes the name of a table: letters, digits and _, a letter first, at most 56.',
      )
    const isNew = !datasets.has(dataset)
    const binding = once(datasets, dataset, () => draft.names.take(name))
    draft.declarations[binding] = { kind: 'sql', checks: 'engine' }
    draft.bind(name, entry.at, { type: 'analytics', binding, dataset })
    if (isNew)
      found.push({
        binding,
        at: entry.at,
        reason: 'Analytics Engine runs on Cloudflare only. Its data points can go into a table of a database',
        example: { driver: 'sqlite' },
      })
  })
  return found
}

/** Declares the Workers AI binding that `ai` of a wrangler file names. */
export function readAi(settings: Settings, draft: DeclarationDraft): NeedsDriver[] {
  const found = settings.get('ai')
  if (found === undefined) return []
  const { file } = settings
  const { value, at } = found
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refuse(file, at, 'it is a table with "binding".')
  const table = value as Record<string, unknown>
  // `ai.remote` of a wrangler file is ignored: Workers AI calls Cloudflare even under wrangler dev, so the
  // key says nothing about the Worker.
  const known = ['binding', 'remote', 'staging']
  for (const name of Object.keys(table))
    if (!known.includes(name)) warnUnknown(settings, [...at, name], known)
  const name = table['binding']
  if (typeof name !== 'string' || name === '')
    return refuse(file, [...at, 'binding'], 'it must be a text that is not empty.')
  const binding = draft.names.take(name)
  draft.declarations[binding] = { kind: 'service' }
  draft.bind(name, at, { type: 'ai', binding })
  const url = `${constantCase(binding)}_URL`
  return [
    {
      binding,
      at,
      reason:
        'Workers AI runs on Cloudflare only. A server that speaks the protocol of OpenAI can take its place',
      example: { driver: 'openai', url: { env: url }, models: { '*': 'llama3.1' } },
    },
  ]
}

/** Refuses each Worker binding in `needed` for which the config names no driver on some target. */
export function checkConfigured(
  { file, problems }: Settings,
  needed: readonly NeedsDriver[],
  config: Pick<AnyConfig, 'drivers' | 'targets'>,
  targets: readonly string[] | undefined,
): void {
  const named = targets ?? Object.keys(config.targets ?? {})
  for (const { binding, at, reason, example } of needed) {
    const has = (target: string): boolean => config.targets?.[target]?.drivers?.[binding] !== undefined
    if (config.drivers?.[binding] !== undefined || (named.length > 0 && named.every(has))) continue
    problems.attempt(() =>
      refuse(
        file,
        at,
        `${reason}: write in unmoor.config.ts drivers: { ${binding}: ${literal(example)} }.`,
        'Unsupported',
      ),
    )
  }
}

/** Formats a value as a literal for a config in TypeScript, for error messages. */
export function literal(value: unknown): string {
  if (typeof value !== 'object' || value === null) return `'${String(value)}'`
  const members = Object.entries(value).map(
    ([name, member]) => `${/^\w+$/.test(name) ? name : `'${name}'`}: ${literal(member)}`,
  )
  return `{ ${members.join(', ')} }`
}
