import { compareUtf8, fnv1a, prefixEnd, utf8, utf8Text } from '../../../core/bindings/bytes.ts'
import type {
  DriverFactory,
  KvEntry,
  KvVersionedEntry,
  StrongKvDriver,
} from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { unwrapCursor, wrapCursor } from './cursor.ts'
import { nativeOf } from './native-of.ts'
import { objectError } from './object-errors.ts'
import type { CloudflareDriverOptions } from '../options.ts'
import { INLINE, type ObjectEntry, type StrongKvMethods } from './strong-kv-object.ts'

/** Options of {@link strongKv}, the driver for strong kv on Durable Objects. */
export type StrongKvOptions = CloudflareDriverOptions

/** Durable Object namespace for strong kv that wrangler.jsonc binds. */
export interface NativeNamespace {
  idFromName(name: string): unknown
  get(id: unknown): StrongKvMethods
}

type PutOptions = Parameters<StrongKvDriver['put']>[2]

/**
 * Driver for strong kv on Durable Objects. Each key belongs to one Durable Object, which runs one call after
 * another. Keys are spread over several objects because one alone would bound the binding to a single thread;
 * in return a list merges pages of all objects.
 */
export const strongKv: DriverFactory<'strongKv', StrongKvOptions> = (options, context) => {
  const { binding } = context
  const shards = options.shards ?? 4
  if (!Number.isInteger(shards) || shards < 1 || shards > 32)
    throw new UnmoorError(
      'InvalidArgument',
      `Binding "${binding}": shards is ${shards}, not a whole number from 1 to 32.`,
      { binding, operation: 'start' },
    )
  return new DurableKv(nativeOf<NativeNamespace>(context, 'Durable Object namespace'), {
    binding,
    shards,
    now: () => context.now(),
  })
}

/** Maximum number of attempts of a call to a Durable Object, if the call is safe to repeat. */
const TRIES = 3

class DurableKv implements StrongKvDriver {
  #namespace: NativeNamespace
  #settings: { binding: string; shards: number; now: () => number }

  constructor(namespace: NativeNamespace, settings: { binding: string; shards: number; now: () => number }) {
    this.#namespace = namespace
    this.#settings = settings
  }

  async get(key: string, as: 'text' | 'bytes' | 'stream'): Promise<KvEntry | null> {
    const entry = await this.#read(key)
    return entry === null ? null : toEntry(entry, as)
  }

  async getWithVersion(key: string, as: 'text' | 'bytes'): Promise<KvVersionedEntry | null> {
    const entry = await this.#read(key)
    return entry === null ? null : { ...toEntry(entry, as), version: entry.version }
  }

  async #read(key: string): Promise<ObjectEntry | null> {
    const [entry = null] = await this.#repeatedly(this.#shardOf(key), (object) =>
      object.get([key], this.#seconds()),
    )
    return entry
  }

  async getMany(keys: readonly string[], as: 'text' | 'bytes'): Promise<Map<string, KvEntry>> {
    const byShard = Map.groupBy(keys, (key) => this.#shardOf(key))
    const entries = new Map<string, KvEntry>()
    await Promise.all(
      [...byShard].map(async ([shard, own]) => {
        // Keys are fetched one by one from a Durable Object, as their values together could exceed what one
        // RPC call may carry.
        const found = await Promise.all(
          own.map((key) => this.#repeatedly(shard, (object) => object.get([key], this.#seconds()))),
        )
        found.forEach(([entry], index) => {
          if (entry) entries.set(own[index] as string, toEntry(entry, as))
        })
      }),
    )
    return entries
  }

  async put(key: string, value: string | Uint8Array<ArrayBuffer>, options: PutOptions): Promise<void> {
    await this.#write(key, value, options, undefined)
  }

  putIf(
    key: string,
    value: string | Uint8Array<ArrayBuffer>,
    options: PutOptions,
    version: string | null,
  ): Promise<string | null> {
    return this.#write(key, value, options, version)
  }

  #write(
    key: string,
    value: string | Uint8Array<ArrayBuffer>,
    options: PutOptions,
    expected: string | null | undefined,
  ): Promise<string | null> {
    const stored = typeof value === 'string' && value.length * 3 > INLINE ? utf8(value) : value
    const write = {
      key,
      value: stored,
      metadata: options.metadata ?? null,
      expiration: options.expiration ?? null,
      now: this.#seconds(),
    }
    return this.#once(this.#shardOf(key), (object) =>
      object.put(expected === undefined ? write : { ...write, expected }),
    )
  }

  async delete(key: string): Promise<void> {
    await this.#once(this.#shardOf(key), (object) => object.delete(key, undefined, this.#seconds()))
  }

  deleteIf(key: string, version: string): Promise<boolean> {
    return this.#once(this.#shardOf(key), (object) => object.delete(key, version, this.#seconds()))
  }

  async list({
    prefix,
    cursor,
    limit,
  }: Parameters<StrongKvDriver['list']>[0]): ReturnType<StrongKvDriver['list']> {
    const after = cursor === undefined ? undefined : unwrapCursor('strong', cursor)
    if (after !== undefined && !after.startsWith(prefix))
      throw new UnmoorError('InvalidArgument', 'The cursor belongs to a list with another prefix.')
    const end = prefix === '' ? undefined : prefixEnd(prefix)
    const range = {
      from: after ?? prefix,
      exclusive: after !== undefined,
      end,
      limit: limit + 1,
      now: this.#seconds(),
    }
    const pages = await Promise.all(
      Array.from({ length: this.#settings.shards }, (_, shard) =>
        this.#repeatedly(shard, (object) => object.list(range)),
      ),
    )
    const all = pages.flat().sort((a, b) => compareUtf8(a.key, b.key))
    const keys = all.slice(0, limit).map(({ key, metadata, expiration }) => ({
      name: key,
      metadata: metadata ?? undefined,
      expiration: expiration ?? undefined,
    }))
    return all.length > limit ? { keys, cursor: wrapCursor('strong', keys[limit - 1]?.name ?? '') } : { keys }
  }

  /** Retries a call to a Durable Object without side effects if Cloudflare marks its error as retryable. */
  async #repeatedly<T>(shard: number, work: (object: StrongKvMethods) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work(this.#object(shard))
      } catch (error) {
        const { retryable, overloaded } = error as { retryable?: boolean; overloaded?: boolean }
        if (!retryable || overloaded || attempt === TRIES) throw objectError(error, false)
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 50 * 2 ** attempt))
      }
    }
  }

  async #once<T>(shard: number, work: (object: StrongKvMethods) => Promise<T>): Promise<T> {
    try {
      return await work(this.#object(shard))
    } catch (error) {
      throw objectError(error, true)
    }
  }

  /** Creates a stub for each call to a Durable Object: a stub stays broken after an error. */
  #object(shard: number): StrongKvMethods {
    return this.#namespace.get(this.#namespace.idFromName(`${this.#settings.binding}/${shard}`))
  }

  #shardOf(key: string): number {
    return fnv1a(key) % this.#settings.shards
  }

  #seconds(): number {
    return Math.floor(this.#settings.now() / 1000)
  }
}

function toEntry(
  { value, metadata, expiration }: ObjectEntry,
  as: 'text' | 'bytes' | 'stream',
): KvEntry & { value: string | Uint8Array<ArrayBuffer> } {
  const wanted =
    as === 'text'
      ? typeof value === 'string'
        ? value
        : utf8Text(value)
      : typeof value === 'string'
        ? utf8(value)
        : value
  return { value: wanted, metadata: metadata ?? undefined, expiration: expiration ?? undefined }
}
