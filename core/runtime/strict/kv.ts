import { utf8, utf8Text } from '../../bindings/bytes.ts'
import type { KvDriver, KvEntry, KvListEntry } from '../../bindings/drivers.ts'
import type { Random } from './random.ts'

/** Milliseconds that a read may miss a write. Workers KV: up to a minute; here as short as a person waits. */
const STALE_FROM = 1000
const STALE_TO = 3000

/** What readers still see of a key. */
interface Shadow {
  /** Null: that there is no such key; negative answers are cached too. */
  entry: KvEntry | null
  until: number
}

/** A kv whose reads and lists miss a write for one to three seconds, as at another location of Workers KV. */
export function staleKv(driver: KvDriver, random: Random, now: () => number): KvDriver {
  const shadows = new Map<string, Shadow>()

  /** What is still seen in place of the key; undefined where the truth is. */
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
  /** Keeps what readers see now; while they see something old, a further write changes nothing for them. */
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
      // A deleted key is gone from the list at once: that is within the contract, which says what may be
      // missed, not what must.
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
  // The driver was asked for bytes.
  const bytes = typeof entry.value === 'string' ? utf8(entry.value) : (entry.value as Uint8Array<ArrayBuffer>)
  return { ...entry, value: as === 'text' ? utf8Text(bytes) : bytes.slice() }
}
