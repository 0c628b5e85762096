import {
  call,
  callLater,
  codedError,
  toBytes,
  toCallback,
  toOutput,
  type BinaryLike,
  type Bytes,
} from './host.ts'
import { secretBytes } from './keys.ts'

type Derivation = [name: string, secret: Bytes, salt: Bytes, length: number, ...settings: unknown[]]

const now = (derivation: Derivation): Uint8Array => toOutput(call('derive', ...derivation)) as Uint8Array
const later = async (derivation: Derivation): Promise<Uint8Array> =>
  toOutput(await callLater('derive', ...derivation)) as Uint8Array

function pbkdf2Of(
  password: BinaryLike,
  salt: BinaryLike,
  iterations: number,
  length: number,
  digest: string,
): Derivation {
  if (typeof digest !== 'string')
    throw codedError(TypeError, 'ERR_INVALID_ARG_TYPE', 'The "digest" argument must be of type string.')
  return ['pbkdf2', toBytes(password), toBytes(salt), length, iterations, digest]
}
export function pbkdf2Sync(
  password: BinaryLike,
  salt: BinaryLike,
  iterations: number,
  length: number,
  digest: string,
): Uint8Array {
  return now(pbkdf2Of(password, salt, iterations, length, digest))
}
// oxlint-disable-next-line max-params -- node:crypto has this signature
export function pbkdf2(
  password: BinaryLike,
  salt: BinaryLike,
  iterations: number,
  length: number,
  digest: string,
  done: unknown,
): void {
  toCallback(later(pbkdf2Of(password, salt, iterations, length, digest)), done)
}

interface ScryptOptions {
  N?: number
  cost?: number
  r?: number
  blockSize?: number
  p?: number
  parallelization?: number
  maxmem?: number
}
function scryptOf(
  password: BinaryLike,
  salt: BinaryLike,
  length: number,
  options: ScryptOptions = {},
): Derivation {
  const settings = {
    N: options.N ?? options.cost ?? 16_384,
    r: options.r ?? options.blockSize ?? 8,
    p: options.p ?? options.parallelization ?? 1,
    maxmem: options.maxmem ?? 32 * 1024 * 1024,
  }
  return ['scrypt', toBytes(password), toBytes(salt), length, settings]
}
export function scryptSync(
  password: BinaryLike,
  salt: BinaryLike,
  length: number,
  options?: ScryptOptions,
): Uint8Array {
  return now(scryptOf(password, salt, length, options))
}
export function scrypt(
  password: BinaryLike,
  salt: BinaryLike,
  length: number,
  options: unknown,
  done: unknown = options,
): void {
  toCallback(
    later(
      scryptOf(
        password,
        salt,
        length,
        typeof options === 'function' ? undefined : (options as ScryptOptions),
      ),
    ),
    done,
  )
}

function hkdfOf(
  digest: string,
  key: unknown,
  salt: BinaryLike,
  info: BinaryLike,
  length: number,
): Derivation {
  return ['hkdf', secretBytes(key), toBytes(salt), length, toBytes(info), digest]
}
export function hkdfSync(
  digest: string,
  key: unknown,
  salt: BinaryLike,
  info: BinaryLike,
  length: number,
): ArrayBuffer {
  return new Uint8Array(now(hkdfOf(digest, key, salt, info, length))).buffer
}
// oxlint-disable-next-line max-params -- node:crypto has this signature
export function hkdf(
  digest: string,
  key: unknown,
  salt: BinaryLike,
  info: BinaryLike,
  length: number,
  done: unknown,
): void {
  const derive = async (): Promise<ArrayBuffer> =>
    new Uint8Array(await later(hkdfOf(digest, key, salt, info, length))).buffer
  toCallback(derive(), done)
}
