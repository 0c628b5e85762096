import { callSync } from './bridge/bridge.ts'

/** Number of random bytes fetched from the engine in one call, because a call costs more than the bytes. */
const PORTION = 1024
let pool = new Uint8Array(0)
let at = 0

/** Returns `length` random bytes, which come from the engine. */
export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  if (length > PORTION) return callSync('random', length) as Uint8Array<ArrayBuffer>
  if (at + length > pool.length) {
    pool = callSync('random', PORTION) as Uint8Array<ArrayBuffer>
    at = 0
  }
  const bytes = pool.slice(at, at + length)
  // Random bytes that were handed out are erased, so that no later read can find them.
  pool.fill(0, at, at + length)
  at += length
  return bytes
}

/** Returns a random UUID (version 4). */
export function randomUuid(): string {
  const bytes = randomBytes(16)
  bytes[6] = ((bytes[6] as number) & 15) | 64
  bytes[8] = ((bytes[8] as number) & 63) | 128
  const hex = bytes.toHex()
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** Returns `length` random bytes as hexadecimal text. */
export function randomHex(length: number): string {
  return randomBytes(length).toHex()
}
