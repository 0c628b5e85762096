import type { KvDriver, KvEntry } from '../../bindings/drivers.ts'
import { UnmoorError } from '../../errors.ts'
import { LIMITS } from '../../limits.ts'
import { utf8, utf8Length } from '../../bindings/bytes.ts'
import { isClaimKey } from './claim.ts'
import type { KvReader, KvRecord, KvWriter, Placed, Position } from './records.ts'

const PAGE = 500
/** Bytes of kv values that a transfer holds in memory at once, roughly. */
const HELD = 8 * 1024 * 1024

interface KvPosition {
  /** Cursor of the page of a kv list, as the driver returned it; absent for the first page. */
  cursor?: string | undefined
  /** Last key of a kv that its reader has delivered to the transfer. */
  after: string
}

/** Returns a reader of a kv for a data transfer, in key order and page by page. */
export function kvReader(driver: KvDriver, binding: string): KvReader {
  return {
    read: (from) => readKv(driver, from),
    async count() {
      let count = 0
      for await (const page of pages(driver)) {
        for (const { name, metadata, expiration } of page.keys) {
          if (expiration !== undefined && expiration > LIMITS['kv.expiration'])
            throw tooLarge(
              binding,
              name,
              `it expires ${expiration} seconds after 1970`,
              LIMITS['kv.expiration'],
            )
          const size = utf8Length(name)
          if (size > LIMITS['kv.key'] || !name.isWellFormed())
            throw tooLarge(binding, name, `its key has ${size} bytes`, LIMITS['kv.key'])
          if (metadata !== undefined && utf8Length(metadata) > LIMITS['kv.metadata'])
            throw tooLarge(
              binding,
              name,
              `its metadata has ${utf8Length(metadata)} bytes`,
              LIMITS['kv.metadata'],
            )
        }
        count += page.keys.length
      }
      return { count }
    },
  }
}

function tooLarge(binding: string, key: string, what: string, max: number): UnmoorError {
  return new UnmoorError(
    'LimitExceeded',
    `${binding}: the entry ${JSON.stringify(key)} fits no other store: ${what}, ${max} are the most. ` +
      'Shorten or remove it first.',
    { binding },
  )
}

async function* pages(
  driver: KvDriver,
  cursor?: string,
): AsyncGenerator<{ keys: Awaited<ReturnType<KvDriver['list']>>['keys']; cursor: string | undefined }> {
  let at = cursor
  do {
    const page = await driver.list({ prefix: '', limit: PAGE, ...(at === undefined ? {} : { cursor: at }) })
    yield { keys: page.keys.filter(({ name }) => !isClaimKey(name)), cursor: at }
    at = page.cursor
  } while (at !== undefined)
}

async function* readKv(driver: KvDriver, from: Position): AsyncGenerator<Placed<KvRecord>> {
  const start = from as KvPosition | undefined
  let most = 8
  for await (const { keys, cursor } of pages(driver, start?.cursor)) {
    const wanted =
      start === undefined || cursor !== start.cursor
        ? keys
        : keys.slice(keys.findIndex(({ name }) => name === start.after) + 1)
    for (let at = 0; at < wanted.length;) {
      const chunk = wanted.slice(at, at + most)
      at += chunk.length
      const values = await readValues(
        driver,
        chunk.map(({ name }) => name),
      )
      let bytes = 0
      for (const { name, metadata, expiration } of chunk) {
        const entry = values.get(name)
        // A listed kv entry that cannot be read was removed or has expired since, so the transfer skips it.
        if (entry === undefined) continue
        const value =
          typeof entry.value === 'string' ? utf8(entry.value) : (entry.value as Uint8Array<ArrayBuffer>)
        bytes += value.byteLength
        yield {
          record: { key: name, value, metadata, expiration },
          position: { cursor, after: name } satisfies KvPosition,
        }
      }
      // The number of kv values read at once adapts to their size: many small ones, few large ones.
      most = bytes > HELD ? Math.max(1, most >> 2) : bytes < HELD / 4 ? Math.min(100, most * 2) : most
    }
  }
}

async function readValues(driver: KvDriver, keys: string[]): Promise<Map<string, KvEntry>> {
  if (driver.getMany !== undefined) return driver.getMany(keys, 'bytes')
  const found = await Promise.all(keys.map((key) => driver.get(key, 'bytes')))
  return new Map(keys.flatMap((key, index) => (found[index] ? [[key, found[index]] as const] : [])))
}

/** Returns a writer of a kv for a data transfer, which writes entries with their absolute expiry. */
export function kvWriter(driver: KvDriver): KvWriter {
  return {
    isEmpty: async () =>
      (await driver.list({ prefix: '', limit: 100 })).keys.every(({ name }) => isClaimKey(name)),
    async write(records) {
      await Promise.all(
        records.map(({ key, value, metadata, expiration }) =>
          driver.put(key, value, { metadata, expiration }),
        ),
      )
    },
    async flush() {},
  }
}
