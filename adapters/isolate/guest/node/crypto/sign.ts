import { Buffer } from '../buffer.ts'
import { call, codedError, toBytes, toCallback, toOutput } from './host.ts'
import { keyFor } from './keys.ts'

/**
 * `sign` of `node:crypto`: signs `data` in one call. `algorithm` is null for keys that imply one, such as
 * Ed25519.
 */
export function sign(
  algorithm: string | null | undefined,
  data: unknown,
  key: unknown,
  done?: unknown,
): Uint8Array | undefined {
  const { id, options } = keyFor('private', key)
  const compute = (): Uint8Array =>
    toOutput(call('sign', algorithm ?? null, toBytes(data), id, options)) as Uint8Array
  if (done === undefined) return compute()
  toCallback((async () => compute())(), done)
  return undefined
}

export function verify(
  algorithm: string | null | undefined,
  data: unknown,
  key: unknown,
  signature: unknown,
  done?: unknown,
): boolean | undefined {
  const { id, options } = keyFor('public', key)
  const compute = (): boolean =>
    call<boolean>('verify', algorithm ?? null, toBytes(data), id, options, toBytes(signature))
  if (done === undefined) return compute()
  toCallback((async () => compute())(), done)
  return undefined
}

/** Base class of Sign and Verify of `node:crypto`: buffers the data to sign or verify. */
class Gathered {
  protected readonly algorithm: string
  #pieces: Uint8Array[] = []

  constructor(algorithm: string) {
    if (typeof algorithm !== 'string')
      throw codedError(TypeError, 'ERR_INVALID_ARG_TYPE', 'The "algorithm" argument must be of type string.')
    // For `node:crypto`, `RSA-SHA256` is an old name of the digest `SHA256`.
    this.algorithm = algorithm.replace(/^RSA-/i, '')
  }
  update(data: unknown, encoding?: string): this {
    this.#pieces.push(toBytes(data, encoding).slice())
    return this
  }
  // A stream that is piped into Sign or Verify calls `write` with each chunk.
  write(data: unknown, encoding?: string): boolean {
    this.update(data, encoding)
    return true
  }
  end(data?: unknown, encoding?: string): this {
    return data === undefined ? this : this.update(data, encoding)
  }
  protected data(): Uint8Array {
    return Buffer.concat(this.#pieces)
  }
}

export class Sign extends Gathered {
  sign(key: unknown, encoding?: string): Uint8Array | string {
    return toOutput(sign(this.algorithm, this.data(), key) as Uint8Array, encoding)
  }
}

export class Verify extends Gathered {
  verify(key: unknown, signature: unknown, encoding?: string): boolean {
    return verify(this.algorithm, this.data(), key, toBytes(signature, encoding)) as boolean
  }
}

export function createSign(algorithm: string): Sign {
  return new Sign(algorithm)
}
export function createVerify(algorithm: string): Verify {
  return new Verify(algorithm)
}

function encryption(
  operation: string,
  kind: 'private' | 'public',
): (key: unknown, data: unknown) => Uint8Array {
  return (key, data) => {
    const { id, options } = keyFor(kind, key)
    return toOutput(call(operation, id, options, toBytes(data))) as Uint8Array
  }
}
export const publicEncrypt = encryption('publicEncrypt', 'public')
export const publicDecrypt = encryption('publicDecrypt', 'public')
export const privateEncrypt = encryption('privateEncrypt', 'private')
export const privateDecrypt = encryption('privateDecrypt', 'private')

/** Returns the secret that two keys of type ec, x25519 or x448 agree on. */
export function diffieHellman({
  privateKey,
  publicKey,
}: {
  privateKey: unknown
  publicKey: unknown
}): Uint8Array {
  return toOutput(
    call('diffieHellman', keyFor('private', privateKey).id, keyFor('public', publicKey).id),
  ) as Uint8Array
}
