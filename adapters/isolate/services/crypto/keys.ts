import * as crypto from 'node:crypto'
import { MAX_MODULUS_BITS } from './limits.ts'

/** A cryptographic key as a guest passes it: PEM text, DER bytes or a JWK. */
interface GivenKey {
  key: never
  format: never
  type: never
}

/**
 * Reads a cryptographic key of the isolate's code.
 *
 * @throws node's error for an invalid key, RangeError for a key that would take too long to use.
 */
export function readKey(kind: string, given: GivenKey): crypto.KeyObject {
  const key = parseKey(kind, given)
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  const limit = kind === 'private' ? MAX_MODULUS_BITS : 2 * MAX_MODULUS_BITS
  if (bits > limit)
    throw Object.assign(new RangeError(`A modulus of ${bits} bits is over the limit of ${limit}.`), {
      code: 'ERR_OUT_OF_RANGE',
    })
  return key
}

// Parses a cryptographic key that has no passphrase: the maker of a key decides how long the derivation from
// its passphrase takes.
function parseKey(kind: string, given: GivenKey): crypto.KeyObject {
  const input = { ...given, format: given.format ?? ('pem' as never) }
  if ((input.format as string) === 'pem' && typeof input.key === 'string')
    return kind === 'private' ? crypto.createPrivateKey(input) : crypto.createPublicKey(input)
  // A cryptographic key given as bytes without a format is read as PEM text too.
  const key = (input.key as unknown) instanceof Uint8Array ? (Buffer.from(input.key) as never) : input.key
  return kind === 'private'
    ? crypto.createPrivateKey({ ...input, key })
    : crypto.createPublicKey({ ...input, key })
}

/** Returns a cryptographic key with the options of one signature or one encryption, as node takes them. */
export function toSigner(key: crypto.KeyObject, options: object): crypto.SignKeyObjectInput {
  return { ...options, key }
}

/** Returns the shared secret of two keys, if they are of a kind that is quick to compute. */
export function agree(privateKey: crypto.KeyObject, publicKey: crypto.KeyObject): Uint8Array {
  if (!/^(ec|x25519|x448)$/.test(privateKey.asymmetricKeyType ?? ''))
    throw new TypeError('diffieHellman takes keys of ec, x25519 or x448.')
  return crypto.diffieHellman({ privateKey, publicKey })
}

type Pair = { publicKey: crypto.KeyObject; privateKey: crypto.KeyObject }
interface PairMaker {
  generateKeyPairSync(type: string, options: object): Pair
  generateKeyPair(
    type: unknown,
    options: object,
    done: (error: Error | null, publicKey: Uint8Array, privateKey: Uint8Array) => void,
  ): void
}
// Node's types have an overload for each kind of key; here the kind is data.
const makePair = crypto as unknown as PairMaker

/**
 * Makes a pair of cryptographic keys synchronously. RSA keys would take too long: all tenants of the process
 * would wait.
 *
 * @throws RangeError for RSA.
 */
export function generateNow(type: string, options: object): Pair {
  if (!/^(ec|ed25519|ed448|x25519|x448)$/.test(type))
    throw Object.assign(
      new RangeError(`A pair of ${type} keys takes too long for a synchronous call: use generateKeyPair().`),
      { code: 'ERR_OUT_OF_RANGE' },
    )
  return makePair.generateKeyPairSync(type, {
    ...options,
    publicKeyEncoding: undefined,
    privateKeyEncoding: undefined,
  })
}

/**
 * Makes a pair of cryptographic keys on libuv's threads. Returns the public key as SPKI and the private key
 * as PKCS#8, both in DER.
 */
export async function generateLater([type, options]: readonly unknown[]): Promise<
  [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>]
> {
  const bits = Number((options as { modulusLength?: unknown }).modulusLength ?? 0)
  if (bits > MAX_MODULUS_BITS)
    throw Object.assign(
      new RangeError(`A modulus of ${bits} bits is over the limit of ${MAX_MODULUS_BITS}.`),
      { code: 'ERR_OUT_OF_RANGE' },
    )
  if (!/^(rsa|rsa-pss|ec|ed25519|ed448|x25519|x448)$/.test(String(type)))
    throw new TypeError(`There are no keys of the type "${String(type)}".`)
  const encoded = {
    ...(options as object),
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  }
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, publicKey: Uint8Array, privateKey: Uint8Array): void =>
      error === null ? resolve([new Uint8Array(publicKey), new Uint8Array(privateKey)]) : reject(error)
    makePair.generateKeyPair(type, encoded, done)
  })
}
