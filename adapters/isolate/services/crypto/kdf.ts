import * as crypto from 'node:crypto'
import { promisify } from 'node:util'
import { MAX_ROUNDS } from './limits.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** A key derivation that the code in an isolate asked for. */
export type Kdf =
  | { name: 'pbkdf2'; secret: Bytes; salt: Bytes; length: number; iterations: number; digest: string }
  | {
      name: 'scrypt'
      secret: Bytes
      salt: Bytes
      length: number
      options: { N: number; r: number; p: number; maxmem: number }
    }
  | { name: 'hkdf'; secret: Bytes; salt: Bytes; length: number; info: Bytes; digest: string }

/**
 * Most rounds of a hash in a synchronous key derivation, some 30 ms here: all tenants of the process wait for
 * it.
 */
const ROUNDS_NOW = 100_000
/**
 * Most `N * r * p` of scrypt: node's defaults in a synchronous call (`SCRYPT_NOW`), and 128 MB or about half
 * a second here in an asynchronous one (`SCRYPT_LATER`).
 */
const SCRYPT_NOW = 16_384 * 8
const SCRYPT_LATER = 131_072 * 8
/** Most bytes of a derived key. */
const MAX_LENGTH = 64 * 1024

/** Decodes a guest's description of a key derivation. @throws TypeError if it is malformed. */
export function toKdf([name, secret, salt, length, a, b]: readonly unknown[]): Kdf {
  if (!(secret instanceof Uint8Array) || !(salt instanceof Uint8Array) || typeof length !== 'number')
    throw new TypeError('The derivation is malformed')
  const shared = { secret: secret as Bytes, salt: salt as Bytes, length }
  if (name === 'pbkdf2') return { name, ...shared, iterations: Number(a), digest: String(b) }
  if (name === 'hkdf') return { name, ...shared, info: a as Bytes, digest: String(b) }
  if (name !== 'scrypt') throw new TypeError('The derivation is malformed')
  const { N, r, p, maxmem } = a as Record<string, unknown>
  return { name, ...shared, options: { N: Number(N), r: Number(r), p: Number(p), maxmem: Number(maxmem) } }
}

/** Refuses a key derivation that would take too long. @throws RangeError that names the limit. */
export function deriveCost(kdf: Kdf, when: 'now' | 'later'): void {
  const refuse = (what: string, limit: number): never => {
    const next = when === 'now' ? ': use the asynchronous function' : ''
    throw Object.assign(new RangeError(`${kdf.name} with ${what} is over the limit of ${limit}${next}.`), {
      code: 'ERR_OUT_OF_RANGE',
    })
  }
  if (kdf.length > MAX_LENGTH) refuse(`a key of ${kdf.length} bytes`, MAX_LENGTH)
  if (kdf.name === 'pbkdf2') {
    // PBKDF2 repeats its iterations for each block of the derived key. A block counts as 48 bytes for digests
    // with 384 or 512 in their name, and as 20 bytes for all others.
    const rounds =
      kdf.iterations * Math.max(1, Math.ceil(kdf.length / (/512|384/.test(kdf.digest) ? 48 : 20)))
    const limit = when === 'now' ? ROUNDS_NOW : MAX_ROUNDS
    if (rounds > limit) refuse(`${rounds} rounds`, limit)
  } else if (kdf.name === 'scrypt') {
    const { N, r, p } = kdf.options
    const limit = when === 'now' ? SCRYPT_NOW : SCRYPT_LATER
    if (N * r * p > limit) refuse(`N * r * p of ${N * r * p}`, limit)
  }
}

const pbkdf2 = promisify(crypto.pbkdf2)
const scrypt = promisify<Bytes, Bytes, number, crypto.ScryptOptions, Buffer>(crypto.scrypt)
const hkdf = promisify(crypto.hkdf)

/** Derives a key on libuv's threads. */
export async function deriveLater(data: readonly unknown[]): Promise<Bytes> {
  const kdf = toKdf(data)
  deriveCost(kdf, 'later')
  if (kdf.name === 'pbkdf2')
    return new Uint8Array(await pbkdf2(kdf.secret, kdf.salt, kdf.iterations, kdf.length, kdf.digest))
  if (kdf.name === 'scrypt')
    return new Uint8Array(await scrypt(kdf.secret, kdf.salt, kdf.length, kdf.options))
  return new Uint8Array(await hkdf(kdf.digest, kdf.secret, kdf.salt, kdf.info, kdf.length))
}
