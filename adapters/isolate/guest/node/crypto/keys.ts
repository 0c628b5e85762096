import { call, callLater, codedError, dropWith, toBytes, toCallback, toOutput, type Bytes } from './host.ts'

interface KeyRecord {
  id: number
  type: string
  asymmetricKeyType: string | undefined
  asymmetricKeyDetails: object | undefined
}

const INTERNAL = Symbol('internal')

/** Returns the engine's id of a public or private key. Assigned inside the class KeyObject. */
let idOf: (key: KeyObject) => number
let bytesOf: (key: KeyObject) => Bytes | undefined

/**
 * A key of `node:crypto`. The bytes of a secret key are in the guest; public and private keys stay in the
 * engine.
 */
export class KeyObject {
  #record: KeyRecord | undefined
  #secret: Bytes | undefined

  constructor(key: unknown, record: KeyRecord | undefined, secret: Bytes | undefined) {
    if (key !== INTERNAL)
      throw codedError(
        TypeError,
        'ERR_INVALID_ARG_VALUE',
        'KeyObjects are made by createSecretKey, createPublicKey and createPrivateKey',
      )
    this.#record = record
    this.#secret = secret
    if (record !== undefined) dropWith(this, record.id)
  }
  get type(): string {
    return this.#record?.type ?? 'secret'
  }
  get asymmetricKeyType(): string | undefined {
    return this.#record?.asymmetricKeyType
  }
  get asymmetricKeyDetails(): object | undefined {
    return this.#record?.asymmetricKeyDetails
  }
  get symmetricKeySize(): number | undefined {
    return this.#secret?.byteLength
  }
  export(options: { format?: string; [name: string]: unknown } = {}): unknown {
    if (this.#secret === undefined) {
      const exported = call<unknown>('keyExport', (this.#record as KeyRecord).id, { ...options })
      return exported instanceof Uint8Array ? toOutput(exported) : exported
    }
    return options.format === 'jwk'
      ? { kty: 'oct', k: toOutput(this.#secret, 'base64url') }
      : toOutput(this.#secret.slice())
  }
  equals(other: KeyObject): boolean {
    if (this.#secret !== undefined)
      return other.#secret !== undefined && this.#secret.toHex() === other.#secret.toHex()
    return (
      other.#record !== undefined &&
      call<boolean>('keyEquals', (this.#record as KeyRecord).id, other.#record.id)
    )
  }
  get [Symbol.toStringTag](): string {
    return 'KeyObject'
  }

  static {
    idOf = (key) => {
      if (key.#record === undefined)
        throw codedError(TypeError, 'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE', 'Invalid key object type secret.')
      return key.#record.id
    }
    bytesOf = (key) => key.#secret
  }
}

const fromRecord = (record: KeyRecord): KeyObject => new KeyObject(INTERNAL, record, undefined)

/** Returns the bytes of a secret key: those of a KeyObject, or the data itself. */
export function secretBytes(key: unknown): Bytes {
  if (!(key instanceof KeyObject)) return toBytes(key, undefined, 'key')
  const bytes = bytesOf(key)
  if (bytes === undefined)
    throw codedError(
      TypeError,
      'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE',
      `Invalid key object type ${key.type}, expected secret.`,
    )
  return bytes
}

export function createSecretKey(key: unknown, encoding?: string): KeyObject {
  return new KeyObject(INTERNAL, undefined, toBytes(key, encoding, 'key').slice())
}

/**
 * A key as callers of `node:crypto` pass it: a KeyObject, PEM, DER or a JWK, alone or in an options object.
 */
interface KeyInput {
  key: unknown
  format?: string
  type?: string
  encoding?: string
  passphrase?: unknown
}

function toInput(given: unknown): KeyInput {
  const isPlain =
    typeof given === 'object' &&
    given !== null &&
    !ArrayBuffer.isView(given) &&
    !(given instanceof ArrayBuffer) &&
    !(given instanceof KeyObject)
  return isPlain ? (given as KeyInput) : { key: given }
}

function createKey(kind: 'private' | 'public', given: unknown): KeyObject {
  const { key, format, type, encoding, passphrase } = toInput(given)
  if (passphrase !== undefined)
    throw codedError(
      Error,
      'ERR_FEATURE_UNAVAILABLE',
      'Keys under a passphrase cannot be read here: decrypt the key first.',
    )
  if (key instanceof KeyObject) {
    if (kind === 'public' && key.type === 'private')
      return fromRecord(call<KeyRecord>('keyPublic', idOf(key)))
    if (key.type === kind) return key
    throw codedError(
      TypeError,
      'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE',
      `Invalid key object type ${key.type}, expected ${kind}.`,
    )
  }
  const data =
    format === 'jwk' || (typeof key === 'string' && encoding === undefined)
      ? key
      : toBytes(key, encoding, 'key')
  return fromRecord(call<KeyRecord>('key', kind, data, format, type))
}

export function createPublicKey(key: unknown): KeyObject {
  return createKey('public', key)
}
export function createPrivateKey(key: unknown): KeyObject {
  return createKey('private', key)
}

/** Returns the engine's id of a key for an operation, and the options given with the key. */
export function keyFor(
  kind: 'private' | 'public',
  given: unknown,
): { id: number; options: object; key: KeyObject } {
  const input = toInput(given)
  const {
    key: _key,
    format: _format,
    type: _type,
    encoding: _encoding,
    passphrase: _passphrase,
    ...options
  } = input
  const isReady =
    input.key instanceof KeyObject &&
    (input.key.type === kind || (kind === 'public' && input.key.type === 'private'))
  const key = isReady ? (input.key as KeyObject) : createKey(kind, given)
  return { id: idOf(key), options, key }
}

interface PairOptions {
  publicKeyEncoding?: { format: string; type: string }
  privateKeyEncoding?: { format: string; type: string }
  [name: string]: unknown
}
type Pair = [publicKey: unknown, privateKey: unknown]

function encode([publicKey, privateKey]: [KeyObject, KeyObject], options: PairOptions): Pair {
  const { publicKeyEncoding, privateKeyEncoding } = options
  return [
    publicKeyEncoding === undefined ? publicKey : publicKey.export(publicKeyEncoding),
    privateKeyEncoding === undefined ? privateKey : privateKey.export(privateKeyEncoding),
  ]
}

function plainOptions({
  publicKeyEncoding: _public,
  privateKeyEncoding: _private,
  ...options
}: PairOptions): object {
  return options
}

/** Generates a key pair synchronously. RSA key pairs take too long for that, so RSA throws. */
export function generateKeyPairSync(
  type: string,
  options: PairOptions = {},
): { publicKey: unknown; privateKey: unknown } {
  const [first, second] = call<[KeyRecord, KeyRecord]>('keyPair', type, plainOptions(options))
  const [publicKey, privateKey] = encode([fromRecord(first), fromRecord(second)], options)
  return { publicKey, privateKey }
}

export function generateKeyPair(type: string, options: PairOptions, done: unknown): void {
  const make = async (): Promise<Pair> => {
    const [spki, pkcs8] = await callLater<[Bytes, Bytes]>('keyPair', type, plainOptions(options))
    return encode(
      [
        createPublicKey({ key: spki, format: 'der', type: 'spki' }),
        createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }),
      ],
      options,
    )
  }
  toCallback(make(), done, true)
}
// `util.promisify(generateKeyPair)` returns a function that resolves with `{ publicKey, privateKey }`.
Object.defineProperty(generateKeyPair, Symbol.for('nodejs.util.promisify.custom'), {
  value: (type: string, options: PairOptions) =>
    new Promise((resolve, reject) => {
      generateKeyPair(type, options, (error: unknown, publicKey: unknown, privateKey: unknown) =>
        error === null ? resolve({ publicKey, privateKey }) : reject(error),
      )
    }),
})
