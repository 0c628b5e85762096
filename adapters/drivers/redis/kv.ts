import { prefixEnd } from '../../../core/bindings/bytes.ts'
import type {
  DriverContext,
  DriverFactory,
  KvDriver,
  KvEntry,
  KvListEntry,
  KvVersionedEntry,
  StrongKvDriver,
} from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { decodeCursor, encodeCursor } from '../shared/cursor.ts'
import { Connection } from './connection.ts'
import { packEntry, parseVersion, unpackEntry, unpackHead, versionOf } from './entry.ts'
import { DELETE, DELETE_IF, LIST, PUT, PUT_IF } from './kv-scripts.ts'
import { keyPrefix, type RedisFactoryOptions } from './server.ts'

const CURSOR = 'rk1'
const NONE = Buffer.alloc(0)

/** Key-value driver on Redis: a string per kv entry and an index of the keys. */
export const kv: DriverFactory<'kv', RedisFactoryOptions> = (options, context) => create(options, context)

/**
 * Strong key-value driver on Redis: the same store with conditional writes. It is linearizable as long as the
 * primary is not replaced by a replica that lags behind.
 */
export const strongKv: DriverFactory<'strongKv', RedisFactoryOptions> = (options, context) =>
  create(options, context)

async function create(options: RedisFactoryOptions, context: DriverContext): Promise<RedisKv> {
  const connection = await Connection.create(options, context)
  return new RedisKv(connection, keyPrefix(options, context.app, context.binding), () => context.now())
}

interface PutOptions {
  metadata?: string | undefined
  expiration?: number | undefined
}

class RedisKv implements StrongKvDriver {
  #connection: Connection
  #entries: string
  #index: string
  #expirations: string
  #now: () => number

  constructor(connection: Connection, prefix: string, now: () => number) {
    this.#connection = connection
    this.#entries = `${prefix}:kv:`
    this.#index = `${prefix}:kv-index`
    this.#expirations = `${prefix}:kv-expirations`
    this.#now = now
  }

  async get(key: string, as: 'text' | 'bytes' | 'stream'): Promise<KvEntry | null> {
    const packed = (await this.#connection.read('GET', this.#entries + key)) as Buffer | null
    return packed === null ? null : unpackEntry(packed, as, this.#now())
  }

  async getMany(keys: readonly string[], as: 'text' | 'bytes'): Promise<Map<string, KvEntry>> {
    const found = new Map<string, KvEntry>()
    if (keys.length === 0) return found
    const values = (await this.#connection.read(
      'MGET',
      ...keys.map((key) => this.#entries + key),
    )) as (Buffer | null)[]
    values.forEach((packed, index) => {
      const entry = packed === null ? null : unpackEntry(packed, as, this.#now())
      if (entry !== null) found.set(keys[index] as string, entry)
    })
    return found
  }

  async getWithVersion(key: string, as: 'text' | 'bytes'): Promise<KvVersionedEntry | null> {
    const packed = (await this.#connection.read('GET', this.#entries + key)) as Buffer | null
    const entry = packed === null ? null : unpackEntry(packed, as, this.#now())
    return packed === null || entry === null ? null : { ...entry, version: versionOf(packed) }
  }

  async put(key: string, value: string | Uint8Array<ArrayBuffer>, options: PutOptions): Promise<void> {
    await this.#connection.run(PUT, this.#keys(key), [
      this.#entries,
      key,
      packEntry(value, options),
      options.expiration ?? '',
    ])
  }

  async putIf(
    key: string,
    value: string | Uint8Array<ArrayBuffer>,
    options: PutOptions,
    version: string | null,
  ): Promise<string | null> {
    const expected = version === null ? NONE : parseVersion(version)
    if (expected === undefined) return null
    const packed = packEntry(value, options)
    const wrote = await this.#connection.run(PUT_IF, this.#keys(key), [
      this.#entries,
      key,
      packed,
      options.expiration ?? '',
      this.#seconds(),
      expected,
    ])
    return wrote === 1 ? versionOf(packed) : null
  }

  async delete(key: string): Promise<void> {
    await this.#connection.run(DELETE, this.#keys(key), [this.#entries, key])
  }

  async deleteIf(key: string, version: string): Promise<boolean> {
    const expected = parseVersion(version)
    if (expected === undefined) return false
    return (
      (await this.#connection.run(DELETE_IF, this.#keys(key), [
        this.#entries,
        key,
        this.#seconds(),
        expected,
      ])) === 1
    )
  }

  async list({
    prefix,
    cursor,
    limit,
  }: {
    prefix: string
    cursor?: string | undefined
    limit: number
  }): ReturnType<KvDriver['list']> {
    const after = cursor === undefined ? undefined : decodeCursor(CURSOR, cursor)
    if (after !== undefined && !after.startsWith(prefix))
      throw new UnmoorError('InvalidArgument', 'The cursor belongs to a list with another prefix.')
    const end = prefix === '' ? undefined : prefixEnd(prefix)
    const range = [after === undefined ? `[${prefix}` : `(${after}`, end === undefined ? '+' : `(${end}`]
    const found = (await this.#connection.run(
      LIST,
      [this.#index, this.#expirations],
      [this.#entries, ...range, limit + 1, this.#seconds()],
    )) as Buffer[]
    const keys: KvListEntry[] = []
    for (let index = 0; index < found.length && keys.length < limit; index += 2) {
      const { metadata, expiration } = unpackHead(found[index + 1] as Buffer)
      keys.push({ name: (found[index] as Buffer).toString(), metadata, expiration })
    }
    return found.length / 2 > limit
      ? { keys, cursor: encodeCursor(CURSOR, keys[limit - 1]?.name ?? '') }
      : { keys }
  }

  close(): void {
    this.#connection.close()
  }

  #keys(key: string): string[] {
    return [this.#entries + key, this.#index, this.#expirations]
  }

  #seconds(): number {
    return Math.floor(this.#now() / 1000)
  }
}
