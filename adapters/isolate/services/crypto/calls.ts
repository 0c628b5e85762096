import * as crypto from 'node:crypto'
import { deriveCost, toKdf } from './kdf.ts'
import { agree, generateNow, readKey, toSigner } from './keys.ts'

/** Most hashes, ciphers and keys that one isolate may hold open. */
const MAX_OPEN = 1000
/** Most bytes of a hash's digest whose length is up to the caller (SHAKE). */
const MAX_DIGEST = 64 * 1024

type Bytes = Uint8Array<ArrayBuffer>
type Open = crypto.Hash | crypto.Hmac | crypto.Cipheriv | crypto.Decipheriv | crypto.KeyObject
type GcmCipher = crypto.CipherGCM & crypto.DecipherGCM
type Run = (...data: never[]) => unknown

/** Encodes an error of node:crypto without its stack; the guest makes an Error of it again. */
export function cryptoError(error: unknown): { error: { name: string; message: string; code?: unknown } } {
  const { name, message, code } = error as Error & { code?: unknown }
  return {
    error: { name: String(name), message: String(message), ...(typeof code === 'string' ? { code } : {}) },
  }
}

/**
 * Answers the synchronous calls of `guest/node/crypto`, for one isolate. Arguments are data that a tenant may
 * have made up: node's own functions check them. Returns bytes, text, numbers or booleans as they are, other
 * values as `{ value }`, and `{ error }` in place of throwing.
 */
export class CryptoCalls {
  #open = new Map<unknown, Open>()
  #nextId = 1

  call(operation: string, data: readonly unknown[]): unknown {
    try {
      if (!Object.hasOwn(this.#operations, operation)) throw new TypeError(`There is no call "${operation}"`)
      const run = this.#operations[operation] as Run
      return plain(run(...(data as never[])))
    } catch (error) {
      return cryptoError(error)
    }
  }

  #keep(open: Open): number {
    if (this.#open.size >= MAX_OPEN)
      throw new RangeError(`More than ${MAX_OPEN} hashes, ciphers and keys are open.`)
    this.#open.set(this.#nextId, open)
    return this.#nextId++
  }

  #find<T extends Open>(id: unknown): T {
    const open = this.#open.get(id)
    if (open === undefined) throw new TypeError('The hash, cipher or key is not open any more.')
    return open as T
  }

  #take<T extends Open>(id: unknown): T {
    const open = this.#find<T>(id)
    this.#open.delete(id)
    return open
  }

  #describeKey(key: crypto.KeyObject): object {
    const { type, asymmetricKeyType, asymmetricKeyDetails } = key
    return { id: this.#keep(key), type, asymmetricKeyType, asymmetricKeyDetails }
  }

  readonly #operations: Readonly<Record<string, Run>> = {
    drop: (id: number) => this.#open.delete(id),
    list: (what: string) =>
      what === 'hashes' ? crypto.getHashes() : what === 'curves' ? crypto.getCurves() : crypto.getCiphers(),

    hash: (algorithm: string, key: Bytes | null, outputLength: number | undefined, bytes: Bytes) =>
      createHash(algorithm, key, outputLength).update(bytes).digest(),
    hashOpen: (algorithm: string, key: Bytes | null, outputLength: number | undefined) =>
      this.#keep(createHash(algorithm, key, outputLength)),
    hashUpdate: (id: number, bytes: Bytes) => void this.#find<crypto.Hash>(id).update(bytes),
    hashCopy: (id: number) => this.#keep(this.#find<crypto.Hash>(id).copy()),
    hashDigest: (id: number) => this.#take<crypto.Hash>(id).digest(),

    cipherOpen: (encrypts: boolean, algorithm: string, key: Bytes, iv: Bytes | null, options: object) =>
      this.#keep(
        encrypts
          ? crypto.createCipheriv(algorithm, key, iv, options)
          : crypto.createDecipheriv(algorithm, key, iv, options),
      ),
    cipherAad: (id: number, bytes: Bytes, options: { plaintextLength: number }) =>
      void this.#find<GcmCipher>(id).setAAD(bytes, options),
    cipherTag: (id: number, tag: Bytes) => void this.#find<GcmCipher>(id).setAuthTag(tag),
    cipherPadding: (id: number, pads: boolean) => void this.#find<crypto.Cipheriv>(id).setAutoPadding(pads),
    cipherUpdate: (id: number, bytes: Bytes) => this.#find<crypto.Cipheriv>(id).update(bytes),
    cipherFinal: (id: number, hasTag: boolean) => {
      const cipher = this.#take<GcmCipher>(id)
      return [bytesOf(cipher.final()), hasTag ? bytesOf(cipher.getAuthTag()) : null]
    },

    key: (kind: string, key: never, format: never, type: never) =>
      this.#describeKey(readKey(kind, { key, format, type })),
    keyPublic: (id: number) => this.#describeKey(crypto.createPublicKey(this.#find<crypto.KeyObject>(id))),
    keyExport: (id: number, options: never) => this.#find<crypto.KeyObject>(id).export(options),
    keyEquals: (id: number, other: number) => this.#find<crypto.KeyObject>(id).equals(this.#find(other)),
    keyPair: (type: string, options: object) => {
      const { publicKey, privateKey } = generateNow(type, options)
      return [this.#describeKey(publicKey), this.#describeKey(privateKey)]
    },

    sign: (algorithm: string | null, bytes: Bytes, id: number, options: object) =>
      crypto.sign(algorithm, bytes, toSigner(this.#find(id), options)),
    verify: (algorithm: string | null, bytes: Bytes, id: number, options: object, signature: Bytes) =>
      crypto.verify(algorithm, bytes, toSigner(this.#find(id), options), signature),
    publicEncrypt: (id: number, options: object, bytes: Bytes) =>
      crypto.publicEncrypt(toSigner(this.#find(id), options), bytes),
    privateDecrypt: (id: number, options: object, bytes: Bytes) =>
      crypto.privateDecrypt(toSigner(this.#find(id), options), bytes),
    privateEncrypt: (id: number, options: object, bytes: Bytes) =>
      crypto.privateEncrypt(toSigner(this.#find(id), options), bytes),
    publicDecrypt: (id: number, options: object, bytes: Bytes) =>
      crypto.publicDecrypt(toSigner(this.#find(id), options), bytes),
    diffieHellman: (privateId: number, publicId: number) =>
      agree(this.#find<crypto.KeyObject>(privateId), this.#find<crypto.KeyObject>(publicId)),

    derive: (...data: unknown[]) => {
      const kdf = toKdf(data)
      deriveCost(kdf, 'now')
      if (kdf.name === 'pbkdf2')
        return crypto.pbkdf2Sync(kdf.secret, kdf.salt, kdf.iterations, kdf.length, kdf.digest)
      if (kdf.name === 'scrypt') return crypto.scryptSync(kdf.secret, kdf.salt, kdf.length, kdf.options)
      return new Uint8Array(crypto.hkdfSync(kdf.digest, kdf.secret, kdf.salt, kdf.info, kdf.length))
    },
  }
}

function createHash(
  algorithm: string,
  key: Bytes | null,
  outputLength: number | undefined,
): crypto.Hash | crypto.Hmac {
  if (key !== null) return crypto.createHmac(algorithm, key)
  if (outputLength !== undefined && !(outputLength <= MAX_DIGEST))
    throw new RangeError(`A digest has ${MAX_DIGEST} bytes at most.`)
  return crypto.createHash(algorithm, outputLength === undefined ? undefined : { outputLength })
}

/**
 * Copies bytes to a buffer of their own: node's bytes are views of a pool, and a view crosses the bridge with
 * its whole buffer.
 */
function bytesOf(bytes: Uint8Array): Bytes {
  return new Uint8Array(bytes)
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return bytesOf(value)
  return typeof value === 'object' && value !== null ? { value } : value
}
