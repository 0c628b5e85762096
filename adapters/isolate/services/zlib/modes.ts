import type { Transform } from 'node:stream'
import * as zlib from 'node:zlib'

const { constants } = zlib
const MIB = 1024 * 1024

/** Options of node:zlib as the guest sends them. Each field is data that a tenant may have made up. */
export type ZlibOptions = Readonly<Record<string, unknown>>
/** Options of node:zlib that have been checked; node's own functions check their ranges. */
type Checked = zlib.ZlibOptions & zlib.BrotliOptions & zlib.ZstdOptions

/** One of node:zlib's ways to compress or decompress. */
interface Mode {
  readonly family: 'deflate' | 'brotli' | 'zstd'
  readonly compresses: boolean
  create(options: Checked): Transform
  now(bytes: Uint8Array, options: Checked): Buffer
}

/** Modes of node:zlib by the name of their asynchronous function. */
export const MODES: Readonly<Record<string, Mode>> = {
  gzip: { family: 'deflate', compresses: true, create: zlib.createGzip, now: zlib.gzipSync },
  deflate: { family: 'deflate', compresses: true, create: zlib.createDeflate, now: zlib.deflateSync },
  deflateRaw: {
    family: 'deflate',
    compresses: true,
    create: zlib.createDeflateRaw,
    now: zlib.deflateRawSync,
  },
  gunzip: { family: 'deflate', compresses: false, create: zlib.createGunzip, now: zlib.gunzipSync },
  inflate: { family: 'deflate', compresses: false, create: zlib.createInflate, now: zlib.inflateSync },
  inflateRaw: {
    family: 'deflate',
    compresses: false,
    create: zlib.createInflateRaw,
    now: zlib.inflateRawSync,
  },
  unzip: { family: 'deflate', compresses: false, create: zlib.createUnzip, now: zlib.unzipSync },
  brotliCompress: {
    family: 'brotli',
    compresses: true,
    create: zlib.createBrotliCompress,
    now: zlib.brotliCompressSync,
  },
  brotliDecompress: {
    family: 'brotli',
    compresses: false,
    create: zlib.createBrotliDecompress,
    now: zlib.brotliDecompressSync,
  },
  zstdCompress: {
    family: 'zstd',
    compresses: true,
    create: zlib.createZstdCompress,
    now: zlib.zstdCompressSync,
  },
  zstdDecompress: {
    family: 'zstd',
    compresses: false,
    create: zlib.createZstdDecompress,
    now: zlib.zstdDecompressSync,
  },
}

/**
 * Most bytes that one call compresses with deflate, which takes about 30 ms here at level 9. The guest sends
 * more in pieces.
 */
export const MAX_PIECE = 128 * 1024
/** Most bytes of compressed data in one synchronous call, and most bytes that they may grow to. */
const MAX_NOW_INPUT = 2 * MIB
export const MAX_NOW_OUTPUT = 16 * MIB
/** Most bytes of a dictionary. Deflate uses the last 32 KiB of it. */
const MAX_DICTIONARY = 128 * 1024
/**
 * Largest window of zstd, as a power of two, that this process holds for a tenant: 8 MiB, which RFC 8878
 * (section 3.1.1.1.2) recommends that decoders support.
 */
const MAX_ZSTD_WINDOW = 23
/** Highest level of zstd: levels 20 to 22 take up to 700 MB per stream. */
const MAX_ZSTD_LEVEL = 19
/** Largest block of Brotli, as a power of two: one job on libuv's threads compresses one block. */
const MAX_BROTLI_BLOCK = 18
const MAX_BROTLI_WINDOW = 24

/**
 * Parameters of zstd that a tenant may set. The others choose search depths, which change the time and memory
 * of a level, and threads.
 */
const ZSTD_PARAMS: readonly number[] = [
  constants.ZSTD_c_compressionLevel,
  constants.ZSTD_c_windowLog,
  constants.ZSTD_c_contentSizeFlag,
  constants.ZSTD_c_checksumFlag,
  constants.ZSTD_c_dictIDFlag,
]

function refuse(what: string): never {
  throw Object.assign(new RangeError(`${what}.`), { code: 'ERR_OUT_OF_RANGE' })
}

/** Returns the mode of node:zlib with that name. @throws TypeError if there is none. */
export function modeOf(name: unknown): Mode {
  const mode = typeof name === 'string' && Object.hasOwn(MODES, name) ? MODES[name] : undefined
  if (mode === undefined) throw new TypeError(`There is no compression "${String(name)}"`)
  return mode
}

const NUMBERS = ['level', 'memLevel', 'strategy', 'windowBits', 'flush', 'finishFlush'] as const

/**
 * Returns the options that reach node:zlib: those that it documents, without what would take this process
 * more memory, time or threads than a tenant may have.
 *
 * @throws RangeError (`ERR_OUT_OF_RANGE`) that names the limit.
 */
export function checkedOptions(mode: Mode, options: ZlibOptions): Checked {
  const checked: Record<string, unknown> = {}
  for (const name of NUMBERS) if (typeof options[name] === 'number') checked[name] = options[name]
  const { dictionary, params } = options
  if (dictionary instanceof Uint8Array) {
    if (dictionary.buffer.byteLength > MAX_DICTIONARY)
      refuse(`A dictionary of ${dictionary.byteLength} bytes is over the limit of ${MAX_DICTIONARY}`)
    checked['dictionary'] = dictionary
  }
  if (mode.family === 'deflate') return checked
  checked['params'] = mode.family === 'brotli' ? brotliParams(mode, params) : zstdParams(mode, params)
  return checked
}

function numbers(params: unknown): [number, number][] {
  if (typeof params !== 'object' || params === null) return []
  return Object.entries(params).map(([key, value]) => [Number(key), Number(value)])
}

function brotliParams(mode: Mode, params: unknown): Record<number, number> {
  const found = numbers(params)
  for (const [key, value] of found) {
    if (mode.compresses ? key === constants.BROTLI_PARAM_LARGE_WINDOW : key === LARGE_DECODER_WINDOW)
      if (value !== 0) refuse('A Brotli window over 16 MiB (LARGE_WINDOW) is not served in an isolate')
    if (mode.compresses && key === constants.BROTLI_PARAM_LGBLOCK && value > MAX_BROTLI_BLOCK)
      refuse(`BROTLI_PARAM_LGBLOCK of ${value} is over the limit of ${MAX_BROTLI_BLOCK}`)
    if (mode.compresses && key === constants.BROTLI_PARAM_LGWIN && value > MAX_BROTLI_WINDOW)
      refuse(`BROTLI_PARAM_LGWIN of ${value} is over the limit of ${MAX_BROTLI_WINDOW}`)
  }
  return Object.fromEntries(found)
}

const LARGE_DECODER_WINDOW = constants.BROTLI_DECODER_PARAM_LARGE_WINDOW

function zstdParams(mode: Mode, params: unknown): Record<number, number> {
  const found = numbers(params)
  if (!mode.compresses) {
    const largest = found.find(([key]) => key === constants.ZSTD_d_windowLogMax)?.[1] ?? MAX_ZSTD_WINDOW
    if (largest > MAX_ZSTD_WINDOW)
      refuse(`ZSTD_d_windowLogMax of ${largest} is over the limit of ${MAX_ZSTD_WINDOW}`)
    return { [constants.ZSTD_d_windowLogMax]: largest }
  }
  for (const [key, value] of found) {
    if (!ZSTD_PARAMS.includes(key)) refuse(`The zstd parameter ${key} is not served in an isolate`)
    if (key === constants.ZSTD_c_compressionLevel && value > MAX_ZSTD_LEVEL)
      refuse(`zstd's level ${value} is over the limit of ${MAX_ZSTD_LEVEL}`)
    if (key === constants.ZSTD_c_windowLog && value > MAX_ZSTD_WINDOW)
      refuse(`ZSTD_c_windowLog of ${value} is over the limit of ${MAX_ZSTD_WINDOW}`)
  }
  return Object.fromEntries(found)
}

const paramOf = ({ params }: Checked, key: number, otherwise: number): number =>
  Number(params?.[key] ?? otherwise)
const qualityOf = (options: Checked): number =>
  paramOf(options, constants.BROTLI_PARAM_QUALITY, constants.BROTLI_DEFAULT_QUALITY)
const zstdLevelOf = (options: Checked): number =>
  paramOf(options, constants.ZSTD_c_compressionLevel, constants.ZSTD_CLEVEL_DEFAULT)

/** Returns about the most bytes that a stream of the mode holds outside of JavaScript's memory. */
export function memoryOf(mode: Mode, options: Checked): number {
  if (mode.family === 'deflate') return mode.compresses ? MIB / 2 : MIB / 8
  if (mode.family === 'zstd') {
    const level = zstdLevelOf(options)
    const window = 3 * 2 ** paramOf(options, constants.ZSTD_c_windowLog, 0)
    if (!mode.compresses) return 9 * MIB
    return window + (level <= 3 ? 4 : level <= 9 ? 24 : level <= 15 ? 48 : 96) * MIB
  }
  if (!mode.compresses) return 17 * MIB
  const quality = qualityOf(options)
  const window = 2 ** paramOf(options, constants.BROTLI_PARAM_LGWIN, constants.BROTLI_DEFAULT_WINDOW)
  // From quality 10 on, Brotli keeps a binary tree of 8 bytes for each byte of the window; from 5 to 9, a
  // hash table of 2^15 buckets with 2^(quality - 1) places of 4 bytes.
  if (quality >= 10) return 10 * window + MIB
  return 2 * window + (quality >= 5 ? 4 * 2 ** (14 + quality) : MIB)
}

/**
 * Refuses a synchronous call that would take longer than about 0.1 s here, because all apps of the process
 * wait for it.
 *
 * @throws RangeError (`ERR_OUT_OF_RANGE`) that names the limit and the other ways.
 */
export function checkNow(name: string, mode: Mode, bytes: Uint8Array, options: Checked): void {
  const limit = nowLimit(mode, options)
  if (bytes.buffer.byteLength <= limit) return
  const lower = mode.compresses && mode.family !== 'deflate' ? ', a lower quality' : ''
  refuse(
    `zlib.${name}Sync of ${bytes.buffer.byteLength} bytes is over the limit of ${limit} in an isolate, ` +
      `since all apps of the process wait for a synchronous call: use zlib.${name}${lower} or a stream`,
  )
}

function nowLimit(mode: Mode, options: Checked): number {
  if (!mode.compresses) return MAX_NOW_INPUT
  if (mode.family === 'deflate') return MAX_PIECE
  const [effort, middle, high] =
    mode.family === 'brotli' ? [qualityOf(options), 4, 9] : [zstdLevelOf(options), 3, 9]
  return effort <= middle ? MIB : effort <= high ? MIB / 4 : MIB / 32
}
