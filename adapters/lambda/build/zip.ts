import { deflateRawSync, crc32 } from 'node:zlib'

/** A file of a zip. */
export interface ZipFile {
  /** Relative, with `/`. */
  readonly path: string
  readonly data: Buffer
}

const VERSION = 20
/** Names are UTF-8. */
const FLAGS = 0x0800
const DEFLATE = 8
/** The first moment that a zip can say: midnight of 1 January 1980. */
const DATE = (0 << 9) | (1 << 5) | 1
/** Made on Unix, a file that everyone may read: Lambda's own user is none of ours. */
const MADE_BY = (3 << 8) | VERSION
const MODE = 0o100644

/**
 * A zip (PKWARE's APPNOTE, without the 64-bit form: Lambda takes 250 MB) with nothing in it that changes from
 * build to build: files sorted, without times.
 */
export function createZip(files: readonly ZipFile[]): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const { path, data } of files.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    const name = Buffer.from(path)
    const packed = deflateRawSync(data, { level: 9 })
    const sizes = Buffer.alloc(12)
    sizes.writeUInt32LE(crc32(data), 0)
    sizes.writeUInt32LE(packed.byteLength, 4)
    sizes.writeUInt32LE(data.byteLength, 8)
    const local = Buffer.concat([
      long(0x04034b50),
      short(VERSION, FLAGS, DEFLATE, 0, DATE),
      sizes,
      short(name.byteLength, 0),
    ])
    const central = Buffer.concat([
      long(0x02014b50),
      short(MADE_BY, VERSION, FLAGS, DEFLATE, 0, DATE),
      sizes,
      short(name.byteLength, 0, 0, 0, 0),
      long(MODE << 16, offset),
    ])
    parts.push(local, name, packed)
    directory.push(central, name)
    offset += local.byteLength + name.byteLength + packed.byteLength
  }
  const size = directory.reduce((total, { byteLength }) => total + byteLength, 0)
  const end = Buffer.concat([
    long(0x06054b50),
    short(0, 0, files.length, files.length),
    long(size, offset),
    short(0),
  ])
  return Buffer.concat([...parts, ...directory, end])
}

/** 16-bit fields of a record. */
function short(...values: number[]): Buffer {
  return Buffer.from(Uint16Array.from(values).buffer)
}

/** 32-bit fields of a record, such as its signature. */
function long(...values: number[]): Buffer {
  return Buffer.from(Uint32Array.from(values).buffer)
}
