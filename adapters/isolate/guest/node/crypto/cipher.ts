import { Buffer } from '../buffer.ts'
import { ByteStream } from './byte-stream.ts'
import { call, codedError, dropWith, PIECE, toBytes, toOutput, wasDropped, type Bytes } from './host.ts'
import { secretBytes } from './keys.ts'

interface CipherOptions {
  authTagLength?: number
}

/** Base class of Cipheriv and Decipheriv. The engine keeps the cipher's state. */
class HostCipher extends ByteStream {
  #id: number
  #hasTag: boolean
  #tag: Bytes | undefined
  #isDone = false

  constructor(encrypts: boolean, algorithm: string, key: unknown, iv: unknown, options: CipherOptions = {}) {
    super()
    const { authTagLength } = options
    const bytes = iv === null ? null : toBytes(iv, undefined, 'iv')
    this.#id = call<number>(
      'cipherOpen',
      encrypts,
      algorithm,
      secretBytes(key),
      bytes,
      authTagLength === undefined ? {} : { authTagLength },
    )
    this.#hasTag = encrypts && /-(gcm|ccm|ocb)$|poly1305/i.test(algorithm)
    dropWith(this, this.#id)
  }

  update(data: unknown, inputEncoding?: string, outputEncoding?: string): Uint8Array | string {
    const bytes = toBytes(data, inputEncoding)
    const parts: Uint8Array[] = []
    for (let at = 0; at === 0 || at < bytes.byteLength; at += PIECE)
      parts.push(
        call('cipherUpdate', this.#id, bytes.byteLength <= PIECE ? bytes : bytes.slice(at, at + PIECE)),
      )
    return toOutput(parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts), outputEncoding)
  }
  final(encoding?: string): Uint8Array | string {
    if (this.#isDone) throw codedError(Error, 'ERR_CRYPTO_INVALID_STATE', 'Invalid state for operation final')
    this.#isDone = true
    wasDropped(this)
    const [bytes, tag] = call<[Bytes, Bytes | null]>('cipherFinal', this.#id, this.#hasTag)
    this.#tag = tag ?? undefined
    return toOutput(bytes, encoding)
  }
  protected transformBytes(chunk: unknown, encoding: string | undefined): Uint8Array {
    return this.update(chunk, encoding) as Uint8Array
  }
  protected flushBytes(): Uint8Array {
    return this.final() as Uint8Array
  }
  setAAD(data: unknown, options: { plaintextLength?: number; encoding?: string } = {}): this {
    call(
      'cipherAad',
      this.#id,
      toBytes(data, options.encoding),
      options.plaintextLength === undefined ? undefined : { plaintextLength: options.plaintextLength },
    )
    return this
  }
  setAutoPadding(pads = true): this {
    call('cipherPadding', this.#id, Boolean(pads))
    return this
  }

  protected tag(): Uint8Array {
    if (this.#tag === undefined)
      throw codedError(Error, 'ERR_CRYPTO_INVALID_STATE', 'Invalid state for operation getAuthTag')
    return toOutput(this.#tag) as Uint8Array
  }
  protected expect(tag: unknown, encoding?: string): void {
    call('cipherTag', this.#id, toBytes(tag, encoding))
  }
}

export class Cipheriv extends HostCipher {
  constructor(algorithm: string, key: unknown, iv: unknown, options?: CipherOptions) {
    super(true, algorithm, key, iv, options)
  }
  getAuthTag(): Uint8Array {
    return this.tag()
  }
}

export class Decipheriv extends HostCipher {
  constructor(algorithm: string, key: unknown, iv: unknown, options?: CipherOptions) {
    super(false, algorithm, key, iv, options)
  }
  setAuthTag(tag: unknown, encoding?: string): this {
    this.expect(tag, encoding)
    return this
  }
}

export function createCipheriv(
  algorithm: string,
  key: unknown,
  iv: unknown,
  options?: CipherOptions,
): Cipheriv {
  return new Cipheriv(algorithm, key, iv, options)
}
export function createDecipheriv(
  algorithm: string,
  key: unknown,
  iv: unknown,
  options?: CipherOptions,
): Decipheriv {
  return new Decipheriv(algorithm, key, iv, options)
}
