/** The functions of `node:zlib` that take all data at once: `gzipSync(data)`, `gzip(data, callback)`. */
import { Buffer } from '../buffer.ts'
import { type Bytes, codedError, toCallback } from '../crypto/host.ts'
import { bytesOf, call, hostOptions, HostStream, type Mode, type Options, PIECE } from './host.ts'

const Z_SYNC_FLUSH = 2
const Z_FINISH = 4
/** Bytes before a piece that deflate finds matches in. */
const WINDOW = 32 * 1024
/** Bytes of the head that each format of deflate begins with. */
const HEADS: Readonly<Partial<Record<Mode, number>>> = { gzip: 10, deflate: 2, deflateRaw: 0 }
/**
 * Calls with callbacks that are under way at once. The engine works on two of an app at a time, so that more
 * would only hold memory there.
 */
const AT_ONCE = 2

/** Creates the synchronous function of a mode. */
export function createNow(mode: Mode): (data: unknown, options?: unknown) => Uint8Array {
  const now = (data: unknown, options?: unknown): Uint8Array => {
    const bytes = bytesOf(data)
    const sent = hostOptions(options)
    const isLong = HEADS[mode] !== undefined && bytes.byteLength > PIECE && sent['dictionary'] === undefined
    if (!isLong) return buffer([call('now', mode, bytes, sent)])
    const whole = buffer(deflateInPieces(mode, bytes, sent))
    checkLength(whole.byteLength, sent)
    return whole
  }
  return Object.defineProperty(now, 'name', { value: `${mode}Sync`, configurable: true })
}

/**
 * Compresses long data as pigz does: each piece by itself, with the bytes before it as its dictionary. So the
 * other apps of the process wait for one piece at a time.
 */
function deflateInPieces(mode: Mode, bytes: Bytes, options: Options): Uint8Array[] {
  const { maxOutputLength: _, finishFlush = Z_FINISH, ...shared } = options
  const parts: Uint8Array[] = [call<Bytes>('now', mode, new Uint8Array(0), shared).slice(0, HEADS[mode])]
  for (let at = 0; at < bytes.byteLength; at += PIECE) {
    const end = at + PIECE
    parts.push(
      call('now', 'deflateRaw', bytes.slice(at, end), {
        ...shared,
        finishFlush: end >= bytes.byteLength ? finishFlush : Z_SYNC_FLUSH,
        ...(at === 0 ? {} : { dictionary: bytes.slice(Math.max(0, at - WINDOW), at) }),
      }),
    )
  }
  if (finishFlush === Z_FINISH && mode !== 'deflateRaw') parts.push(tail(mode, bytes))
  return parts
}

/** Returns what ends the format: RFC 1952 (section 2.3.1) for gzip, RFC 1950 (section 2.2) for zlib. */
function tail(mode: Mode, bytes: Bytes): Uint8Array {
  const view = new DataView(new ArrayBuffer(mode === 'gzip' ? 8 : 4))
  if (mode === 'gzip') {
    view.setUint32(0, crc32(bytes), true)
    view.setUint32(4, bytes.byteLength, true)
  } else view.setUint32(0, adler32(bytes))
  return new Uint8Array(view.buffer)
}

function adler32(bytes: Bytes): number {
  let low = 1
  let high = 0
  for (let at = 0; at < bytes.byteLength;) {
    // 5,552 is the most bytes for which the sums stay below 2^32.
    for (const end = Math.min(at + 5552, bytes.byteLength); at < end; at++) {
      low += bytes[at] as number
      high += low
    }
    low %= 65_521
    high %= 65_521
  }
  return high * 65_536 + low
}

const SUM_PIECE = 1024 * 1024

/** `zlib.crc32`: the CRC-32 of data, which goes on from the sum of the data before it. Default: 0. */
export function crc32(data: unknown, value = 0): number {
  const bytes = bytesOf(data)
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff)
    throw codedError(RangeError, 'ERR_OUT_OF_RANGE', 'The value of "value" is out of range.')
  let sum = value
  for (let at = 0; at < bytes.byteLength; at += SUM_PIECE)
    sum = call<number>('crc32', bytes.slice(at, at + SUM_PIECE), sum)
  return sum
}

/** Creates the function of a mode that takes a callback. */
export function createLater(mode: Mode): (data: unknown, ...rest: unknown[]) => void {
  const later = (data: unknown, ...rest: unknown[]): void => {
    const done = rest.at(-1)
    if (typeof done !== 'function')
      throw codedError(TypeError, 'ERR_INVALID_ARG_TYPE', 'The "callback" argument must be of type function.')
    const bytes = bytesOf(data)
    const options = hostOptions(rest.length > 1 ? rest[0] : undefined)
    if (Object.keys(options).length > 0) call('check', mode, null, options)
    toCallback(
      inTurn(() => run(mode, bytes, options)),
      done,
    )
  }
  return Object.defineProperty(later, 'name', { value: mode, configurable: true })
}

let underWay = 0
const waiting: (() => void)[] = []

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (underWay >= AT_ONCE) await new Promise<void>((resolve) => void waiting.push(resolve))
  else underWay++
  try {
    return await work()
  } finally {
    // A place that is free goes to the next call, or is given up.
    const next = waiting.shift()
    if (next === undefined) underWay--
    else next()
  }
}

async function run(mode: Mode, bytes: Bytes, options: Options): Promise<Uint8Array> {
  const stream = new HostStream(mode, options)
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const output of stream.feed(bytes))
      for (const chunk of output) {
        size += chunk.byteLength
        chunks.push(chunk)
        checkLength(size, options)
      }
    chunks.push(...(await stream.end()))
  } catch (error) {
    stream.close()
    throw error
  }
  const whole = buffer(chunks)
  checkLength(whole.byteLength, options)
  return whole
}

function checkLength(size: number, { maxOutputLength }: Options): void {
  if (typeof maxOutputLength === 'number' && size > maxOutputLength)
    throw codedError(
      RangeError,
      'ERR_BUFFER_TOO_LARGE',
      `Cannot create a Buffer larger than ${maxOutputLength} bytes`,
    )
}

function buffer(chunks: readonly Uint8Array[]): Uint8Array {
  const only = chunks.length === 1 ? chunks[0] : undefined
  return only === undefined
    ? Buffer.concat(chunks)
    : Buffer.from(only.buffer, only.byteOffset, only.byteLength)
}
