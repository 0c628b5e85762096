import { invalidArgument, limitExceeded } from '../errors.ts'
import { KV_LIMITS } from '../limits.ts'
import type { BodyInput } from './bytes.ts'
import type { KvDriver, KvEntry } from './drivers.ts'
import { checkKey, checkPageSize, checkText } from './keys.ts'
import {
  checkExpiration,
  decodeValue,
  encodeMetadata,
  encodeText,
  encodeValue,
  type KvPutOptions,
  type KvType,
  readAs,
} from './kv-value.ts'
import { annotate, run, type Where } from './operation.ts'
import type { NativeBinding } from './native.ts'
import { checkOptions } from './options.ts'

/** Names of the options of a KV put: those of {@link KvPutOptions}. */
export const PUT_OPTIONS: readonly string[] = ['ttl', 'expiration', 'metadata']
const LIST_OPTIONS: readonly string[] = ['prefix', 'cursor', 'limit']

/** Options of {@link Kv.list}. */
export interface KvListOptions {
  /** Prefix that the listed KV keys must have. Default: all keys are listed. */
  prefix?: string
  /** The `cursor` of the previous page of KV keys. Default: the list starts at the first key. */
  cursor?: string
  /** Maximum number of KV keys in a page, 1 to 1,000. Default: 1,000. */
  limit?: number
}

/** One key of a list of a key-value store. */
export interface KvKey<Metadata = unknown> {
  name: string
  /** Expiration of the KV entry in seconds since 1970; null if it does not expire. */
  expiration: number | null
  /** Metadata of the KV entry; null if none was stored. */
  metadata: Metadata | null
}

/** A page of a list of KV keys. */
export interface KvList<Metadata = unknown> {
  keys: KvKey<Metadata>[]
  /** True if this is the last page of KV keys. */
  complete: boolean
  /** Cursor for the next page of KV keys; absent on the last page. */
  cursor?: string
}

/** A KV value with its metadata and expiration; all are null if there is no such key. */
export interface KvWithMetadata<Value, Metadata> {
  value: Value | null
  metadata: Metadata | null
  /** Expiration of the KV entry in seconds since 1970; null if it does not expire, or does not exist. */
  expiration: number | null
}

const VALUE_ONLY = { expiration: false }
const ALL = { expiration: true }

/**
 * A key-value store. Reads may be up to a minute stale; an expired key is never returned. Keys are 1 to 512
 * bytes of well-formed text, not `.` or `..`; values are at most 25 MiB. Every method throws
 * `InvalidArgument` for malformed arguments and `LimitExceeded` for too large ones, before the backend is
 * called.
 */
export class Kv {
  /**
   * The platform's own binding (Cloudflare's `KVNamespace`), typed by `import 'unmoor/cloudflare/native'`;
   * undefined on other targets.
   */
  declare readonly native: NativeBinding<'kv'>
  #driver: KvDriver
  #binding: string
  #now: () => number

  constructor(driver: KvDriver, options: { binding: string; now?: (() => number) | undefined }) {
    this.#driver = driver
    this.#binding = options.binding
    this.#now = options.now ?? Date.now
  }

  /**
   * Returns the value of a KV key, or null if there is none. With the type `json` it throws `InvalidArgument`
   * if the value is not JSON.
   *
   * @example
   * ```ts
   * const url = await env.links.get('docs')
   * const user = await env.links.get<{ name: string }>('user:7', 'json')
   * ```
   */
  get(key: string, type?: 'text'): Promise<string | null>
  /**
   * Returns the value of a KV key as parsed JSON, or null if there is none. @throws `InvalidArgument` if it
   * is not JSON.
   */
  get<T = unknown>(key: string, type: 'json'): Promise<T | null>
  /** Returns the value of a KV key as bytes, or null if there is none. */
  get(key: string, type: 'arrayBuffer'): Promise<ArrayBuffer | null>
  /** Returns the value of a KV key as a stream of bytes, or null if there is none. */
  get(key: string, type: 'stream'): Promise<ReadableStream<Uint8Array<ArrayBuffer>> | null>
  async get(key: string, type: KvType = 'text'): Promise<unknown> {
    const where = this.#where('get')
    checkKey(key, where, 'kv.key', KV_LIMITS['kv.key'])
    const as = readAs(type, where)
    let entry: KvEntry | null
    // A KV read has its own try block instead of a call of `run`, because each further await adds noticeably
    // to the cost of reading an embedded store.
    try {
      entry = await this.#driver.get(key, as, VALUE_ONLY)
    } catch (error) {
      throw annotate(error, where)
    }
    if (entry === null) return null
    // A KV value as text, the usual type, is returned without another await.
    return type === 'text' && typeof entry.value === 'string'
      ? entry.value
      : decodeValue(entry, type, where, key)
  }

  /**
   * Returns the value of a KV key with its metadata and expiration.
   *
   * @example
   * ```ts
   * const { value, metadata } = await env.links.getWithMetadata<{ by: string }>('docs')
   * if (value !== null) console.log(value, metadata?.by)
   * ```
   */
  getWithMetadata<Metadata = unknown>(key: string, type?: 'text'): Promise<KvWithMetadata<string, Metadata>>
  /**
   * Returns the value of a KV key as parsed JSON, with its metadata and expiration. @throws `InvalidArgument`
   * if it is not JSON.
   */
  getWithMetadata<Metadata = unknown, T = unknown>(
    key: string,
    type: 'json',
  ): Promise<KvWithMetadata<T, Metadata>>
  /** Returns the value of a KV key as bytes, with its metadata and expiration. */
  getWithMetadata<Metadata = unknown>(
    key: string,
    type: 'arrayBuffer',
  ): Promise<KvWithMetadata<ArrayBuffer, Metadata>>
  /** Returns the value of a KV key as a stream of bytes, with its metadata and expiration. */
  getWithMetadata<Metadata = unknown>(
    key: string,
    type: 'stream',
  ): Promise<KvWithMetadata<ReadableStream<Uint8Array<ArrayBuffer>>, Metadata>>
  async getWithMetadata(key: string, type: KvType = 'text'): Promise<KvWithMetadata<unknown, unknown>> {
    const where = this.#where('getWithMetadata')
    checkKey(key, where, 'kv.key', KV_LIMITS['kv.key'])
    const as = readAs(type, where)
    const entry = await run(where, () => this.#driver.get(key, as, ALL))
    if (entry === null) return { value: null, metadata: null, expiration: null }
    return {
      value: await decodeValue(entry, type, where, key),
      metadata: entry.metadata === undefined ? null : JSON.parse(entry.metadata),
      expiration: entry.expiration ?? null,
    }
  }

  /**
   * Returns up to 100 values by key, in the order of `keys`; null for a key without a value.
   *
   * @throws `LimitExceeded` for more than 100 keys.
   *
   * @example
   * ```ts
   * const found = await env.links.getMany(['a', 'b'])
   * for (const [key, value] of found) console.log(key, value ?? 'missing')
   * ```
   */
  getMany(keys: readonly string[], type?: 'text'): Promise<Map<string, string | null>>
  /**
   * Returns up to 100 KV values as parsed JSON, by key; null for a key without a value. @throws
   * `InvalidArgument` if one is not JSON.
   */
  getMany<T = unknown>(keys: readonly string[], type: 'json'): Promise<Map<string, T | null>>
  async getMany(keys: readonly string[], type: 'text' | 'json' = 'text'): Promise<Map<string, unknown>> {
    const where = this.#where('getMany')
    if (!Array.isArray(keys)) throw invalidArgument(where, `${this.#binding}.getMany takes an array of keys.`)
    if (keys.length > KV_LIMITS['kv.getMany'])
      throw limitExceeded(where, 'kv.getMany', keys.length, KV_LIMITS['kv.getMany'])
    for (const key of keys) checkKey(key, where, 'kv.key', KV_LIMITS['kv.key'])
    const unique = [...new Set(keys)]
    const entries = await run(where, () => this.#entries(unique))
    const values = new Map<string, unknown>()
    for (const key of unique) {
      const entry = entries.get(key)
      values.set(key, entry === undefined ? null : await decodeValue(entry, type, where, key))
    }
    return values
  }

  async #entries(keys: string[]): Promise<Map<string, KvEntry>> {
    if (this.#driver.getMany !== undefined) return this.#driver.getMany(keys, 'text')
    const found = await Promise.all(keys.map((key) => this.#driver.get(key, 'text')))
    return new Map(keys.flatMap((key, index) => (found[index] ? [[key, found[index]] as const] : [])))
  }

  /**
   * Stores the value of a KV key and replaces the earlier value, its metadata and its expiration. If a stream
   * fails or is too long, the old value stays.
   *
   * @example
   * ```ts
   * await env.links.put('docs', 'https://example.com/docs', { ttl: 3600, metadata: { by: 'ada' } })
   * ```
   */
  async put(key: string, value: Exclude<BodyInput, Blob>, options: KvPutOptions = {}): Promise<void> {
    const where = this.#where('put')
    checkKey(key, where, 'kv.key', KV_LIMITS['kv.key'])
    checkOptions(options, PUT_OPTIONS, where)
    const settings = {
      expiration: checkExpiration(options, this.#now(), where),
      metadata: encodeMetadata(options, where),
    }
    const stored = typeof value === 'string' ? encodeText(value, where) : await encodeValue(value, where)
    try {
      await this.#driver.put(key, stored, settings)
    } catch (error) {
      throw annotate(error, where)
    }
  }

  /**
   * Removes a key of the KV. A missing key is no error.
   *
   * @example
   * ```ts
   * await env.links.delete('docs')
   * ```
   */
  async delete(key: string): Promise<void> {
    const where = this.#where('delete')
    checkKey(key, where, 'kv.key', KV_LIMITS['kv.key'])
    await run(where, () => this.#driver.delete(key))
  }

  /**
   * Lists KV keys in UTF-8 byte order. A key that is not written during paging appears exactly once.
   *
   * @example
   * ```ts
   * let cursor: string | undefined
   * do {
   *   const page = await env.links.list({ prefix: 'user:', ...(cursor === undefined ? {} : { cursor }) })
   *   for (const { name } of page.keys) console.log(name)
   *   cursor = page.cursor
   * } while (cursor !== undefined)
   * ```
   */
  async list<Metadata = unknown>(options: KvListOptions = {}): Promise<KvList<Metadata>> {
    const where = this.#where('list')
    checkOptions(options, LIST_OPTIONS, where)
    const { prefix = '', cursor } = options
    if (typeof prefix !== 'string') throw invalidArgument(where, `${this.#binding}.list: prefix is a string.`)
    checkText(prefix, where, 'prefix')
    if (cursor !== undefined && (typeof cursor !== 'string' || cursor === ''))
      throw invalidArgument(where, `${this.#binding}.list: cursor is what an earlier page gave.`)
    const limit = checkPageSize(options.limit, where, 'kv.list', KV_LIMITS['kv.list'])
    const page = await run(where, () => this.#driver.list({ prefix, cursor, limit }))
    const keys = page.keys.map(({ name, expiration = null, metadata }): KvKey<Metadata> => {
      return {
        name,
        expiration,
        metadata: metadata === undefined ? null : (JSON.parse(metadata) as Metadata),
      }
    })
    return page.cursor === undefined
      ? { keys, complete: true }
      : { keys, complete: false, cursor: page.cursor }
  }

  #where(operation: string): Where {
    return { binding: this.#binding, operation }
  }
}
