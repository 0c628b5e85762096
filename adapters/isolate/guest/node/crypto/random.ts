import { link } from '../../link.ts'
import { codedError, toCallback, toOutput } from './host.ts'

/** Most random bytes that one call fetches from the engine. */
const PORTION = 65_536

function fill(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.byteLength; at += PORTION)
    bytes.set(link.randomBytes(Math.min(PORTION, bytes.byteLength - at)), at)
}

export function randomBytes(size: number, done?: unknown): Uint8Array | undefined {
  if (typeof size !== 'number')
    throw codedError(TypeError, 'ERR_INVALID_ARG_TYPE', 'The "size" argument must be of type number.')
  if (!(size >= 0 && size <= 2 ** 31 - 1))
    throw codedError(RangeError, 'ERR_OUT_OF_RANGE', `The value of "size" is out of range. Received ${size}`)
  const bytes = new Uint8Array(size)
  fill(bytes)
  const buffer = toOutput(bytes) as Uint8Array
  if (done === undefined) return buffer
  toCallback(Promise.resolve(buffer), done)
  return undefined
}

export function randomFillSync<T extends ArrayBuffer | ArrayBufferView<ArrayBufferLike>>(
  target: T,
  offset = 0,
  size?: number,
): T {
  const view = ArrayBuffer.isView(target)
    ? new Uint8Array(target.buffer, target.byteOffset, target.byteLength)
    : new Uint8Array(target)
  // `offset` and `size` of `randomFillSync` count elements of the typed array, not bytes.
  const unit = 'BYTES_PER_ELEMENT' in target ? Number(target.BYTES_PER_ELEMENT) : 1
  const end = size === undefined ? view.byteLength : (offset + size) * unit
  if (!(offset >= 0 && end <= view.byteLength && offset * unit <= end))
    throw codedError(RangeError, 'ERR_OUT_OF_RANGE', 'The value of "size + offset" is out of range.')
  fill(view.subarray(offset * unit, end))
  return target
}
export function randomFill<T extends ArrayBuffer | ArrayBufferView<ArrayBufferLike>>(
  target: T,
  ...rest: unknown[]
): void {
  const done = rest.pop()
  toCallback((async () => randomFillSync(target, ...(rest as [number?, number?])))(), done)
}

/**
 * `randomInt` of `node:crypto`: a random integer from `min` (default 0) to below `max`, uniformly
 * distributed.
 */
export function randomInt(
  min: number,
  max?: unknown,
  done: unknown = typeof max === 'function' ? max : undefined,
): number | undefined {
  const [from, to] = typeof max === 'number' ? [min, max] : [0, min]
  const range = to - from
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to))
    throw codedError(
      TypeError,
      'ERR_INVALID_ARG_TYPE',
      'The "min" and "max" arguments must be safe integers.',
    )
  if (!(range > 0 && range <= 2 ** 48 - 1))
    throw codedError(RangeError, 'ERR_OUT_OF_RANGE', `The value of "max" is out of range. Received ${to}`)
  const limit = 2 ** 48 - (2 ** 48 % range)
  let value: number
  do {
    value = link.randomBytes(6).reduce((sum, byte) => sum * 256 + byte, 0)
  } while (value >= limit)
  const result = from + (value % range)
  if (done === undefined) return result
  toCallback(Promise.resolve(result), done)
  return undefined
}

export function randomUUID(): string {
  return crypto.randomUUID()
}

/**
 * `timingSafeEqual` of `node:crypto`: compares two buffers in a time that does not reveal where they differ.
 */
export function timingSafeEqual(
  a: ArrayBuffer | ArrayBufferView<ArrayBufferLike>,
  b: ArrayBuffer | ArrayBufferView<ArrayBufferLike>,
): boolean {
  const [left, right] = [a, b].map((value: unknown, index) => {
    if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    if (value instanceof ArrayBuffer) return new Uint8Array(value)
    throw codedError(
      TypeError,
      'ERR_INVALID_ARG_TYPE',
      `The "buf${index + 1}" argument must be an instance of ArrayBuffer, Buffer, TypedArray, or DataView.`,
    )
  }) as [Uint8Array, Uint8Array]
  if (left.byteLength !== right.byteLength)
    throw codedError(
      RangeError,
      'ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH',
      'Input buffers must have the same byte length',
    )
  let difference = 0
  for (let index = 0; index < left.byteLength; index++)
    difference |= (left[index] as number) ^ (right[index] as number)
  return difference === 0
}
