import { invalidArgument, isUnmoorError, UnmoorError } from '../errors.ts'
import { KV_LIMITS } from '../limits.ts'
import type { BodyInput } from './bytes.ts'
import type { KvVersionedEntry, StrongKvDriver } from './drivers.ts'
import { checkKey } from './keys.ts'
import { Kv, PUT_OPTIONS } from './kv.ts'
import {
  checkExpiration,
  decodeValue,
  encodeMetadata,
  encodeValue,
  type KvPutOptions,
  type KvType,
  readAs,
} from './kv-value.ts'
import { run, type Where } from './operation.ts'
import { checkOptions } from './options.ts'

/** A value of a strong key-value store, with its version. */
export interface KvVersioned<Value, Metadata = unknown> {
  value: Value
  metadata: Metadata | null
  /** Expiration of the KV entry in seconds since 1970; null if it does not expire. */
  expiration: number | null
  /** Version of the KV entry: opaque, and new with every write. */
  version: string
}

/** Condition of {@link StrongKv.putIf}: there is no entry, or the entry has this version. */
export type KvCondition = { absent: true } | { version: string }

const UPDATE_OPTIONS: readonly string[] = ['attempts', ...PUT_OPTIONS]

/** Options of {@link StrongKv.update}. */
export interface KvUpdateOptions extends KvPutOptions {
  /** Maximum number of tries of a KV `update` before it fails with `Conflict`, from 1. Default: 100. */
  attempts?: number
}

/**
 * The two methods that `update` of a strong KV is built from. A remote stub has them and gets its `update`
 * from {@link updateEntry}.
 */
export interface Versioned {
  getWithVersion(key: string, type: 'json'): Promise<KvVersioned<unknown> | null>
  putIf(
    key: string,
    value: string,
    condition: KvCondition,
    options?: KvPutOptions,
  ): Promise<{ version: string }>
}

/**
 * A key-value store that is linearizable per key: a read sees the last write, and a write can depend on what
 * was read. It is slower and costs more than {@link Kv} on targets whose own store is not linearizable
 * (Cloudflare: a Durable Object per key range).
 */
export class StrongKv extends Kv {
  #driver: StrongKvDriver
  #binding: string
  #now: () => number

  constructor(driver: StrongKvDriver, options: { binding: string; now?: (() => number) | undefined }) {
    super(driver, options)
    this.#driver = driver
    this.#binding = options.binding
    this.#now = options.now ?? Date.now
  }

  /**
   * Returns the value of a KV key with its version, or null if there is none.
   *
   * @example
   * ```ts
   * const entry = await env.sessions.getWithVersion('cart')
   * console.log(entry?.value, entry?.version)
   * ```
   */
  getWithVersion<Metadata = unknown>(
    key: string,
    type?: 'text',
  ): Promise<KvVersioned<string, Metadata> | null>
  /**
   * Returns the value of a KV key as parsed JSON with its version, or null if there is none. @throws
   * `InvalidArgument` if it is not JSON.
   */
  getWithVersion<T = unknown, Metadata = unknown>(
    key: string,
    type: 'json',
  ): Promise<KvVersioned<T, Metadata> | null>
  /** Returns the value of a KV key as bytes with its version, or null if there is none. */
  getWithVersion<Metadata = unknown>(
    key: string,
    type: 'arrayBuffer',
  ): Promise<KvVersioned<ArrayBuffer, Metadata> | null>
  async getWithVersion(
    key: string,
    type: Exclude<KvType, 'stream'> = 'text',
  ): Promise<KvVersioned<unknown> | null> {
    const where = this.#where('getWithVersion')
    checkKey(key, where, 'kv.key', KV_LIMITS['kv.key'])
    const as = readAs(type, where)
    const entry = await run(where, () => this.#read(key, as === 'stream' ? 'bytes' : as))
    if (entry === null) return null
    return {
      value: await decodeValue(entry, type, where, key),
      metadata: entry.metadata === undefined ? null : JSON.parse(entry.metadata),
      expiration: entry.expiration ?? null,
      version: entry.version,
    }
  }

  /** Reads a KV entry with its version. A driver that was written for version 0.1 has only `getVersioned`. */
  #read(key: string, as: 'text' | 'bytes'): Promise<KvVersionedEntry | null> {
    const driver: Partial<Pick<StrongKvDriver, 'getWithVersion' | 'getVersioned'>> = this.#driver
    if (driver.getWithVersion !== undefined) return driver.getWithVersion(key, as)
    if (driver.getVersioned !== undefined) return driver.getVersioned(key, as)
    throw new UnmoorError('Internal', `The driver of "${this.#binding}" has no method getWithVersion.`)
  }

  /**
   * Writes a KV entry atomically, only if the condition holds. An expired entry counts as absent.
   *
   * @throws `PreconditionFailed` if the condition does not hold; nothing is written then.
   *
   * @example
   * ```ts
   * const entry = await env.sessions.getWithVersion('cart')
   * const condition = entry === null ? { absent: true as const } : { version: entry.version }
   * const { version } = await env.sessions.putIf('cart', '3 books', condition)
   * ```
   */
  async putIf(
    key: string,
    value: Exclude<BodyInput, Blob>,
    condition: KvCondition,
    options: KvPutOptions = {},
  ): Promise<{ version: string }> {
    const where = this.#where('putIf')
    checkKey(key, where, 'kv.key', KV_LIMITS['kv.key'])
    const expected = checkCondition(condition, where)
    checkOptions(options, PUT_OPTIONS, where)
    const settings = {
      expiration: checkExpiration(options, this.#now(), where),
      metadata: encodeMetadata(options, where),
    }
    const stored = await encodeValue(value, where)
    const version = await run(where, () => this.#driver.putIf(key, stored, settings, expected))
    if (version === null) throw preconditionFailed(key, expected, where)
    return { version }
  }

  /**
   * Removes a KV entry only while it has that version. @throws `PreconditionFailed` otherwise.
   *
   * @example
   * ```ts
   * const entry = await env.sessions.getWithVersion('cart')
   * if (entry !== null) await env.sessions.deleteIf('cart', { version: entry.version })
   * ```
   */
  async deleteIf(key: string, condition: { version: string }): Promise<void> {
    const where = this.#where('deleteIf')
    checkKey(key, where, 'kv.key', KV_LIMITS['kv.key'])
    const expected = checkCondition(condition, where)
    if (expected === null) throw invalidArgument(where, `${this.#binding}.deleteIf takes { version }.`)
    if (!(await run(where, () => this.#driver.deleteIf(key, expected))))
      throw preconditionFailed(key, expected, where)
  }

  /**
   * Passes the JSON value of a KV key (null if there is none) to `change`, stores what it returns and returns
   * that. `change` may run several times if others write meanwhile, so it must have no other effects. If it
   * returns undefined, nothing is written.
   *
   * @throws `Conflict` after `attempts` tries, `InvalidArgument` if the value is not JSON; what `change`
   * throws.
   *
   * @example
   * ```ts
   * const visits = await env.sessions.update<number>('visits', (current) => (current ?? 0) + 1)
   * ```
   */
  async update<T>(
    key: string,
    change: (current: T | null) => T | undefined | Promise<T | undefined>,
    options: KvUpdateOptions = {},
  ): Promise<T | null> {
    checkOptions(options, UPDATE_OPTIONS, this.#where('update'))
    return updateEntry(this, this.#binding, key, change, options)
  }

  #where(operation: string): Where {
    return { binding: this.#binding, operation }
  }
}

/** Implements {@link StrongKv.update} by versioned reads and writes, for a local store or a remote stub. */
export async function updateEntry<T>(
  store: Versioned,
  binding: string,
  key: string,
  change: (current: T | null) => T | undefined | Promise<T | undefined>,
  { attempts = 100, ...options }: KvUpdateOptions,
): Promise<T | null> {
  const where = { binding, operation: 'update' }
  for (let attempt = 1; ; attempt++) {
    const entry = (await store.getWithVersion(key, 'json')) as KvVersioned<T> | null
    const next = await change(entry?.value ?? null)
    if (next === undefined) return entry?.value ?? null
    const text = JSON.stringify(next) as string | undefined
    if (text === undefined) throw invalidArgument(where, `${binding}.update: the new value is not JSON.`)
    try {
      await store.putIf(key, text, entry === null ? { absent: true } : { version: entry.version }, options)
      return next
    } catch (error) {
      if (!isUnmoorError(error, 'PreconditionFailed')) throw error
      if (attempt >= attempts)
        throw new UnmoorError(
          'Conflict',
          `${binding}.update: others changed ${JSON.stringify(key)} ${attempts} times in between.`,
          { ...where, cause: error },
        )
    }
    // A random pause (full jitter), so that writers of a KV entry that met once do not meet again.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(100, 2 ** attempt)))
  }
}

/** Returns the version that a conditional KV write expects; null if there must be no entry. */
function checkCondition(condition: KvCondition, where: Where): string | null {
  if (typeof condition === 'object' && condition !== null) {
    if (
      'version' in condition &&
      typeof condition.version === 'string' &&
      condition.version !== '' &&
      !('absent' in condition)
    )
      return condition.version
    if ('absent' in condition && condition.absent && !('version' in condition)) return null
  }
  throw invalidArgument(
    where,
    `${where.binding}.${where.operation}: the condition is { version } as getWithVersion gave ` +
      `it${where.operation === 'putIf' ? ', or { absent: true }' : ''}.`,
  )
}

function preconditionFailed(key: string, expected: string | null, where: Where): UnmoorError {
  const why = expected === null ? 'there is an entry already' : 'the entry has another version, or is gone'
  return new UnmoorError(
    'PreconditionFailed',
    `${where.binding}.${where.operation}: ${JSON.stringify(key)}: ${why}.`,
    where,
  )
}
