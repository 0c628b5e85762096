/** A file to add to a tar. */
export interface TarFile {
  /** Path of a file relative to the root of the tar, with `/`. */
  readonly path: string
  readonly mode: number
  readonly data: Buffer
}

const BLOCK = 512

/**
 * Creates a tar that is the same in every build: files are sorted, each folder appears once before its files,
 * all belong to the root user, and all have the first second of 1970 as their time.
 */
export function createTar(files: readonly TarFile[]): Buffer {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  const folders = new Set(sorted.flatMap(({ path }) => foldersOf(path)))
  const entries = [
    ...[...folders].map((path) => ({ path, mode: 0o755, data: undefined })),
    ...sorted,
  ].toSorted((a, b) => (a.path < b.path ? -1 : 1))
  const blocks = entries.flatMap(({ path, mode, data }) => [
    ...header(path, mode, data),
    ...(data === undefined ? [] : padded(data)),
  ])
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)])
}

/** Returns the parent folders of a file's path in a tar: `a/` and `a/b/` for `a/b/c.txt`. */
function foldersOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1)
  return parts.map((_, index) => `${parts.slice(0, index + 1).join('/')}/`)
}

function header(path: string, mode: number, data: Buffer | undefined): Buffer[] {
  const bytes = Buffer.from(path)
  if (bytes.byteLength <= 100)
    return [block(bytes, mode, data === undefined ? '5' : '0', data?.byteLength ?? 0)]
  // A long name in a tar goes into a pax record (POSIX.1-2001) before its file; the record's length counts
  // itself.
  const record = Buffer.from(paxRecord('path', path))
  return [
    block(Buffer.from('pax'), 0o644, 'x', record.byteLength),
    ...padded(record),
    block(bytes.subarray(0, 100), mode, data === undefined ? '5' : '0', data?.byteLength ?? 0),
  ]
}

function paxRecord(name: string, value: string): string {
  const rest = ` ${name}=${value}\n`
  const size = Buffer.byteLength(rest)
  const length = size + String(size + String(size).length).length
  return `${length}${rest}`
}

function block(name: Buffer, mode: number, type: string, size: number): Buffer {
  const head = Buffer.alloc(BLOCK)
  name.copy(head, 0)
  head.write(octal(mode, 7), 100)
  head.write(octal(0, 7), 108)
  head.write(octal(0, 7), 116)
  head.write(octal(size, 11), 124)
  head.write(octal(0, 11), 136)
  head.write('        ', 148)
  head.write(type, 156)
  head.write('ustar\u000000', 257)
  const sum = head.reduce((total, byte) => total + byte, 0)
  head.write(`${octal(sum, 6)}\0 `, 148)
  return head
}

function octal(value: number, length: number): string {
  return value.toString(8).padStart(length, '0')
}

function padded(data: Buffer): Buffer[] {
  return [data, Buffer.alloc((BLOCK - (data.byteLength % BLOCK)) % BLOCK)]
}
