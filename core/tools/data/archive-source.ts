import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { UnmoorError } from '../../errors.ts'
import {
  blobPath,
  decodeKv,
  readManifest,
  type ArchivedBinding,
  type ArchiveFile,
  type ArchiveManifest,
} from './archive-format.ts'
import { hashOf } from './live-blob.ts'
import type {
  BlobHead,
  BlobRecord,
  DataKind,
  KvRecord,
  Placed,
  Position,
  Row,
  Schema,
  Source,
} from './records.ts'

/** Opens an archive as the source of a data transfer. */
export async function openArchive(
  dir: string,
): Promise<
  Source & { manifest: ArchiveManifest; dir: string; blobHash(record: BlobRecord): Promise<string> }
> {
  const manifest = await readManifest(dir)
  const find = (binding: string, kind: DataKind): ArchivedBinding => {
    const found = manifest.bindings[binding]
    if (found?.kind !== kind)
      throw new UnmoorError('NotFound', `The archive in ${dir} has no ${kind} "${binding}".`, { binding })
    return found
  }
  return {
    label: dir,
    dir,
    manifest,
    blobHash: async (record) => hashOf(await record.open()),
    bindings: Object.fromEntries(Object.entries(manifest.bindings).map(([name, { kind }]) => [name, kind])),
    kv: (binding) => ({
      read: (from) => records(dir, find(binding, 'kv').files, from, decodeKv),
      count: async () => ({ count: find(binding, 'kv').records, bytes: find(binding, 'kv').bytes }),
    }),
    blob: (binding) => ({
      read: (from) => records(dir, find(binding, 'blob').files, from, (line) => toBlob(dir, binding, line)),
      count: async () => ({ count: find(binding, 'blob').records, bytes: find(binding, 'blob').bytes }),
    }),
    sql: (binding) => ({
      schema: async () => find(binding, 'sql').schema as Schema,
      read: (table, from) => {
        const { files, tables } = find(binding, 'sql')
        return records(
          dir,
          files.filter(({ name }) => tables?.[table.name]?.files.includes(name)),
          from,
          (line) => JSON.parse(line) as Row,
        )
      },
      count: async (table) => find(binding, 'sql').tables?.[table.name]?.records ?? 0,
    }),
    close: async () => {},
  }
}

interface LinePosition {
  file: string
  /** Number of lines of the archive's file that were read. */
  lines: number
}

async function* records<T extends KvRecord | BlobRecord | Row>(
  dir: string,
  files: readonly ArchiveFile[],
  from: Position,
  decode: (line: string) => T,
): AsyncGenerator<Placed<T>> {
  const start = from as LinePosition | undefined
  const first =
    start === undefined
      ? 0
      : Math.max(
          0,
          files.findIndex(({ name }) => name === start.file),
        )
  for (const [index, { name }] of files.slice(first).entries()) {
    const skip = index === 0 && start !== undefined ? start.lines : 0
    let lines = 0
    const stream = createReadStream(join(dir, name))
    try {
      for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
        lines++
        if (lines <= skip || line === '') continue
        yield {
          record: decodeLine(name, lines, line, decode),
          position: { file: name, lines } satisfies LinePosition,
        }
      }
    } finally {
      stream.destroy()
    }
  }
}

function decodeLine<T>(file: string, number: number, line: string, decode: (line: string) => T): T {
  try {
    return decode(line)
  } catch (cause) {
    throw new UnmoorError(
      'InvalidArgument',
      `${file}:${number} is no record: the archive is damaged. Take another copy of it.`,
      { operation: 'data', cause },
    )
  }
}

function toBlob(dir: string, binding: string, line: string): BlobRecord {
  const head = JSON.parse(line) as BlobHead & { sha256: string }
  // An archived blob's hash is checked because it becomes a part of a path.
  if (!/^[0-9a-f]{64}$/.test(head.sha256)) throw new TypeError('sha256 is not 64 hexadecimal digits')
  const path = join(dir, blobPath(binding, head.sha256))
  return {
    ...head,
    async open() {
      const found = await stat(path).catch(() => undefined)
      if (found === undefined || found.size !== head.size)
        throw new UnmoorError(
          'ChecksumMismatch',
          `The bytes of the blob ${JSON.stringify(head.key)} are ` +
            `${found === undefined ? 'missing' : `${found.size} and not ${head.size} bytes long`} in ` +
            `${path}. Take another copy of the archive.`,
          { binding },
        )
      return Readable.toWeb(createReadStream(path)) as unknown as ReadableStream<Uint8Array<ArrayBuffer>>
    },
  }
}
