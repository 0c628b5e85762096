/**
 * `node:zlib` in an isolate. The engine's own zlib does the work: synchronous functions within limits, since
 * all apps of the process wait for them; callbacks and streams on the engine's threads.
 */
import { refused } from '../refused.ts'
import { call } from './host.ts'
import {
  BrotliCompress,
  BrotliDecompress,
  Deflate,
  DeflateRaw,
  Gunzip,
  Gzip,
  Inflate,
  InflateRaw,
  Unzip,
  ZstdCompress,
  ZstdDecompress,
} from './classes.ts'
import { crc32, createLater, createNow } from './once.ts'

/** Constants and error codes of the engine's zlib. */
const { constants, codes } = call<{
  constants: Readonly<Record<string, number>>
  codes: Readonly<Record<string, number | string>>
}>('constants')

export const gzip: ReturnType<typeof createLater> = createLater('gzip')
export const gunzip: ReturnType<typeof createLater> = createLater('gunzip')
export const deflate: ReturnType<typeof createLater> = createLater('deflate')
export const inflate: ReturnType<typeof createLater> = createLater('inflate')
export const deflateRaw: ReturnType<typeof createLater> = createLater('deflateRaw')
export const inflateRaw: ReturnType<typeof createLater> = createLater('inflateRaw')
export const unzip: ReturnType<typeof createLater> = createLater('unzip')
export const brotliCompress: ReturnType<typeof createLater> = createLater('brotliCompress')
export const brotliDecompress: ReturnType<typeof createLater> = createLater('brotliDecompress')
export const zstdCompress: ReturnType<typeof createLater> = createLater('zstdCompress')
export const zstdDecompress: ReturnType<typeof createLater> = createLater('zstdDecompress')
export const gzipSync: ReturnType<typeof createNow> = createNow('gzip')
export const gunzipSync: ReturnType<typeof createNow> = createNow('gunzip')
export const deflateSync: ReturnType<typeof createNow> = createNow('deflate')
export const inflateSync: ReturnType<typeof createNow> = createNow('inflate')
export const deflateRawSync: ReturnType<typeof createNow> = createNow('deflateRaw')
export const inflateRawSync: ReturnType<typeof createNow> = createNow('inflateRaw')
export const unzipSync: ReturnType<typeof createNow> = createNow('unzip')
export const brotliCompressSync: ReturnType<typeof createNow> = createNow('brotliCompress')
export const brotliDecompressSync: ReturnType<typeof createNow> = createNow('brotliDecompress')
export const zstdCompressSync: ReturnType<typeof createNow> = createNow('zstdCompress')
export const zstdDecompressSync: ReturnType<typeof createNow> = createNow('zstdDecompress')

export const createGzip = (options?: unknown): InstanceType<typeof Gzip> => new Gzip(options)
export const createGunzip = (options?: unknown): InstanceType<typeof Gunzip> => new Gunzip(options)
export const createDeflate = (options?: unknown): InstanceType<typeof Deflate> => new Deflate(options)
export const createInflate = (options?: unknown): InstanceType<typeof Inflate> => new Inflate(options)
export const createDeflateRaw = (options?: unknown): InstanceType<typeof DeflateRaw> =>
  new DeflateRaw(options)
export const createInflateRaw = (options?: unknown): InstanceType<typeof InflateRaw> =>
  new InflateRaw(options)
export const createUnzip = (options?: unknown): InstanceType<typeof Unzip> => new Unzip(options)
export const createBrotliCompress = (options?: unknown): InstanceType<typeof BrotliCompress> =>
  new BrotliCompress(options)
export const createBrotliDecompress = (options?: unknown): InstanceType<typeof BrotliDecompress> =>
  new BrotliDecompress(options)
export const createZstdCompress = (options?: unknown): InstanceType<typeof ZstdCompress> =>
  new ZstdCompress(options)
export const createZstdDecompress = (options?: unknown): InstanceType<typeof ZstdDecompress> =>
  new ZstdDecompress(options)

export {
  BrotliCompress,
  BrotliDecompress,
  Deflate,
  DeflateRaw,
  Gunzip,
  Gzip,
  Inflate,
  InflateRaw,
  Unzip,
  ZstdCompress,
  ZstdDecompress,
  codes,
  constants,
  crc32,
}

const lacks = (name: string): ((...args: never[]) => never) => refused('zlib', name)
export const ZipBuffer = /* @__PURE__ */ lacks('ZipBuffer')
export const ZipEntry = /* @__PURE__ */ lacks('ZipEntry')
export const ZipFile = /* @__PURE__ */ lacks('ZipFile')
export const createZipArchive = /* @__PURE__ */ lacks('createZipArchive')
export const createZipArchiveSync = /* @__PURE__ */ lacks('createZipArchiveSync')
export const getMaxZipContentSize = /* @__PURE__ */ lacks('getMaxZipContentSize')
export const setMaxZipContentSize = /* @__PURE__ */ lacks('setMaxZipContentSize')
export const zipFiles = /* @__PURE__ */ lacks('zipFiles')

const zlib: Readonly<Record<string, unknown>> = {
  ...constants,
  codes,
  constants,
  crc32,
  Gzip,
  Gunzip,
  Deflate,
  Inflate,
  DeflateRaw,
  InflateRaw,
  Unzip,
  BrotliCompress,
  BrotliDecompress,
  ZstdCompress,
  ZstdDecompress,
  gzip,
  gzipSync,
  gunzip,
  gunzipSync,
  deflate,
  deflateSync,
  inflate,
  inflateSync,
  deflateRaw,
  deflateRawSync,
  inflateRaw,
  inflateRawSync,
  unzip,
  unzipSync,
  brotliCompress,
  brotliCompressSync,
  brotliDecompress,
  brotliDecompressSync,
  zstdCompress,
  zstdCompressSync,
  zstdDecompress,
  zstdDecompressSync,
  createGzip,
  createGunzip,
  createDeflate,
  createInflate,
  createDeflateRaw,
  createInflateRaw,
  createUnzip,
  createBrotliCompress,
  createBrotliDecompress,
  createZstdCompress,
  createZstdDecompress,
}
export default zlib
export { zlib as 'module.exports' }
