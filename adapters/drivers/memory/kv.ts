import { utf8, utf8Text } from '../../../core/bindings/bytes.ts'
import type { DriverFactory, KvDriver, KvEntry, KvListEntry } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { decodeCursor, encodeCursor } from '../shared/cursor.ts'
import { SortedMap } from './sorted-map.ts'
import { type MemoryOptions, storeName, Stores } from './store.ts'

interface Stored {
  value: string | Uint8Array<ArrayBuffer>
  metadata: string | undefined
  expiration: number | undefined
}

const CURSOR = 'mk1'
const stores = new Stores(() => new SortedMap<Stored>())

/** A kv store in a sorted map. */
export const kv: DriverFactory<'kv', MemoryOptions> = (options, context) => {
  const { store, close } = stores.open(storeName(options, context))
  return new MemoryKv(store, () => context.now(), close)
}

class MemoryKv implements KvDriver {
  readonly close: () => void
  #entries: SortedMap<Stored>
  #now: () => number

  constructor(entries: SortedMap<Stored>, now: () => number, close: () => void) {
    this.#entries = entries
    this.#now = now
    this.close = close
  }

  async get(key: string, as: 'text' | 'bytes' | 'stream'): Promise<KvEntry | null> {
    const stored = this.#entries.get(key)
    if (stored === undefined) return null
    if (this.#expired(stored)) {
      this.#entries.delete(key)
      return null
    }
    const { value, metadata, expiration } = stored
    if (as === 'text') return { value: typeof value === 'string' ? value : utf8Text(value), metadata, expiration }
    // A copy: what the caller does with the bytes must not reach the store.
    return { value: typeof value === 'string' ? utf8(value) : value.slice(), metadata, expiration }
  }

  async put(
    key: string,
    value: string | Uint8Array<ArrayBuffer>,
    { metadata, expiration }: { metadata?: string | undefined; expiration?: number | undefined },
  ): Promise<void> {
    this.#entries.set(key, { value: typeof value === 'string' ? value : value.slice(), metadata, expiration })
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
    if (after !== undefined && !after.startsWith(prefix)) throw new UnmoorError('InvalidArgument', 'The cursor belongs to a list with another prefix.')
    const keys: KvListEntry[] = []
    for (const [name, stored] of this.#entries.from(after ?? prefix, after === undefined)) {
      if (!name.startsWith(prefix)) break
      if (this.#expired(stored)) continue
      if (keys.length === limit) return { keys, cursor: encodeCursor(CURSOR, keys[limit - 1]?.name ?? '') }
      keys.push({ name, metadata: stored.metadata, expiration: stored.expiration })
    }
    return { keys }
  }

  #expired({ expiration }: Stored): boolean {
    return expiration !== undefined && expiration * 1000 <= this.#now()
  }
}
