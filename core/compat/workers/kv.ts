import { utf8Length } from '../../bindings/bytes.ts'
import type { Kv } from '../../bindings/kv.ts'
import type { UnmoorError } from '../../errors.ts'
import { LIMITS } from '../../limits.ts'
import { readOptions, toInteger, toText } from './coerce.ts'
import { cloudflareError, translated } from './errors.ts'
import { asInterface } from './interface.ts'

type Type = 'text' | 'json' | 'arrayBuffer' | 'stream'
interface GetOptions<T = Type | undefined> {
  type?: T
  cacheTtl?: number | undefined
}
interface PutOptions {
  expiration?: number | string | undefined
  expirationTtl?: number | string | undefined
  metadata?: unknown
}
interface ListOptions {
  prefix?: string | null
  limit?: number
  cursor?: string | null
}
interface WithMetadata<Value, Metadata> {
  value: Value | null
  metadata: Metadata | null
  cacheStatus: null
}
interface ListedKey<Metadata> {
  name: string
  expiration?: number
  metadata?: Metadata
}
type Listed<Metadata> =
  | { list_complete: true; keys: ListedKey<Metadata>[]; cacheStatus: null }
  | { list_complete: false; keys: ListedKey<Metadata>[]; cursor: string; cacheStatus: null }
/** Options of a read of Workers KV that returns text, the default type. */
type AsText = 'text' | GetOptions<'text' | undefined>

const TYPES: readonly unknown[] = ['text', 'json', 'arrayBuffer', 'stream']

/**
 * Cloudflare's KVNamespace over a portable kv. Its limits and errors are Cloudflare's:
 * https://developers.cloudflare.com/kv/api/
 */
export class WorkersKv {
  #kv: () => Kv

  constructor(kv: () => Kv) {
    this.#kv = kv
  }

  get(key: string, options?: AsText): Promise<string | null>
  get<Value = unknown>(key: string, options?: 'json' | GetOptions<'json'>): Promise<Value | null>
  get(key: string, options?: 'arrayBuffer' | GetOptions<'arrayBuffer'>): Promise<ArrayBuffer | null>
  get(key: string, options?: 'stream' | GetOptions<'stream'>): Promise<ReadableStream | null>
  get(keys: readonly string[], options?: AsText): Promise<Map<string, string | null>>
  get<Value = unknown>(
    keys: readonly string[],
    options?: 'json' | GetOptions<'json'>,
  ): Promise<Map<string, Value | null>>
  async get(key: string | readonly string[], options?: Type | GetOptions): Promise<unknown> {
    const type = readType(options, Array.isArray(key))
    if (Array.isArray(key)) return this.#getMany(key, type)
    return (await this.#read(readKey(key, 'GET'), type)).value
  }

  getWithMetadata<Metadata = unknown>(key: string, options?: AsText): Promise<WithMetadata<string, Metadata>>
  getWithMetadata<Value = unknown, Metadata = unknown>(
    key: string,
    options?: 'json' | GetOptions<'json'>,
  ): Promise<WithMetadata<Value, Metadata>>
  getWithMetadata<Metadata = unknown>(
    key: string,
    options?: 'arrayBuffer' | GetOptions<'arrayBuffer'>,
  ): Promise<WithMetadata<ArrayBuffer, Metadata>>
  getWithMetadata<Metadata = unknown>(
    key: string,
    options?: 'stream' | GetOptions<'stream'>,
  ): Promise<WithMetadata<ReadableStream, Metadata>>
  getWithMetadata<Metadata = unknown>(
    keys: readonly string[],
    options?: AsText,
  ): Promise<Map<string, WithMetadata<string, Metadata>>>
  getWithMetadata<Value = unknown, Metadata = unknown>(
    keys: readonly string[],
    options?: 'json' | GetOptions<'json'>,
  ): Promise<Map<string, WithMetadata<Value, Metadata>>>
  async getWithMetadata(key: string | readonly string[], options?: Type | GetOptions): Promise<unknown> {
    const type = readType(options, Array.isArray(key))
    if (Array.isArray(key)) {
      const keys = checkBulk(key, type)
      const values = await bulk(() => Promise.all(keys.map((one) => this.#read(one, type))))
      return new Map(keys.map((one, index) => [one, values[index]?.value === null ? null : values[index]]))
    }
    const { value, metadata } = await this.#read(readKey(key, 'GET'), type, true)
    return { value, metadata, cacheStatus: null }
  }

  async put(
    key: string,
    value: string | ArrayBuffer | ArrayBufferView | ReadableStream,
    options: PutOptions | null = {},
  ): Promise<void> {
    const given = readKvOptions(options, 'put', 3)
    key = readKey(key, 'PUT')
    const body = typeof value === 'object' && value !== null ? value : toText(value)
    if (
      typeof body !== 'string' &&
      !(body instanceof ArrayBuffer) &&
      !ArrayBuffer.isView(body) &&
      !(body instanceof ReadableStream)
    )
      throw new TypeError(
        'KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values.',
      )
    const expires = checkExpiration(given)
    const own = given.metadata ?? undefined
    // Metadata of a KV entry is stored in its JSON form, which a `toJSON` may determine.
    const text = JSON.stringify(own)
    const metadata: unknown = text === undefined ? own : JSON.parse(text)
    if (text !== undefined) {
      const size = utf8Length(text)
      if (size > LIMITS['kv.metadata'])
        throw cloudflareError(
          `KV PUT failed: 413 Metadata length of ${size} exceeds limit of ${LIMITS['kv.metadata']}.`,
        )
    }
    await translated(
      () => this.#kv().put(key, body, { ...expires, ...(metadata === undefined ? {} : { metadata }) }),
      (error) => failure('PUT', error),
    )
  }

  async delete(key: string): Promise<void> {
    key = readKey(key, 'DELETE')
    await translated(
      () => this.#kv().delete(key),
      (error) => failure('DELETE', error),
    )
  }

  async list<Metadata = unknown>(given: ListOptions | null = {}): Promise<Listed<Metadata>> {
    const options = readKvOptions(given, 'list', 1)
    const prefix = toText(options.prefix ?? '')
    // Workers KV treats a list limit below 1 as no limit.
    const asked = options.limit === undefined ? 0 : toInteger(options.limit)
    const limit = asked >= 1 ? asked : LIMITS['kv.list']
    const size = utf8Length(prefix)
    if (size > LIMITS['kv.key'])
      throw cloudflareError(
        `KV GET failed: 414 UTF-8 encoded length of ${size} exceeds key length limit of ${LIMITS['kv.key']}.`,
      )
    if (limit > LIMITS['kv.list'])
      throw cloudflareError(
        `KV GET failed: 400 Invalid key_count_limit of ${limit}. Please specify an integer less than ` +
          `${LIMITS['kv.list']}.`,
      )
    const { cursor } = options
    const page = await translated(
      () =>
        this.#kv().list({
          prefix,
          limit,
          ...(typeof cursor === 'string' && cursor !== '' ? { cursor } : {}),
        }),
      (error) => failure('GET', error),
    )
    // A listed KV entry has no `expiration` or `metadata` property if it has no such value, as on Workers.
    // The caller chooses the type of the metadata.
    const keys = page.keys.map(({ name, expiration, metadata }): ListedKey<Metadata> => {
      return {
        name,
        ...(expiration === null ? {} : { expiration }),
        ...(metadata === null ? {} : { metadata: metadata as Metadata }),
      }
    })
    return page.complete
      ? { keys, list_complete: true, cacheStatus: null }
      : { keys, list_complete: false, cursor: page.cursor as string, cacheStatus: null }
  }

  async #getMany(key: readonly string[], type: Type): Promise<Map<string, unknown>> {
    const keys = checkBulk(key, type)
    const found = await translated(
      () => this.#kv().getMany(keys),
      (error) => failure('GET_BULK', error),
    )
    return bulk(() => new Map(keys.map((one) => [one, parsed(found.get(one) ?? null, type)])))
  }

  /**
   * Reads an entry of Workers KV. JSON is parsed here so that invalid JSON throws a SyntaxError, as on
   * Workers.
   */
  async #read(
    key: string,
    type: Type,
    withMetadata = type !== 'stream',
  ): Promise<{ value: unknown; metadata: unknown }> {
    const as = type === 'json' ? 'text' : type
    return translated(
      async () => {
        // A KV entry's value and metadata are read in one call, but metadata only if wanted: it costs some
        // drivers a second call.
        const { value, metadata } = withMetadata
          ? await this.#kv().getWithMetadata(key, as as 'text')
          : { value: await this.#kv().get(key, as as 'text'), metadata: null }
        return { value: parsed(value, type), metadata }
      },
      (error) => failure('GET', error),
    )
  }
}

asInterface(WorkersKv, 'KvNamespace', {
  async: {
    get: ['string or Array'],
    getWithMetadata: ['Array or string'],
    put: ['string', 'string or Object'],
    delete: ['string'],
  },
})

function readKvOptions<T extends object>(
  given: T | null | undefined,
  method: 'list' | 'put',
  parameter: number,
): Partial<T> {
  const dictionary = method === 'list' ? 'ListOptions' : 'PutOptions'
  return readOptions(given, { method, owner: 'KvNamespace', parameter, dictionary })
}

function parsed(value: unknown, type: Type): unknown {
  return type === 'json' && value !== null ? (JSON.parse(value as string) as unknown) : value
}

/**
 * Runs a bulk read of Workers KV. On Cloudflare the service parses the JSON of bulk reads, and reports
 * failures with an error of its own.
 */
async function bulk<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw cloudflareError(
      'KV GET_BULK failed: 400 At least one of the requested keys corresponds to a non-json value',
      error,
    )
  }
}

/**
 * Reads the value type from the options of a KV read. @param many true for a bulk read, whose type
 * `checkBulk` checks.
 */
function readType(options: Type | GetOptions | undefined, many = false): Type {
  const isObject = typeof options === 'object' || options === undefined
  const given = !isObject ? options : options?.type === undefined ? 'text' : options.type
  if (!many && !TYPES.includes(given))
    throw new TypeError(
      'Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".',
    )
  const cacheTtl = typeof options === 'object' ? options?.cacheTtl : undefined
  const seconds = cacheTtl === undefined ? MIN_CACHE_TTL : toInteger(cacheTtl)
  if (seconds < MIN_CACHE_TTL)
    throw cloudflareError(
      `KV GET failed: 400 Invalid cache_ttl of ${seconds}. Cache TTL must be at least ${MIN_CACHE_TTL}.`,
    )
  return given
}

const MIN_CACHE_TTL = 30

function checkBulk(given: readonly string[], type: Type): string[] {
  const keys = [...new Set(given.map(toText))]
  if (type !== 'text' && type !== 'json')
    throw cloudflareError(`KV GET_BULK failed: 400 "${type}" is not a valid type. Use "json" or "text"`)
  if (given.length > LIMITS['kv.getMany'])
    throw cloudflareError(`KV GET_BULK failed: 400 You can request a maximum of ${LIMITS['kv.getMany']} keys`)
  if (given.length < 1) throw cloudflareError('KV GET_BULK failed: 400 You must request a minimum of 1 key')
  for (const key of keys) readKey(key, 'GET_BULK')
  return keys
}

function readKey(given: unknown, operation: string): string {
  const key = toText(given)
  if (key === '') throw new TypeError('Key name cannot be empty.')
  if (key === '.' || key === '..') throw new TypeError(`"${key}" is not allowed as a key name.`)
  const size = key.length * 3 <= LIMITS['kv.key'] ? 0 : utf8Length(key)
  if (size > LIMITS['kv.key'])
    throw cloudflareError(
      `KV ${operation} failed: 414 UTF-8 encoded length of ${size} exceeds key length limit of ` +
        `${LIMITS['kv.key']}.`,
    )
  return key
}

/**
 * Reads the expiration options of a KV put as Cloudflare does, in whole seconds. A value that is not a number
 * becomes 0, which is refused.
 */
function checkExpiration({ expiration, expirationTtl }: PutOptions): { ttl?: number; expiration?: number } {
  if (expirationTtl !== undefined) {
    const ttl = toInteger(expirationTtl)
    if (ttl <= 0)
      throw cloudflareError(
        `KV PUT failed: 400 Invalid expiration_ttl of ${ttl}. Please specify integer greater than 0.`,
      )
    if (ttl < LIMITS['kv.ttl.min'])
      throw cloudflareError(
        `KV PUT failed: 400 Invalid expiration_ttl of ${ttl}. Expiration TTL must be at least ` +
          `${LIMITS['kv.ttl.min']}.`,
      )
    return { ttl }
  }
  if (expiration === undefined) return {}
  const at = toInteger(expiration)
  const now = Math.floor(Date.now() / 1000)
  if (at <= now)
    throw cloudflareError(
      `KV PUT failed: 400 Invalid expiration of ${at}. Please specify integer greater than the ` +
        'current number of seconds since the UNIX epoch.',
    )
  if (at < now + LIMITS['kv.ttl.min'])
    throw cloudflareError(
      `KV PUT failed: 400 Invalid expiration of ${at}. Expiration times must be at least ` +
        `${LIMITS['kv.ttl.min']} seconds in the future.`,
    )
  return { expiration: at }
}

function failure(operation: string, error: UnmoorError): Error {
  const { limit, actual, max } = error.details
  if (limit === 'kv.value')
    return cloudflareError(
      `KV ${operation} failed: 413 Value length of ${actual} exceeds limit of ${max}.`,
      error,
    )
  const status = STATUS[error.code] ?? 500
  return cloudflareError(`KV ${operation} failed: ${status} ${error.message}`, error)
}

const STATUS: Readonly<Record<string, number>> = {
  InvalidArgument: 400,
  Unsupported: 405,
  LimitExceeded: 413,
  Throttled: 429,
  PermissionDenied: 403,
  Unavailable: 503,
}
