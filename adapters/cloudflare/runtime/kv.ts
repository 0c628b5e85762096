import type { DriverFactory, KvDriver, KvEntry } from '../../../core/bindings/drivers.ts'
import { isUnmoorError, UnmoorError } from '../../../core/errors.ts'
import { KV_LIMITS } from '../../../core/limits.ts'
import { unwrapCursor, wrapCursor } from './cursor.ts'
import type { NativeKv } from './native.ts'
import { nativeOf } from './native-of.ts'

/** Driver for kv bindings on Workers KV. */
export const kv: DriverFactory<'kv'> = (_options, context) =>
  new WorkersKv(nativeOf<NativeKv>(context, 'KV namespace'), () => context.now())

/**
 * Workers KV gets an expiration as an absolute time if it is at least this number of seconds away. A nearer
 * one is sent as a time to live.
 */
const TTL_SAFE = 62

class WorkersKv implements KvDriver {
  #kv: NativeKv
  #now: () => number

  constructor(native: NativeKv, now: () => number) {
    this.#kv = native
    this.#now = now
  }

  async get(
    key: string,
    as: 'text' | 'bytes' | 'stream',
    wanted?: { expiration?: boolean },
  ): Promise<KvEntry | null> {
    try {
      const [value, metadata, expiration] = await this.#read(key, as, wanted?.expiration ?? false)
      if (value === null) return null
      return { value, metadata: metadataText(metadata), expiration }
    } catch (error) {
      throw toError(error)
    }
  }

  async #read(
    key: string,
    as: 'text' | 'bytes' | 'stream',
    expiration: boolean,
  ): Promise<[KvEntry['value'] | null, unknown, number | undefined]> {
    // Workers KV reports an expiration in lists only. The first listed key with the prefix `key` is `key`
    // itself, if it exists.
    const listed = expiration ? this.#kv.list({ prefix: key, limit: 1 }) : undefined
    // A failed list call of KV is reported where it is awaited below; this handler only prevents an unhandled
    // rejection.
    listed?.catch(() => {})
    const found = await this.#kv.getWithMetadata(key, as === 'bytes' ? 'arrayBuffer' : as)
    const entry = (await listed)?.keys[0]
    const value = found.value instanceof ArrayBuffer ? new Uint8Array(found.value) : found.value
    return [value, found.metadata, entry?.name === key ? entry.expiration : undefined]
  }

  async getMany(keys: readonly string[], as: 'text' | 'bytes'): Promise<Map<string, KvEntry>> {
    const entries = new Map<string, KvEntry>()
    if (as === 'text' && keys.length > 0) {
      // Workers KV refuses a bulk read whose values are over 25 MB together; single reads follow then.
      const found = await this.#kv.getWithMetadata([...keys], 'text').catch(() => undefined)
      if (found !== undefined) {
        for (const [key, entry] of found)
          if (entry !== null && entry.value !== null)
            entries.set(key, { value: entry.value, metadata: metadataText(entry.metadata) })
        return entries
      }
    }
    const found = await Promise.all(keys.map((key) => this.get(key, as)))
    keys.forEach((key, index) => {
      const entry = found[index]
      if (entry) entries.set(key, entry)
    })
    return entries
  }

  async put(
    key: string,
    value: string | Uint8Array<ArrayBuffer>,
    options: { metadata?: string | undefined; expiration?: number | undefined },
  ): Promise<void> {
    try {
      await this.#kv.put(key, value, {
        ...this.#expiry(options.expiration),
        ...(options.metadata === undefined
          ? {}
          : { metadata: options.metadata === 'null' ? NULL : JSON.parse(options.metadata) }),
      })
    } catch (error) {
      throw toError(error)
    }
  }

  /**
   * Workers KV refuses an absolute expiration less than 60 s after the request reaches it, and one computed
   * for 60 s may be late by then. A time to live of 60 s is accepted, so near expirations are sent as a time
   * to live.
   */
  #expiry(expiration: number | undefined): { expiration?: number; expirationTtl?: number } {
    if (expiration === undefined) return {}
    const seconds = Math.ceil(expiration - this.#now() / 1000)
    return seconds < TTL_SAFE ? { expirationTtl: Math.max(KV_LIMITS['kv.ttl.min'], seconds) } : { expiration }
  }

  async delete(key: string): Promise<void> {
    try {
      await this.#kv.delete(key)
    } catch (error) {
      throw toError(error)
    }
  }

  async list(options: {
    prefix: string
    cursor?: string | undefined
    limit: number
  }): ReturnType<KvDriver['list']> {
    const { prefix, cursor, limit } = options
    try {
      const page = await this.#kv.list({
        prefix,
        limit,
        ...(cursor === undefined ? {} : { cursor: unwrapCursor('kv', cursor) }),
      })
      const keys = page.keys.map(({ name, expiration, metadata }) => ({
        name,
        expiration,
        metadata: metadataText(metadata),
      }))
      return page.list_complete || !page.cursor ? { keys } : { keys, cursor: wrapCursor('kv', page.cursor) }
    } catch (error) {
      throw toError(error)
    }
  }
}

/**
 * Stored in Workers KV in place of metadata `null`, because KV returns `null` for an entry without metadata.
 */
const NULL = '\0null'

function metadataText(metadata: unknown): string | undefined {
  if (metadata === NULL) return 'null'
  return metadata === null || metadata === undefined ? undefined : JSON.stringify(metadata)
}

/**
 * Converts an error of Workers KV, a text with a status (`KV PUT failed: 429 Too Many Requests`), to an
 * `UnmoorError`.
 */
function toError(error: unknown): UnmoorError {
  if (isUnmoorError(error)) return error
  const text = error instanceof Error ? error.message : String(error)
  const status = Number(/failed: (\d{3})/.exec(text)?.[1])
  const code = status === 429 ? 'Throttled' : status >= 500 ? 'Unavailable' : 'Internal'
  return new UnmoorError(code, `Workers KV: ${text}`, {
    cause: error,
    mayHaveApplied: status >= 500 && /PUT|DELETE/.test(text),
  })
}
