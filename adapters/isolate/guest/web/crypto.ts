import { post, request } from './bridge/bridge.ts'
import { isBufferSource, viewOf } from './convert.ts'
import { createKey, CryptoKey, keyId, type KeyRecord } from './crypto-key.ts'
import { DOMException } from './dom-exception.ts'
import { randomBytes, randomUuid } from './random.ts'

export { CryptoKey }

const INTERNAL = Symbol('internal')
const INTEGERS = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
] as const

/** SubtleCrypto: the engine computes and holds the keys, which the guest names by number. */
// oxlint-disable-next-line typescript/no-extraneous-class -- its methods are made below, one like the other
export class SubtleCrypto {
  constructor(key?: unknown) {
    if (key !== INTERNAL) throw new TypeError('Illegal constructor')
  }
}

const METHODS = [
  'encrypt',
  'decrypt',
  'sign',
  'verify',
  'digest',
  'generateKey',
  'deriveKey',
  'deriveBits',
  'importKey',
  'exportKey',
  'wrapKey',
  'unwrapKey',
] as const
const LENGTHS: Readonly<Record<(typeof METHODS)[number], number>> = {
  encrypt: 3,
  decrypt: 3,
  sign: 3,
  verify: 4,
  digest: 2,
  generateKey: 3,
  deriveKey: 5,
  deriveBits: 2,
  importKey: 5,
  exportKey: 2,
  wrapKey: 4,
  unwrapKey: 7,
}

for (const method of METHODS) {
  // Each method of SubtleCrypto takes its name from a key of an object literal, and is async so that invalid
  // arguments reject its promise.
  const call = {
    async [method](this: unknown, ...args: unknown[]): Promise<unknown> {
      if (!(this instanceof SubtleCrypto)) throw new TypeError('Illegal invocation')
      if (args.length < LENGTHS[method])
        throw new TypeError(
          `SubtleCrypto.${method}: ${LENGTHS[method]} arguments required, but only ${args.length} present.`,
        )
      return fromHost(
        await request(
          'subtle',
          method,
          args.map((value) => toHost(value, 0)),
        ),
      )
    },
  }[method]
  Object.defineProperty(call, 'length', { value: LENGTHS[method], configurable: true })
  Object.defineProperty(SubtleCrypto.prototype, method, {
    value: call,
    writable: true,
    configurable: true,
    enumerable: true,
  })
}

/** Deepest nesting of an argument of SubtleCrypto; JWKs and algorithms are two or three levels deep. */
const MAX_DEPTH = 8

// Converts an argument of SubtleCrypto to plain data. A CryptoKey becomes its number, also inside an
// algorithm (`public` of ECDH).
function toHost(value: unknown, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new TypeError('The algorithm or key data is nested too deep')
  if (value instanceof CryptoKey) return { unmoorKey: keyId(value) }
  if (isBufferSource(value)) return viewOf(value).slice()
  if (Array.isArray(value)) return value.map((item) => toHost(item, depth + 1))
  if (typeof value !== 'object' || value === null)
    return typeof value === 'function' || typeof value === 'symbol' ? String(value) : value
  const copy: Record<string, unknown> = {}
  for (const name in value) copy[name] = toHost((value as Record<string, unknown>)[name], depth + 1)
  return copy
}

// The engine's copy of a CryptoKey is released when the last guest object that names it is collected.
const abandoned = new FinalizationRegistry<number>((id) => post('keyRelease', id))

function fromHost(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if ('unmoorKey' in value) return toKey(value.unmoorKey as KeyRecord)
  if ('unmoorPair' in value) {
    const [publicKey, privateKey] = value.unmoorPair as [KeyRecord, KeyRecord]
    return { publicKey: toKey(publicKey), privateKey: toKey(privateKey) }
  }
  return value instanceof Uint8Array ? value.buffer : value
}

function toKey(record: KeyRecord): CryptoKey {
  const key = createKey(record)
  abandoned.register(record, record.id)
  return key
}

export class Crypto {
  #subtle = new SubtleCrypto(INTERNAL)

  constructor(key?: unknown) {
    if (key !== INTERNAL) throw new TypeError('Illegal constructor')
  }
  get subtle(): SubtleCrypto {
    return this.#subtle
  }
  getRandomValues<T extends ArrayBufferView>(array: T): T {
    this.#brand()
    if (arguments.length === 0) throw new TypeError('getRandomValues takes an integer typed array')
    if (!INTEGERS.some((Class) => array instanceof Class))
      throw new DOMException('getRandomValues takes an integer typed array', 'TypeMismatchError')
    if (array.byteLength > 65_536)
      throw new DOMException(
        `${array.byteLength} random bytes are over the limit of 65,536 in one call`,
        'QuotaExceededError',
      )
    viewOf(array).set(randomBytes(array.byteLength))
    return array
  }
  randomUUID(): string {
    this.#brand()
    return randomUuid()
  }

  #brand(): void {
    if (!(#subtle in this)) throw new TypeError('Illegal invocation')
  }
}

/** The global `crypto`. */
export const crypto = new Crypto(INTERNAL)
