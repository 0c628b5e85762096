/** Description of a cryptographic key that the engine holds under `id`. */
export interface KeyRecord {
  id: number
  type: string
  extractable: boolean
  algorithm: object
  usages: readonly string[]
}

const INTERNAL = Symbol('internal')

/** Creates the CryptoKey for a cryptographic key of the engine. Assigned inside the class CryptoKey. */
export let createKey: (record: KeyRecord) => CryptoKey
/** Returns the engine's id of a CryptoKey. */
export let keyId: (key: CryptoKey) => number
/** Creates a second CryptoKey for the same key of the engine. */
export let copyKey: (key: CryptoKey) => CryptoKey

export class CryptoKey {
  #record: KeyRecord
  #algorithm: object
  #usages: string[]

  constructor(key?: unknown, record?: KeyRecord) {
    if (key !== INTERNAL || record === undefined) throw new TypeError('Illegal constructor')
    this.#record = record
    this.#algorithm = record.algorithm
    this.#usages = [...record.usages]
  }
  get type(): string {
    return this.#record.type
  }
  get extractable(): boolean {
    return this.#record.extractable
  }
  get algorithm(): object {
    return this.#algorithm
  }
  get usages(): string[] {
    return this.#usages
  }

  static {
    createKey = (record) => new CryptoKey(INTERNAL, record)
    keyId = (key) => key.#record.id
    copyKey = (key) => new CryptoKey(INTERNAL, key.#record)
  }
}
