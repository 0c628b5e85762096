import { utf8, utf8Text } from '../../bindings/bytes.ts'
import type { KvDriver, KvEntry, KvListEntry } from '../../bindings/drivers.ts'
import type { Random } from './random.ts'

/**
 * Minimum milliseconds for which a KV read in a strict build may miss a write. On Workers KV it is up to a
 * minute; here it is short enough for a person to wait.
 */
const STALE_FROM = 1000
const STALE_TO = 3000

/** The old state of a KV key that readers in a strict build still see. */
interface Shadow {
  /** Old KV entry; null if readers still see that there is no such key: KV caches negative answers too. */
  entry: KvEntry | null
  until: number
}

/**
 * Wraps a kv driver for strict builds so that reads and lists miss a write for one to three seconds, as at
 * another location of Workers KV.
 */
export function staleKv(driver: KvDriver, random: Random, now: () => number): KvDriver {
  const shadows = new Map<string, Shadow>()

  /** Returns the old state of the KV key that readers still see; undefined if they see the current one. */
  const shadow = (key: string): Shadow | undefined => {
    const found = shadows.get(key)
    if (found === undefined) return undefined
    if (now() >= found.until) {
      shadows.delete(key)
      return undefined
    }
    const { entry } = found
    return entry?.expiration !== undefined && entry.expiration * 1000 <= now()
      ? { entry: null, until: found.until }
      : found
  }
  /**
   * Records the state of a KV key that readers see now. While readers still see an old state, a further write
   * changes nothing for them.
   */
  const cast = async (key: string, write: () => Promise<void>): Promise<void> => {
    const before =
      shadow(key) === undefined ? await driver.get(key, 'bytes', { expiration: true }) : undefined
    await write()
    if (before !== undefined)
      shadows.set(key, { entry: before, until: now() + STALE_FROM + random() * (STALE_TO - STALE_FROM) })
  }

  return {
    async get(key, as, wanted) {
      const seen = shadow(key)
      if (seen === undefined) return driver.get(key, as, wanted)
      return seen.entry === null ? null : readAs(seen.entry, as)
    },
    async getMany(keys, as) {
      const found = new Map<string, KvEntry>()
      await Promise.all(
        keys.map(async (key) => {
          const entry = await this.get(key, as, { expiration: true })
          if (entry !== null) found.set(key, entry)
        }),
      )
      return found
    },
    put: (key, value, options) => cast(key, () => driver.put(key, value, options)),
    delete: (key) => cast(key, () => driver.delete(key)),
    async list(options) {
      const page = await driver.list(options)
      // A deleted KV key disappears from the list at once. The contract allows that: it says what a reader
      // may miss, not what it must miss.
      const keys = page.keys.flatMap((one): KvListEntry[] => {
        const seen = shadow(one.name)
        if (seen === undefined) return [one]
        return seen.entry === null
          ? []
          : [{ name: one.name, metadata: seen.entry.metadata, expiration: seen.entry.expiration }]
      })
      return { ...page, keys }
    },
    close: () => driver.close?.(),
  }
}

function readAs(entry: KvEntry, as: 'text' | 'bytes' | 'stream'): KvEntry {
  // The old KV entry was read from the driver as bytes, whatever type the reader wants.
  const bytes = typeof entry.value === 'string' ? utf8(entry.value) : (entry.value as Uint8Array<ArrayBuffer>)
  return { ...entry, value: as === 'text' ? utf8Text(bytes) : bytes.slice() }
}
