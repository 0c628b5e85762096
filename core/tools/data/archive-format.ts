/**
 * Format of the archive that `unmoor data` exports: a folder that can be read without a tool. See the README
 * beside this file.
 */
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { Buffer } from 'node:buffer'
import { UnmoorError } from '../../errors.ts'
import { LIMITS } from '../../limits.ts'
import { sha256, type DataKind, type KvRecord, type Schema } from './records.ts'

export const FORMAT = 'unmoor-archive'
export const VERSION = 1
export const MANIFEST_FILE = 'manifest.json'
/** Name of an export's journal, which exists only until the archive is complete. */
export const PROGRESS_FILE = 'progress.json'
/** Bytes after which an archive's file of records is full and the next file begins. */
export const FILE_SIZE = 64 * 1024 * 1024

/** A file of records in an archive, as its manifest lists it. */
export interface ArchiveFile {
  /** Path of the file of records, relative to the archive's folder. */
  name: string
  size: number
  sha256: string
  records: number
}

/** Entry of one binding in an archive's manifest. */
export interface ArchivedBinding {
  kind: DataKind
  records: number
  /** Total bytes of a binding's values and blobs in the archive. */
  bytes: number
  files: ArchiveFile[]
  /** Database schema in the archive; sql bindings only. */
  schema?: Schema
  /** Number of archived rows per table, in the order of the schema; sql bindings only. */
  tables?: Record<string, { records: number; files: string[] }>
}

/** Content of an archive's `manifest.json`, which is written after everything else. */
export interface ArchiveManifest {
  format: typeof FORMAT
  version: number
  app: string
  /** Start and end of the export into the archive, as ISO times. */
  started: string
  finished: string
  /** Limits that every record of the archive meets, by name. */
  limits: Readonly<Record<string, number>>
  bindings: Record<string, ArchivedBinding>
  /** Hash of the whole archive: SHA-256 of one line `sha256  name` per file, sorted by name. */
  root: string
  /** SHA-256 of the manifest's own JSON without this field; archives of unmoor 0.1 have none. */
  seal?: string
}

/** The fields of a manifest without a seal. */
const UNSEALED: ReadonlySet<string> = new Set([
  'format',
  'version',
  'app',
  'started',
  'finished',
  'limits',
  'bindings',
  'root',
])

/** Computes the root hash of an archive's files. */
export function rootHash(bindings: ArchiveManifest['bindings']): string {
  const lines = Object.values(bindings)
    .flatMap(({ files }) => files)
    .map(({ name, sha256: hash }) => `${hash}  ${name}\n`)
    .sort()
  return sha256(lines.join(''))
}

/** Computes the seal of a manifest, which shows a change of its counts, tables and schemas too. */
export function sealOf(manifest: ArchiveManifest): string {
  return sha256(JSON.stringify({ ...manifest, seal: undefined }))
}

function isSealed(manifest: ArchiveManifest): boolean {
  // A manifest whose field `seal` was damaged has a field that no version wrote.
  return manifest.seal === undefined
    ? Object.keys(manifest).every((name) => UNSEALED.has(name))
    : manifest.seal === sealOf(manifest)
}

export function archiveLimits(): Record<string, number> {
  return { ...LIMITS }
}

/** Encodes a kv entry as one line of an archive's file of records. */
export function encodeKv({ key, value, metadata, expiration }: KvRecord): string {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(value)
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  // A kv value that is not valid UTF-8 is encoded in base64.
  const content = Buffer.from(text, 'utf8').equals(bytes) ? { v: text } : { b: bytes.toString('base64') }
  return JSON.stringify({
    k: key,
    ...content,
    ...(metadata === undefined ? {} : { m: JSON.parse(metadata) as unknown }),
    ...(expiration === undefined ? {} : { e: expiration }),
  })
}

export function decodeKv(line: string): KvRecord {
  const { k, v, b, m, e } = JSON.parse(line) as { k: string; v?: string; b?: string; m?: unknown; e?: number }
  const value =
    v === undefined ? new Uint8Array(Buffer.from(b ?? '', 'base64')) : new Uint8Array(Buffer.from(v, 'utf8'))
  return { key: k, value, metadata: m === undefined ? undefined : JSON.stringify(m), expiration: e }
}

/**
 * Reads and checks an archive's manifest.
 *
 * @throws `NotFound` without an archive; `InvalidArgument` for an incomplete archive or one of another
 * format.
 */
export async function readManifest(dir: string): Promise<ArchiveManifest> {
  const refuse = (message: string, code: 'InvalidArgument' | 'NotFound' = 'InvalidArgument'): UnmoorError =>
    new UnmoorError(code, message, { operation: 'data' })
  const text = await readFile(join(dir, MANIFEST_FILE), 'utf8').catch(() => undefined)
  if (text === undefined) {
    const begun = await stat(join(dir, PROGRESS_FILE)).catch(() => undefined)
    throw begun === undefined
      ? refuse(`There is no archive in ${dir}: it has no ${MANIFEST_FILE}.`, 'NotFound')
      : refuse(
          `The archive in ${dir} is half: its export has not finished. Run the same "unmoor data ` +
            'export" again; it goes on where it was.',
        )
  }
  let manifest: ArchiveManifest | null
  try {
    manifest = JSON.parse(text) as ArchiveManifest | null
  } catch {
    throw refuse(`${join(dir, MANIFEST_FILE)} is not JSON: the archive is damaged. Take another copy of it.`)
  }
  if (manifest?.format !== FORMAT) throw refuse(`${dir} is no archive of unmoor.`)
  if (manifest.version > VERSION)
    throw refuse(
      `The archive in ${dir} has format ${manifest.version}; this unmoor reads up to ${VERSION}. ` +
        'Install a newer one.',
    )
  if (
    Object.values(manifest.bindings ?? { none: undefined }).some((binding) => !Array.isArray(binding?.files))
  )
    throw refuse(
      `${join(dir, MANIFEST_FILE)} lists no files: the archive is damaged. Take another copy of it.`,
    )
  const wrong = misnamed(manifest)
  if (wrong !== undefined)
    throw refuse(
      `${join(dir, MANIFEST_FILE)} names ${wrong}, which is no place in an archive. Do not trust it.`,
    )
  if (manifest.root !== rootHash(manifest.bindings))
    throw refuse(
      `${join(dir, MANIFEST_FILE)} was changed: its root hash is not that of its files. Take another ` +
        'copy of the archive.',
    )
  if (!isSealed(manifest))
    throw refuse(
      `${join(dir, MANIFEST_FILE)} was changed: its seal is not that of its content. Take another copy of ` +
        'the archive.',
    )
  return manifest
}

/**
 * Returns an archive's binding or file whose name would lead out of its folder, as archives may be untrusted.
 */
function misnamed({ bindings }: ArchiveManifest): string | undefined {
  for (const [binding, { kind, files }] of Object.entries(bindings)) {
    if (!/^\w+$/.test(binding)) return JSON.stringify(binding)
    for (const { name } of files) {
      const parts = name.split('/')
      if (parts[0] !== kind || parts[1] !== binding || parts.some((part) => /^\.{0,2}$|[\\\0]/.test(part)))
        return JSON.stringify(name)
    }
  }
  return undefined
}

/** Compares every file of records in an archive with its manifest; returns the faults. */
export async function damagedFiles(dir: string, manifest: ArchiveManifest): Promise<string[]> {
  const wrong: string[] = []
  for (const { name, size, sha256: expected } of Object.values(manifest.bindings).flatMap(
    ({ files }) => files,
  )) {
    const found = await stat(join(dir, name)).catch(() => undefined)
    if (found === undefined) wrong.push(`${name} is missing`)
    else if (found.size !== size)
      wrong.push(
        `${name} has ${found.size} bytes, not ${size}${found.size < size ? ': it is truncated' : ''}`,
      )
    else if ((await fileHash(join(dir, name))) !== expected)
      wrong.push(`${name} was changed: its sha256 is another`)
  }
  return wrong
}

export async function fileHash(path: string, end?: number): Promise<string> {
  const hash = createHash('sha256')
  if (end === 0) return hash.digest('hex')
  for await (const chunk of createReadStream(path, end === undefined ? {} : { end: end - 1 }))
    hash.update(chunk as Buffer)
  return hash.digest('hex')
}

/** Returns the path of a blob's bytes in an archive. */
export function blobPath(binding: string, hash: string): string {
  return `blob/${binding}/data/${hash.slice(0, 2)}/${hash.slice(2)}`
}
