import { webcrypto } from 'node:crypto'
import { checkCost } from './limits.ts'

type SubtleCrypto = typeof webcrypto.subtle
type Method = (...args: unknown[]) => Promise<unknown>
type Key = webcrypto.CryptoKey

const METHODS: ReadonlySet<string> = new Set([
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
])

/**
 * Web Crypto keys of one isolate. The guest names a key by number and never has its material unless it
 * exports the key.
 */
export class KeyTable {
  #keys = new Map<number, Key>()
  #nextKey = 1

  /** Runs a method of SubtleCrypto for the isolate's code. Rejects with the error of node's own method. */
  async call(method: unknown, args: unknown): Promise<unknown> {
    if (typeof method !== 'string' || !METHODS.has(method) || !Array.isArray(args))
      throw new TypeError(`There is no SubtleCrypto.${String(method)}`)
    const subtle: SubtleCrypto = webcrypto.subtle
    const given = args.map((value) => this.#fromGuest(value, 0))
    checkCost(method, given)
    const result = await (subtle[method as keyof SubtleCrypto] as Method).apply(subtle, given)
    return this.#toGuest(result)
  }

  release(id: unknown): void {
    this.#keys.delete(id as number)
  }

  #fromGuest(value: unknown, depth: number): unknown {
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array || depth > 4) return value
    if (Array.isArray(value)) return value.map((item) => this.#fromGuest(item, depth + 1))
    if (Object.hasOwn(value, 'unmoorKey')) {
      const key = this.#keys.get((value as { unmoorKey: number }).unmoorKey)
      if (key === undefined) throw new TypeError('The CryptoKey is not known')
      return key
    }
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, this.#fromGuest(item, depth + 1)]),
    )
  }

  #toGuest(value: unknown): unknown {
    if (value instanceof CryptoKey) return { unmoorKey: this.#record(value) }
    if (value instanceof ArrayBuffer) return new Uint8Array(value)
    if (typeof value !== 'object' || value === null || !('privateKey' in value)) return value
    const pair = value as webcrypto.CryptoKeyPair
    return { unmoorPair: [this.#record(pair.publicKey), this.#record(pair.privateKey)] }
  }

  #record(key: Key): object {
    const id = this.#nextKey++
    this.#keys.set(id, key)
    return {
      id,
      type: key.type,
      extractable: key.extractable,
      algorithm: plain(key.algorithm),
      usages: [...key.usages],
    }
  }
}

// Copies a key's algorithm to plain data, because its members are getters of node's own objects.
function plain(value: object): object {
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      item instanceof Uint8Array || typeof item !== 'object' || item === null ? item : plain(item as object),
    ]),
  )
}
