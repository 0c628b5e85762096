/** The functions that declare a binding, one for each kind; `declarations.ts` has what they return. */
import { invalidArgument } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import type {
  AssetsDeclaration,
  AssetsOptions,
  BlobDeclaration,
  CacheDeclaration,
  KvDeclaration,
  KvOptions,
  QueueDeclaration,
  QueueOptions,
  SecretDeclaration,
  SecretOptions,
  ServiceDeclaration,
  ServiceOptions,
  SqlDeclaration,
  SqlOptions,
  StrongKvDeclaration,
  VariableDeclaration,
  VariableOptions,
} from './declarations.ts'
import { checkOptions } from './options.ts'
import type { SqlStatement, SqlValue } from './sql.ts'

/**
 * Declares a key-value store. Reads may be up to a minute stale, and keys list in UTF-8 byte order. With
 * `consistency: 'strong'` reads are never stale, and writes can depend on them.
 *
 * @example
 * ```ts
 * const bindings = defineBindings({ sessions: kv({ consistency: 'strong' }), links: kv() })
 * ```
 */
export function kv(options: KvOptions & { consistency: 'strong' }): StrongKvDeclaration
/** Declares a key-value store whose reads may be up to a minute stale. Keys list in UTF-8 byte order. */
export function kv(options?: KvOptions & { consistency?: 'eventual' }): KvDeclaration
export function kv(options: KvOptions = {}): KvDeclaration | StrongKvDeclaration {
  checkOptions(options, ['consistency'], { operation: 'kv' })
  return options.consistency === 'strong' ? { kind: 'kv', consistency: 'strong' } : { kind: 'kv' }
}

/**
 * Declares a store for larger objects, strongly consistent, with etags, ranges and metadata.
 *
 * @example
 * ```ts
 * const bindings = defineBindings({ photos: blob() })
 * ```
 */
export function blob(): BlobDeclaration {
  return { kind: 'blob' }
}

/**
 * Declares a cache for HTTP responses. The cache may lose anything at any time.
 *
 * @example
 * ```ts
 * const bindings = defineBindings({ pages: cache() })
 * ```
 */
export function cache(): CacheDeclaration {
  return { kind: 'cache' }
}

/**
 * Declares a SQL database for the subset of SQL that SQLite and Postgres run alike.
 *
 * @example
 * ```ts
 * const bindings = defineBindings({ db: sql({ migrations: './migrations' }) })
 * ```
 */
export function sql(options?: SqlOptions): SqlDeclaration
/**
 * Builds an SQL statement from a template: every `${value}` becomes a parameter, never text.
 *
 * @example
 * ```ts
 * const name = new URL(request.url).searchParams.get('name') ?? ''
 * const user = await env.db.first(sql`SELECT id FROM users WHERE name = ${name}`)
 * ```
 */
export function sql(text: TemplateStringsArray, ...params: readonly SqlValue[]): SqlStatement
export function sql(
  first: SqlOptions | TemplateStringsArray = {},
  ...params: readonly SqlValue[]
): SqlDeclaration | SqlStatement {
  if (isTemplate(first)) return { text: first.join('?'), params }
  checkOptions(first, ['migrations'], { operation: 'sql' })
  const migrations = first.migrations
  if (migrations !== undefined && (typeof migrations !== 'string' || migrations === '')) {
    throw invalidArgument(
      { operation: 'sql' },
      'sql({ migrations }) takes the path of a folder, such as "./migrations".',
    )
  }
  return migrations === undefined ? { kind: 'sql' } : { kind: 'sql', migrations }
}

function isTemplate(value: object): value is TemplateStringsArray {
  return Array.isArray(value) && 'raw' in value
}

/**
 * Declares a queue of messages of type `T` (JSON values or a Uint8Array): at-least-once, unordered.
 *
 * @example
 * ```ts
 * interface Click {
 *   slug: string
 *   at: number
 * }
 * const bindings = defineBindings({
 *   clicks: queue<Click>({ maxRetries: 5, retryDelay: 30, deadLetterQueue: 'lost' }),
 *   lost: queue<Click>(),
 * })
 * ```
 */
export function queue<T = unknown>(options: QueueOptions = {}): QueueDeclaration<T> {
  checkOptions(options, QUEUE_OPTIONS, { operation: 'queue' })
  const declaration = {
    kind: 'queue' as const,
    maxRetries: within('maxRetries', options.maxRetries ?? 3, 0, LIMITS['queue.maxRetries']),
    retryDelay: within('retryDelay', options.retryDelay ?? 0, 0, LIMITS['queue.delay']),
    batchSize: within('batchSize', options.batchSize ?? 10, 1, LIMITS['queue.batchSize']),
    batchWait: within('batchWait', options.batchWait ?? 0, 0, LIMITS['queue.batchWait']),
    maxConcurrency: within('maxConcurrency', options.maxConcurrency ?? 1, 1, 250),
  }
  return options.deadLetterQueue === undefined
    ? declaration
    : { ...declaration, deadLetterQueue: options.deadLetterQueue }
}

const QUEUE_OPTIONS: readonly string[] = [
  'maxRetries',
  'retryDelay',
  'batchSize',
  'batchWait',
  'maxConcurrency',
  'deadLetterQueue',
]

function within(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw invalidArgument(
    { operation: 'queue' },
    `queue({ ${name}: ${value} }): ${name} must be a whole number from ${min} to ${max}.`,
  )
}

/**
 * Declares a secret, which is read with `await env.name.get()` and never printed.
 *
 * On every target the secret is read from a variable with its name in CONSTANT_CASE, such as `API_KEY`, or
 * from the target's own store of secrets.
 *
 * @example
 * ```ts
 * const bindings = defineBindings({ apiKey: secret(), sentryDsn: secret({ optional: true }) })
 * ```
 */
export function secret(options: SecretOptions & { optional: true }): SecretDeclaration<string | null>
/**
 * Declares a secret, which is read with `await env.name.get()` and never printed. The app does not start
 * without it.
 */
export function secret(options?: SecretOptions): SecretDeclaration<string>
export function secret(options: SecretOptions = {}): SecretDeclaration<string | null> {
  checkOptions(options, ['optional'], { operation: 'secret' })
  return { kind: 'secret', optional: options.optional ?? false }
}

/**
 * Declares a string setting; `env.name` is the string itself. The variable on every target has the name in
 * CONSTANT_CASE.
 *
 * @example
 * ```ts
 * const bindings = defineBindings({ region: variable({ default: 'eu' }) })
 * ```
 */
export function variable(options: VariableOptions = {}): VariableDeclaration {
  checkOptions(options, ['default'], { operation: 'variable' })
  if (options.default !== undefined && typeof options.default !== 'string') {
    throw invalidArgument(
      { operation: 'variable' },
      'variable({ default }) takes a string: variables are strings on every target.',
    )
  }
  return options.default === undefined ? { kind: 'variable' } : { kind: 'variable', default: options.default }
}

/**
 * Declares another unmoor app, which is called with `await env.name.fetch(request)`.
 *
 * @example
 * ```ts
 * const bindings = defineBindings({ billing: service({ app: 'billing-api' }) })
 * ```
 */
export function service(options: ServiceOptions = {}): ServiceDeclaration {
  checkOptions(options, ['app'], { operation: 'service' })
  return options.app === undefined ? { kind: 'service' } : { kind: 'service', app: options.app }
}

/**
 * Declares static files. A GET or HEAD whose path names a file is answered before the app is called;
 * `env.name.fetch` serves the files too.
 *
 * @example
 * ```ts
 * const bindings = defineBindings({
 *   files: assets({ directory: './public', notFound: 'single-page-application' }),
 * })
 * ```
 */
export function assets(options: AssetsOptions): AssetsDeclaration {
  if (typeof options?.directory !== 'string' || options.directory === '') {
    throw invalidArgument(
      { operation: 'assets' },
      'assets({ directory }) takes the path of a folder, such as "./public".',
    )
  }
  checkOptions(options, ['directory', 'notFound'], { operation: 'assets' })
  return { kind: 'assets', directory: options.directory, notFound: options.notFound ?? 'none' }
}
