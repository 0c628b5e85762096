import { utf8, utf8Text } from '../../../core/bindings/bytes.ts'
import type {
  DriverContext,
  DriverFactory,
  KvEntry,
  KvListEntry,
  KvVersionedEntry,
  StrongKvDriver,
} from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { decodeCursor, encodeCursor } from '../shared/cursor.ts'
import { SortedMap } from './sorted-map.ts'
import { storeName, Stores } from './store.ts'
import type { MemoryOptions } from './options.ts'

interface Stored {
  value: string | Uint8Array<ArrayBuffer>
  metadata: string | undefined
  expiration: number | undefined
  version: string
}

type PutOptions = Parameters<StrongKvDriver['put']>[2]

const CURSOR = 'mk1'
const stores = new Stores(() => new SortedMap<Stored>())
let writes = 0

/** Key-value driver in memory that keeps entries in a sorted map. */
export const kv: DriverFactory<'kv', MemoryOptions> = (options, context) => open(options, context)

/**
 * Strong key-value driver in a sorted map. Each call happens in one turn of the event loop, so the store is
 * linearizable.
 */
export const strongKv: DriverFactory<'strongKv', MemoryOptions> = (options, context) => open(options, context)

function open(options: MemoryOptions, context: DriverContext): MemoryKv {
  const { store, close } = stores.open(storeName(options, context))
  return new MemoryKv(store, () => context.now(), close)
}

class MemoryKv implements StrongKvDriver {
  readonly close: () => void
  #entries: SortedMap<Stored>
  #now: () => number

  constructor(entries: SortedMap<Stored>, now: () => number, close: () => void) {
    this.#entries = entries
    this.#now = now
    this.close = close
  }

  async get(key: string, as: 'text' | 'bytes' | 'stream'): Promise<KvEntry | null> {
    const stored = this.#current(key)
    if (stored === undefined) return null
    const { value, metadata, expiration } = stored
    return { value: copy(value, as), metadata, expiration }
  }

  async getWithVersion(key: string, as: 'text' | 'bytes'): Promise<KvVersionedEntry | null> {
    const stored = this.#current(key)
    return stored === undefined ? null : { ...stored, value: copy(stored.value, as) }
  }

  async put(key: string, value: string | Uint8Array<ArrayBuffer>, options: PutOptions): Promise<void> {
    this.#write(key, value, options)
  }

  async putIf(
    key: string,
    value: string | Uint8Array<ArrayBuffer>,
    options: PutOptions,
    version: string | null,
  ): Promise<string | null> {
    return (this.#current(key)?.version ?? null) === version ? this.#write(key, value, options) : null
  }

  #write(key: string, value: string | Uint8Array<ArrayBuffer>, { metadata, expiration }: PutOptions): string {
    const version = String(++writes)
    this.#entries.set(key, {
      value: typeof value === 'string' ? value : value.slice(),
      metadata,
      expiration,
      version,
    })
    return version
  }

  async deleteIf(key: string, version: string): Promise<boolean> {
    if (this.#current(key)?.version !== version) return false
    this.#entries.delete(key)
    return true
  }

  async delete(key: string): Promise<void> {
    this.#entries.delete(key)
  }

  async list({
    prefix,
    cursor,
    limit,
  }: {
    prefix: string
    cursor?: string | undefined
    limit: number
  }): Promise<{ keys: KvListEntry[]; cursor?: string | undefined }> {
    const after = cursor === undefined ? undefined : decodeCursor(CURSOR, cursor)
    if (after !== undefined && !after.startsWith(prefix))
      throw new UnmoorError('InvalidArgument', 'The cursor belongs to a list with another prefix.')
    const keys: KvListEntry[] = []
    for (const [name, stored] of this.#entries.from(after ?? prefix, after === undefined)) {
      if (!name.startsWith(prefix)) break
      if (this.#expired(stored)) continue
      if (keys.length === limit) return { keys, cursor: encodeCursor(CURSOR, keys[limit - 1]?.name ?? '') }
      keys.push({ name, metadata: stored.metadata, expiration: stored.expiration })
    }
    return { keys }
  }

  #current(key: string): Stored | undefined {
    const stored = this.#entries.get(key)
    if (stored === undefined || !this.#expired(stored)) return stored
    this.#entries.delete(key)
    return undefined
  }

  #expired({ expiration }: Stored): boolean {
    return expiration !== undefined && expiration * 1000 <= this.#now()
  }
}

/** Copies a KV value, because later changes of the caller's bytes must not reach the memory store. */
function copy(
  value: string | Uint8Array<ArrayBuffer>,
  as: 'text' | 'bytes' | 'stream',
): string | Uint8Array<ArrayBuffer> {
  if (as === 'text') return typeof value === 'string' ? value : utf8Text(value)
  return typeof value === 'string' ? utf8(value) : value.slice()
}
