import { ByteStream } from './byte-stream.ts'
import { call, codedError, dropWith, PIECE, toBytes, toOutput, wasDropped, type Bytes } from './host.ts'
import { secretBytes } from './keys.ts'

/** Most bytes of hash input that are buffered in the guest, so that small inputs cross the bridge once. */
const WAITING = 64 * 1024

/** Base class of Hash and Hmac of `node:crypto`. */
class Digest extends ByteStream {
  #algorithm: string
  #key: Bytes | null
  #outputLength: number | undefined
  #waiting: Bytes[] = []
  #size = 0
  /** Id of the engine's hash; undefined while all input fits into the guest's buffer. */
  #id: number | undefined
  #isDone = false

  constructor(algorithm: string, key: Bytes | null, outputLength: number | undefined) {
    super()
    if (typeof algorithm !== 'string')
      throw codedError(TypeError, 'ERR_INVALID_ARG_TYPE', 'The "algorithm" argument must be of type string.')
    this.#algorithm = algorithm
    this.#key = key
    this.#outputLength = outputLength
    // An unknown hash algorithm throws in the constructor, not later.
    if (!known.has(algorithm)) {
      call('hash', algorithm, key, outputLength, new Uint8Array(0))
      known.add(algorithm)
    }
  }

  update(data: unknown, encoding?: string): this {
    this.#check()
    // Hash input is copied: the caller may change its bytes before they are sent.
    const bytes = toBytes(data, encoding)
    this.#waiting.push(typeof data === 'string' ? bytes : bytes.slice())
    this.#size += bytes.byteLength
    if (this.#size > WAITING) this.#flush()
    return this
  }

  digest(encoding?: string): Uint8Array | string {
    this.#check()
    this.#isDone = true
    if (this.#id === undefined)
      return toOutput(call('hash', this.#algorithm, this.#key, this.#outputLength, this.#take()), encoding)
    this.#send(this.#id)
    const bytes = call('hashDigest', this.#id)
    wasDropped(this)
    return toOutput(bytes, encoding)
  }

  protected transformBytes(chunk: unknown, encoding: string | undefined): undefined {
    this.update(chunk, encoding)
  }
  protected flushBytes(): Uint8Array {
    return this.digest() as Uint8Array
  }

  /** Copies the state of this Hash or Hmac into `copy`. */
  protected copyTo(copy: Digest): void {
    this.#check()
    copy.#waiting = [...this.#waiting]
    copy.#size = this.#size
    if (this.#id === undefined) return
    copy.#id = call<number>('hashCopy', this.#id)
    dropWith(copy, copy.#id)
  }

  #check(): void {
    if (this.#isDone) throw codedError(Error, 'ERR_CRYPTO_HASH_FINALIZED', 'Digest already called')
  }

  #take(): Bytes {
    const [first] = this.#waiting
    if (this.#waiting.length === 1 && first !== undefined) return first
    const bytes = new Uint8Array(this.#size)
    let at = 0
    for (const piece of this.#waiting) {
      bytes.set(piece, at)
      at += piece.byteLength
    }
    return bytes
  }

  #flush(): void {
    if (this.#id === undefined) {
      this.#id = call<number>('hashOpen', this.#algorithm, this.#key, this.#outputLength)
      dropWith(this, this.#id)
    }
    this.#send(this.#id)
  }

  #send(id: number): void {
    for (const piece of this.#waiting)
      for (let at = 0; at < piece.byteLength; at += PIECE) call('hashUpdate', id, piece.slice(at, at + PIECE))
    this.#waiting = []
    this.#size = 0
  }
}

const known = new Set<string>()

interface HashOptions {
  outputLength?: number
}

export class Hash extends Digest {
  #algorithm: string
  #options: HashOptions | undefined

  constructor(algorithm: string, options?: HashOptions) {
    super(algorithm, null, options?.outputLength)
    this.#algorithm = algorithm
    this.#options = options
  }
  copy(options: HashOptions | undefined = this.#options): Hash {
    const copy = new Hash(this.#algorithm, options)
    this.copyTo(copy)
    return copy
  }
}

export class Hmac extends Digest {
  constructor(algorithm: string, key: unknown) {
    super(algorithm, secretBytes(key), undefined)
  }
}

export function createHash(algorithm: string, options?: HashOptions): Hash {
  return new Hash(algorithm, options)
}
export function createHmac(algorithm: string, key: unknown): Hmac {
  return new Hmac(algorithm, key)
}

/** `hash` of `node:crypto`: returns the digest of `data` in one call, as hexadecimal text by default. */
export function hash(algorithm: string, data: unknown, encoding = 'hex'): Uint8Array | string {
  return new Hash(algorithm).update(data).digest(encoding)
}
