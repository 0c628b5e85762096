import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream, existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { UnmoorError } from '../../errors.ts'
import {
  archiveLimits,
  blobPath,
  encodeKv,
  FORMAT,
  MANIFEST_FILE,
  PROGRESS_FILE,
  rootHash,
  sealOf,
  VERSION,
  type ArchivedBinding,
  type ArchiveManifest,
} from './archive-format.ts'
import { LineWriter } from './line-writer.ts'
import type { BlobRecord, BlobWriter, DataKind, KvWriter, Sink, SqlWriter } from './records.ts'

/**
 * Durable state of an archive writer. The journal keeps it, so that a later run drops everything written
 * after it.
 */
export interface ArchiveState {
  started: string
  bindings: Record<string, ArchivedBinding>
}

/** An archive of `unmoor data` that is being written. */
export interface ArchiveSink extends Sink {
  /** State of the archive that is on disk now. */
  readonly state: ArchiveState
  /**
   * Removes files in an archive's folder that no journal lists: those of an abandoned run, and partial blobs
   * of a killed one. Called once, after the journal's first save and before the first write.
   */
  begin(): Promise<void>
  /** Writes the archive's manifest after the last record, which completes the archive. */
  finish(): Promise<ArchiveManifest>
}

/** Options of {@link createArchive}. */
export interface ArchiveOptions {
  /** Durable state of an incomplete archive, to continue it. Default: begins a new archive. */
  resumed?: ArchiveState | undefined
  /** If true, discards an incomplete archive. Default: false. */
  restart?: boolean | undefined
}

/**
 * Creates an archive in `dir`, or continues an incomplete one.
 *
 * @throws `AlreadyExists` for a folder that contains other files; `Conflict` for an incomplete archive of
 * other bindings.
 */
export async function createArchive(
  dir: string,
  app: string,
  bindings: Readonly<Record<string, DataKind>>,
  { resumed, restart = false }: ArchiveOptions = {},
): Promise<ArchiveSink> {
  await mkdir(dir, { recursive: true })
  const found = await readdir(dir)
  const replaces = restart && found.includes(PROGRESS_FILE)
  if (resumed === undefined && !replaces && found.some((name) => name !== PROGRESS_FILE))
    throw new UnmoorError('AlreadyExists', `${dir} is not empty. Export into a folder of its own.`, {
      operation: 'data',
    })
  if (resumed !== undefined && !sameNames(resumed.bindings, bindings))
    throw new UnmoorError(
      'Conflict',
      `${dir} holds half an export of ${Object.keys(resumed.bindings).join(', ')}. Finish it with the ` +
        'same --binding, or begin anew with --restart.',
      { operation: 'data' },
    )
  const state: ArchiveState = resumed ?? {
    started: new Date().toISOString(),
    bindings: Object.fromEntries(
      Object.entries(bindings).map(([name, kind]) => [name, { kind, records: 0, bytes: 0, files: [] }]),
    ),
  }
  return new ArchiveWriter({ dir, app, bindings, state, isNew: resumed === undefined })
}

interface ArchiveParts {
  dir: string
  app: string
  bindings: Readonly<Record<string, DataKind>>
  state: ArchiveState
  /** True if no earlier run of the export has written to the archive. */
  isNew: boolean
}

class ArchiveWriter implements ArchiveSink {
  readonly label: string
  readonly bindings: Readonly<Record<string, DataKind>>
  readonly state: ArchiveState
  #app: string
  #isNew: boolean
  #writers = new Map<string, LineWriter>()

  constructor({ dir, app, bindings, state, isNew }: ArchiveParts) {
    this.label = dir
    this.bindings = bindings
    this.state = state
    this.#app = app
    this.#isNew = isNew
  }

  async begin(): Promise<void> {
    const dir = this.label
    if (this.#isNew)
      for (const folder of ['kv', 'blob', 'sql'])
        await rm(join(dir, folder), { recursive: true, force: true })
    for (const binding of Object.keys(this.bindings)) await removeParts(dataFolder(dir, binding))
  }

  kvWriter(binding: string): KvWriter {
    return {
      isEmpty: async () => true,
      write: async (records) => {
        const lines = await this.#writer(binding, `kv/${binding}`)
        for (const record of records) {
          lines.add(encodeKv(record), record.value.byteLength)
        }
        await lines.drain()
      },
      flush: () => this.#flush(),
    }
  }

  blobWriter(binding: string): BlobWriter {
    return {
      isEmpty: async () => true,
      write: async (record) => {
        const hash = await storeBytes(this.label, binding, record)
        const { key, size, httpMetadata, customMetadata } = record
        const lines = await this.#writer(binding, `blob/${binding}/index`)
        lines.add(JSON.stringify({ key, size, sha256: hash, httpMetadata, customMetadata }), size)
        await lines.drain()
        return hash
      },
      flush: () => this.#flush(),
    }
  }

  sqlWriter(binding: string): SqlWriter {
    const own = this.state.bindings[binding] as ArchivedBinding
    return {
      prepare: async (schema) => {
        own.schema = schema
        own.tables ??= Object.fromEntries(schema.tables.map(({ name }) => [name, { records: 0, files: [] }]))
        return schema
      },
      isEmpty: async () => true,
      write: async (table, rows) => {
        const lines = await this.#writer(binding, tableFolder(binding, table.name))
        for (const row of rows) lines.add(JSON.stringify(row), 0)
        await lines.drain()
        const counted = own.tables?.[table.name]
        if (counted !== undefined) counted.records += rows.length
      },
      flush: () => this.#flush(),
    }
  }

  async #writer(binding: string, folder: string): Promise<LineWriter> {
    const known = this.#writers.get(folder)
    if (known !== undefined) return known
    const made = await LineWriter.open(this.label, folder, this.state.bindings[binding] as ArchivedBinding)
    this.#writers.set(folder, made)
    return made
  }

  async #flush(): Promise<void> {
    for (const writer of this.#writers.values()) await writer.flush()
  }

  async finish(): Promise<ArchiveManifest> {
    const dir = this.label
    const { bindings, started } = this.state
    await this.#flush()
    await this.close()
    for (const [binding, { tables, files, schema }] of Object.entries(bindings)) {
      for (const [table, counted] of Object.entries(tables ?? {}))
        counted.files = files
          .map(({ name }) => name)
          .filter((name) => name.startsWith(`${tableFolder(binding, table)}/`))
      if (schema === undefined) continue
      await mkdir(join(dir, 'sql', binding), { recursive: true })
      await writeFile(
        join(dir, 'sql', binding, `schema.${schema.dialect}.json`),
        `${JSON.stringify(schema, null, 2)}\n`,
      )
    }
    const manifest: ArchiveManifest = {
      format: FORMAT,
      version: VERSION,
      app: this.#app,
      started,
      finished: new Date().toISOString(),
      limits: archiveLimits(),
      bindings,
      root: rootHash(bindings),
    }
    manifest.seal = sealOf(manifest)
    await writeFile(join(dir, `${MANIFEST_FILE}.part`), `${JSON.stringify(manifest, null, 2)}\n`)
    await rename(join(dir, `${MANIFEST_FILE}.part`), join(dir, MANIFEST_FILE))
    return manifest
  }

  async close(): Promise<void> {
    for (const writer of this.#writers.values()) await writer.close()
  }
}

function tableFolder(binding: string, table: string): string {
  return `sql/${binding}/tables/${encodeURIComponent(table)}`
}

function dataFolder(dir: string, binding: string): string {
  return join(dir, 'blob', binding, 'data')
}

function sameNames(a: object, b: object): boolean {
  return Object.keys(a).sort().join() === Object.keys(b).sort().join()
}

const PART = '.part-'

/** Removes an archive's partial files of blobs, left by a killed run. */
async function removeParts(folder: string): Promise<void> {
  if (!existsSync(folder)) return
  for (const name of await readdir(folder)) if (name.startsWith(PART)) await rm(join(folder, name))
}

/**
 * Stores the bytes of a blob in an archive under their SHA-256, which it returns; equal bytes are stored
 * once.
 */
async function storeBytes(dir: string, binding: string, record: BlobRecord): Promise<string> {
  const folder = dataFolder(dir, binding)
  await mkdir(folder, { recursive: true })
  const part = join(folder, `${PART}${randomUUID()}`)
  const hash = createHash('sha256')
  let size = 0
  try {
    const body = await record.open()
    const source = body instanceof Uint8Array ? Readable.from([body]) : Readable.fromWeb(body as never)
    await pipeline(
      source,
      async function* (chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          hash.update(chunk)
          size += chunk.byteLength
          yield chunk
        }
      },
      createWriteStream(part),
    )
    if (size !== record.size)
      throw new UnmoorError(
        'Conflict',
        `${binding}: the blob ${JSON.stringify(record.key)} changed while it was read. Stop the writes, ` +
          'and run the command again.',
        { binding },
      )
    const hex = hash.digest('hex')
    const path = join(dir, blobPath(binding, hex))
    await mkdir(dirname(path), { recursive: true })
    if (!existsSync(path)) await rename(part, path)
    return hex
  } finally {
    await rm(part, { force: true })
  }
}
