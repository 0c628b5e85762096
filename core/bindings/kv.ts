import { invalidArgument, limitExceeded } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import { type BodyInput, isStream, readAll, streamOf, utf8, utf8Length, utf8Text, viewBytes } from './bytes.ts'
import type { KvDriver, KvEntry } from './drivers.ts'
import { checkKey, checkPageSize, checkText } from './keys.ts'
import { run, type Where } from './operation.ts'

/** How a value is read. */
export type KvType = 'text' | 'json' | 'arrayBuffer' | 'stream'

/** Options of {@link Kv.put}. */
export interface KvPutOptions {
  /** Seconds until the entry expires, at least 60. Default: never. */
  ttl?: number
  /** When the entry expires, in seconds since 1970, at least 60 from now. Not together with `ttl`. Default: never. */
  expiration?: number
  /** Any JSON value, at most 1,024 bytes of JSON. Default: none. */
  metadata?: unknown
}

/** Options of {@link Kv.list}. */
export interface KvListOptions {
  /** Default: all keys. */
  prefix?: string
  /** What the page before gave. Default: from the first key. */
  cursor?: string
  /** Keys in a page, 1 to 1,000. Default: 1,000. */
  limit?: number
}

/** One key of a list. */
export interface KvKey<Metadata = unknown> {
  name: string
  /** Seconds since 1970; absent where the entry does not expire. */
  expiration?: number
  /** Absent where none was put. */
  metadata?: Metadata
}

/** A page of keys. */
export interface KvList<Metadata = unknown> {
  keys: KvKey<Metadata>[]
  /** Whether this is the last page. */
  complete: boolean
  /** For the next page; absent on the last. */
  cursor?: string
}

/** A value with what was put beside it; all null where there is no such key. */
export interface KvWithMetadata<Value, Metadata> {
  value: Value | null
  metadata: Metadata | null
  /** Seconds since 1970. */
  expiration: number | null
}

/**
 * A key-value store. Reads may be up to a minute stale; an expired key is never seen. Keys are 1 to 512 bytes of well-formed text, not `.` or `..`;
 * values at most 25 MiB. Every method throws `InvalidArgument` for what is malformed and `LimitExceeded` for what is too large, before the backend is called.
 */
export class Kv {
  #driver: KvDriver
  #binding: string
  #now: () => number

  constructor(driver: KvDriver, options: { binding: string; now?: (() => number) | undefined }) {
    this.#driver = driver
    this.#binding = options.binding
    this.#now = options.now ?? Date.now
  }

  /** The value, or null where there is none. `json` throws `InvalidArgument` if the value is not JSON. */
  get(key: string, type?: 'text'): Promise<string | null>
  get<T = unknown>(key: string, type: 'json'): Promise<T | null>
  get(key: string, type: 'arrayBuffer'): Promise<ArrayBuffer | null>
  get(key: string, type: 'stream'): Promise<ReadableStream<Uint8Array<ArrayBuffer>> | null>
  async get(key: string, type: KvType = 'text'): Promise<unknown> {
    const where = this.#where('get')
    const entry = await this.#read(key, type, where)
    return entry === null ? null : decodeValue(entry, type, where, key)
  }

  /** The value with its metadata and expiration. */
  getWithMetadata<Metadata = unknown>(key: string, type?: 'text'): Promise<KvWithMetadata<string, Metadata>>
  getWithMetadata<Metadata = unknown, T = unknown>(key: string, type: 'json'): Promise<KvWithMetadata<T, Metadata>>
  getWithMetadata<Metadata = unknown>(key: string, type: 'arrayBuffer'): Promise<KvWithMetadata<ArrayBuffer, Metadata>>
  getWithMetadata<Metadata = unknown>(key: string, type: 'stream'): Promise<KvWithMetadata<ReadableStream<Uint8Array<ArrayBuffer>>, Metadata>>
  async getWithMetadata(key: string, type: KvType = 'text'): Promise<KvWithMetadata<unknown, unknown>> {
    const where = this.#where('getWithMetadata')
    const entry = await this.#read(key, type, where)
    if (entry === null) return { value: null, metadata: null, expiration: null }
    return {
      value: await decodeValue(entry, type, where, key),
      metadata: entry.metadata === undefined ? null : JSON.parse(entry.metadata),
      expiration: entry.expiration ?? null,
    }
  }

  /** Up to 100 values by key, in the order asked; null where there is none. */
  getMany(keys: readonly string[], type?: 'text'): Promise<Map<string, string | null>>
  getMany<T = unknown>(keys: readonly string[], type: 'json'): Promise<Map<string, T | null>>
  async getMany(keys: readonly string[], type: 'text' | 'json' = 'text'): Promise<Map<string, unknown>> {
    const where = this.#where('getMany')
    if (!Array.isArray(keys)) throw invalidArgument(where, `${this.#binding}.getMany takes an array of keys.`)
    if (keys.length > LIMITS['kv.getMany']) throw limitExceeded(where, 'kv.getMany', keys.length, LIMITS['kv.getMany'])
    for (const key of keys) checkKey(key, where, 'kv.key')
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

  /** Stores a value in place of what was there, its metadata and expiration included. A stream that fails, or is too long, leaves the old value. */
  async put(key: string, value: Exclude<BodyInput, Blob>, options: KvPutOptions = {}): Promise<void> {
    const where = this.#where('put')
    checkKey(key, where, 'kv.key')
    const expiration = this.#expiration(options, where)
    const metadata = encodeMetadata(options, where)
    const stored = await encodeValue(value, where)
    await run(where, () => this.#driver.put(key, stored, { metadata, expiration }))
  }

  /** Removes a key; a missing one is fine. */
  async delete(key: string): Promise<void> {
    const where = this.#where('delete')
    checkKey(key, where, 'kv.key')
    await run(where, () => this.#driver.delete(key))
  }

  /** Keys in UTF-8 byte order. A key that is untouched while paging appears exactly once. */
  async list<Metadata = unknown>(options: KvListOptions = {}): Promise<KvList<Metadata>> {
    const where = this.#where('list')
    const { prefix = '', cursor } = options
    if (typeof prefix !== 'string') throw invalidArgument(where, `${this.#binding}.list: prefix is a string.`)
    checkText(prefix, where, 'prefix')
    if (cursor !== undefined && (typeof cursor !== 'string' || cursor === ''))
      throw invalidArgument(where, `${this.#binding}.list: cursor is what an earlier page gave.`)
    const limit = checkPageSize(options.limit, where, 'kv.list')
    const page = await run(where, () => this.#driver.list({ prefix, cursor, limit }))
    const keys = page.keys.map((entry) => {
      const key: KvKey<Metadata> = { name: entry.name }
      if (entry.expiration !== undefined) key.expiration = entry.expiration
      if (entry.metadata !== undefined) key.metadata = JSON.parse(entry.metadata) as Metadata
      return key
    })
    return page.cursor === undefined ? { keys, complete: true } : { keys, complete: false, cursor: page.cursor }
  }

  async #read(key: string, type: KvType, where: Where): Promise<KvEntry | null> {
    checkKey(key, where, 'kv.key')
    const as = READ_AS[type]
    if (as === undefined) throw invalidArgument(where, `${this.#binding}.${where.operation}: type "${String(type)}" is not text, json, arrayBuffer or stream.`)
    return run(where, () => this.#driver.get(key, as, { expiration: where.operation === 'getWithMetadata' }))
  }

  #expiration(options: KvPutOptions, where: Where): number | undefined {
    const { ttl, expiration } = options
    if (ttl === undefined && expiration === undefined) return undefined
    if (ttl !== undefined && expiration !== undefined) throw invalidArgument(where, `${this.#binding}.put: give ttl or expiration, not both.`)
    const value = ttl ?? expiration
    if (typeof value !== 'number' || !Number.isInteger(value)) throw invalidArgument(where, `${this.#binding}.put: ttl and expiration are whole seconds.`)
    const now = Math.floor(this.#now() / 1000)
    const seconds = ttl ?? value - now
    const min = LIMITS['kv.ttl.min']
    if (seconds < min)
      throw invalidArgument(where, `${this.#binding}.put: an entry that expires in ${seconds} s is under the portable minimum of ${min} s (Cloudflare's).`)
    return ttl === undefined ? value : now + ttl
  }

  #where(operation: string): Where {
    return { binding: this.#binding, operation }
  }
}

const READ_AS: Readonly<Record<KvType, 'text' | 'bytes' | 'stream'>> = { text: 'text', json: 'text', arrayBuffer: 'bytes', stream: 'stream' }

async function decodeValue(entry: KvEntry, type: KvType, where: Where, key: string): Promise<unknown> {
  const { value } = entry
  switch (type) {
    case 'text':
      return typeof value === 'string' ? value : utf8Text(await valueBytes(value, where))
    case 'json': {
      const text = typeof value === 'string' ? value : utf8Text(await valueBytes(value, where))
      try {
        return JSON.parse(text)
      } catch (error) {
        throw invalidArgument(where, `${where.binding}.${where.operation}: the value of ${JSON.stringify(key)} is not JSON.`, error)
      }
    }
    case 'arrayBuffer': {
      const bytes = typeof value === 'string' ? utf8(value) : await valueBytes(value, where)
      return bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer
    }
    case 'stream':
      return isStream(value) ? value : streamOf(typeof value === 'string' ? utf8(value) : value)
  }
}

async function valueBytes(value: Exclude<KvEntry['value'], string>, where: Where): Promise<Uint8Array<ArrayBuffer>> {
  return isStream(value) ? readAll(value, where, 'kv.value', Infinity) : value
}

async function encodeValue(value: unknown, where: Where): Promise<string | Uint8Array<ArrayBuffer>> {
  const max = LIMITS['kv.value']
  if (typeof value === 'string') {
    checkText(value, where, 'value')
    if (value.length * 3 > max) {
      const size = utf8Length(value)
      if (size > max) throw limitExceeded(where, 'kv.value', size, max)
    }
    return value
  }
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
    if (value.byteLength > max) throw limitExceeded(where, 'kv.value', value.byteLength, max)
    return viewBytes(value)
  }
  if (isStream(value)) return readAll(value, where, 'kv.value', max)
  throw invalidArgument(
    where,
    `${where.binding}.put: a value is a string, an ArrayBuffer, a view of one or a ReadableStream, not ${value === null ? 'null' : typeof value}. Use JSON.stringify for objects.`,
  )
}

function encodeMetadata(options: KvPutOptions, where: Where): string | undefined {
  if (options.metadata === undefined) return undefined
  let text: string | undefined
  try {
    text = JSON.stringify(options.metadata)
  } catch (error) {
    throw invalidArgument(where, `${where.binding}.put: the metadata is not JSON.`, error)
  }
  if (text === undefined) throw invalidArgument(where, `${where.binding}.put: the metadata is not JSON.`)
  checkText(text, where, 'metadata')
  const size = utf8Length(text)
  if (size > LIMITS['kv.metadata']) throw limitExceeded(where, 'kv.metadata', size, LIMITS['kv.metadata'])
  return text
}
