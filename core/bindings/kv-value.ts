import { invalidArgument, limitExceeded } from '../errors.ts'
import { KV_LIMITS } from '../limits.ts'
import { isStream, readAll, streamOf, utf8, utf8Length, utf8Text, viewBytes } from './bytes.ts'
import type { KvEntry } from './drivers.ts'
import { checkText } from './keys.ts'
import type { Where } from './operation.ts'

/** The form in which a KV value is read. */
export type KvType = 'text' | 'json' | 'arrayBuffer' | 'stream'

/** Options of a KV put. */
export interface KvPutOptions {
  /** Seconds until the KV entry expires, at least 60. Default: never. */
  ttl?: number
  /**
   * Expiration of the KV entry in seconds since 1970, at least 60 s from now. Not together with `ttl`.
   * Default: never.
   */
  expiration?: number
  /** Metadata of the KV entry: any JSON value, at most 1,024 bytes of JSON. Default: none. */
  metadata?: unknown
}

/** Returns the time when a KV entry expires, in seconds since 1970; undefined if it does not. */
export function checkExpiration(options: KvPutOptions, nowMs: number, where: Where): number | undefined {
  const { ttl, expiration } = options
  if (ttl === undefined && expiration === undefined) return undefined
  const value = ttl ?? expiration
  if (
    (ttl !== undefined && expiration !== undefined) ||
    typeof value !== 'number' ||
    !Number.isInteger(value)
  )
    throw invalidArgument(
      where,
      `${where.binding}.${where.operation}: give ttl or expiration, not both, in whole seconds.`,
    )
  const now = Math.floor(nowMs / 1000)
  const seconds = ttl ?? value - now
  const min = KV_LIMITS['kv.ttl.min']
  if (seconds < min) {
    throw invalidArgument(
      where,
      `${where.binding}.${where.operation}: it would expire in ${seconds} s; ${min} s is the portable ` +
        'minimum.',
    )
  }
  const expires = ttl === undefined ? value : now + ttl
  if (expires > KV_LIMITS['kv.expiration'])
    throw limitExceeded(where, 'kv.expiration', expires, KV_LIMITS['kv.expiration'])
  return expires
}

const READ_AS: Readonly<Record<KvType, 'text' | 'bytes' | 'stream'>> = {
  text: 'text',
  json: 'text',
  arrayBuffer: 'bytes',
  stream: 'stream',
}

/** Returns the form in which a driver reads a KV value that the app wants as `type`. */
export function readAs(type: KvType, where: Where): 'text' | 'bytes' | 'stream' {
  const as = READ_AS[type]
  if (as === undefined)
    throw invalidArgument(
      where,
      `${where.binding}.${where.operation}: type "${String(type)}" is not text, json, arrayBuffer or stream.`,
    )
  return as
}

/** Converts a stored KV value to the type that the reader asked for. */
export async function decodeValue(entry: KvEntry, type: KvType, where: Where, key: string): Promise<unknown> {
  const { value } = entry
  switch (type) {
    case 'text':
      return typeof value === 'string' ? value : utf8Text(await valueBytes(value, where))
    case 'json': {
      const text = typeof value === 'string' ? value : utf8Text(await valueBytes(value, where))
      try {
        return JSON.parse(text)
      } catch (error) {
        throw invalidArgument(
          where,
          `${where.binding}.${where.operation}: the value of ${JSON.stringify(key)} is not JSON.`,
          error,
        )
      }
    }
    case 'arrayBuffer': {
      const bytes = typeof value === 'string' ? utf8(value) : await valueBytes(value, where)
      return bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer
    }
    case 'stream':
      return isStream(value) ? value : streamOf(typeof value === 'string' ? utf8(value) : value)
  }
}

async function valueBytes(
  value: Exclude<KvEntry['value'], string>,
  where: Where,
): Promise<Uint8Array<ArrayBuffer>> {
  return isStream(value) ? readAll(value, where, 'kv.value', Infinity) : value
}

/**
 * Returns text in the form stored in a KV. @throws `LimitExceeded` if the text is larger than a value may be.
 */
export function encodeText(value: string, where: Where): string {
  const max = KV_LIMITS['kv.value']
  checkText(value, where, 'value')
  if (value.length * 3 > max) {
    const size = utf8Length(value)
    if (size > max) throw limitExceeded(where, 'kv.value', size, max)
  }
  return value
}

/** Returns a KV value in its stored form: text or bytes. */
export async function encodeValue(value: unknown, where: Where): Promise<string | Uint8Array<ArrayBuffer>> {
  const max = KV_LIMITS['kv.value']
  if (typeof value === 'string') return encodeText(value, where)
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
    if (value.byteLength > max) throw limitExceeded(where, 'kv.value', value.byteLength, max)
    return viewBytes(value)
  }
  if (isStream(value)) return readAll(value, where, 'kv.value', max)
  throw invalidArgument(
    where,
    `${where.binding}.${where.operation}: a value is a string, an ArrayBuffer, a view of one or a ` +
      `ReadableStream, not ${value === null ? 'null' : typeof value}. Use JSON.stringify for objects.`,
  )
}

/** Returns the metadata of a KV put as JSON text; undefined if there is none. */
export function encodeMetadata(options: KvPutOptions, where: Where): string | undefined {
  if (options.metadata === undefined) return undefined
  let text: string | undefined
  let cause: unknown
  try {
    text = JSON.stringify(options.metadata)
  } catch (error) {
    cause = error
  }
  if (text === undefined)
    throw invalidArgument(where, `${where.binding}.${where.operation}: the metadata is not JSON.`, cause)
  checkText(text, where, 'metadata')
  const size = utf8Length(text)
  if (size > KV_LIMITS['kv.metadata'])
    throw limitExceeded(where, 'kv.metadata', size, KV_LIMITS['kv.metadata'])
  return text
}
