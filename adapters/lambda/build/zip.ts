import { deflateRawSync, crc32 } from 'node:zlib'

/** A file to add to a zip. */
export interface ZipFile {
  /** Path of a file relative to the root of the zip, with `/`. */
  readonly path: string
  readonly data: Buffer
}

const VERSION = 20
/** Flag of a zip entry: the name is UTF-8. */
const FLAGS = 0x0800
const DEFLATE = 8
/** The earliest date of the zip format: midnight of 1 January 1980. */
const DATE = (0 << 9) | (1 << 5) | 1
/**
 * Zip entries are marked as made on Unix and readable by everyone, because Lambda runs the code as a
 * different user.
 */
const MADE_BY = (3 << 8) | VERSION
const MODE = 0o100644

/**
 * Creates a zip (PKWARE's APPNOTE, without the 64-bit form, because Lambda accepts at most 250 MB) that is
 * the same in every build: files are sorted and have no times.
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

/** Encodes 16-bit fields of a record in a zip. */
function short(...values: number[]): Buffer {
  return Buffer.from(Uint16Array.from(values).buffer)
}

/** Encodes 32-bit fields of a record in a zip, such as its signature. */
function long(...values: number[]): Buffer {
  return Buffer.from(Uint32Array.from(values).buffer)
}
