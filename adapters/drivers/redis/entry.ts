import { randomFillSync } from 'node:crypto'
import type { KvEntry } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'

/**
 * The form of a kv entry stored in Redis: one string, so that a get is a plain GET.
 *
 *     1 format | 16 version | 8 expiration, seconds, big-endian double, 0: none
 *       | 2 length of metadata + 1, 0: none | metadata | value
 *
 * The version is random, not counted, because a server that lost its last writes must not reuse a number.
 */
export const HEAD = 27
export const VERSION_AT = 1
export const VERSION_LENGTH = 16
const EXPIRATION_AT = 17
const METADATA_AT = 25
const FORMAT = 1

const pool = Buffer.allocUnsafe(VERSION_LENGTH * 256)
let used = pool.length

/** Packs a kv entry into the form stored in Redis. */
export function packEntry(
  value: string | Uint8Array,
  { metadata, expiration }: { metadata?: string | undefined; expiration?: number | undefined },
): Buffer {
  const size = metadata === undefined ? 0 : Buffer.byteLength(metadata)
  const length = typeof value === 'string' ? Buffer.byteLength(value) : value.byteLength
  const packed = Buffer.allocUnsafe(HEAD + size + length)
  packed[0] = FORMAT
  // Random bytes for the versions of kv entries in Redis are fetched in bulk, because each fetch costs a
  // system call.
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  pool.copy(packed, VERSION_AT, used, (used += VERSION_LENGTH))
  packed.writeDoubleBE(expiration ?? 0, EXPIRATION_AT)
  packed.writeUInt16BE(metadata === undefined ? 0 : size + 1, METADATA_AT)
  if (metadata !== undefined) packed.write(metadata, HEAD)
  if (typeof value === 'string') packed.write(value, HEAD + size)
  else packed.set(value, HEAD + size)
  return packed
}

/** Reads metadata and expiration from a kv entry's form in Redis, of which `packed` is at least the start. */
export function unpackHead(packed: Buffer): {
  metadata: string | undefined
  expiration: number | undefined
  valueAt: number
} {
  if (packed[0] !== FORMAT || packed.length < HEAD)
    throw new UnmoorError(
      'Internal',
      'The entry was not written by this driver, or by a later version of it.',
    )
  const expiration = packed.readDoubleBE(EXPIRATION_AT)
  const size = packed.readUInt16BE(METADATA_AT)
  const valueAt = HEAD + Math.max(0, size - 1)
  return {
    metadata: size === 0 ? undefined : packed.toString('utf8', HEAD, valueAt),
    expiration: expiration === 0 ? undefined : expiration,
    valueAt,
  }
}

/** Reads a kv entry from the form stored in Redis; null if it has expired. */
export function unpackEntry(
  packed: Buffer,
  as: 'text' | 'bytes' | 'stream',
  now: number,
): (KvEntry & { value: string | Uint8Array<ArrayBuffer> }) | null {
  const { metadata, expiration, valueAt } = unpackHead(packed)
  if (expiration !== undefined && expiration * 1000 <= now) return null
  // A kv value that Redis returned is copied, because the client's buffers hold other answers too.
  return {
    value: as === 'text' ? packed.toString('utf8', valueAt) : new Uint8Array(packed.subarray(valueAt)),
    metadata,
    expiration,
  }
}

/** Version of a kv entry stored in Redis, in hex. */
export function versionOf(packed: Buffer): string {
  return packed.toString('hex', VERSION_AT, VERSION_AT + VERSION_LENGTH)
}

/** Converts a kv entry's version to its form in Redis; undefined for text that cannot be a version. */
export function parseVersion(version: string): Buffer | undefined {
  return /^[0-9a-f]{32}$/.test(version) ? Buffer.from(version, 'hex') : undefined
}
