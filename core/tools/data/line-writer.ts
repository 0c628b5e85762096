import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rm, truncate, type FileHandle } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { UnmoorError } from '../../errors.ts'
import { FILE_SIZE, type ArchivedBinding, type ArchiveFile } from './archive-format.ts'

/** Characters of an archive's lines that are buffered before they are written. */
const BUFFER = 4 * 1024 * 1024

/**
 * Appends lines to the numbered files of one folder of an archive, and maintains the binding's list of files.
 * Only lines that {@link flush} has written are durable.
 */
export class LineWriter {
  #dir: string
  #folder: string
  #binding: ArchivedBinding
  #entry: ArchiveFile | undefined
  #handle: FileHandle | undefined
  #hash = createHash('sha256')
  #pending: string[] = []
  #pendingSize = 0
  #bytes = 0

  private constructor(dir: string, folder: string, binding: ArchivedBinding) {
    this.#dir = dir
    this.#folder = folder
    this.#binding = binding
  }

  /**
   * Continues an archive's files after the content that `binding` lists; anything beyond that is removed.
   *
   * @throws `InvalidArgument` for a file that was changed since.
   */
  static async open(dir: string, folder: string, binding: ArchivedBinding): Promise<LineWriter> {
    const writer = new LineWriter(dir, folder, binding)
    await mkdir(join(dir, folder), { recursive: true })
    const known = binding.files.filter(({ name }) => name.startsWith(`${folder}/`))
    for (const name of await readdir(join(dir, folder)))
      if (!known.some((file) => basename(file.name) === name)) await rm(join(dir, folder, name))
    const last = known.at(-1)
    if (last === undefined) return writer
    const path = join(dir, last.name)
    await truncate(path, last.size)
    for await (const chunk of createReadStream(path)) writer.#hash.update(chunk as Uint8Array)
    if (writer.#hash.copy().digest('hex') !== last.sha256)
      throw new UnmoorError(
        'InvalidArgument',
        `${path} was changed since the export was broken off. Remove the folder, and export again.`,
        {
          operation: 'data',
        },
      )
    writer.#entry = last
    writer.#handle = await open(path, 'a')
    return writer
  }

  /** Adds a line to the archive's file; `bytes` is the size of the record's value. */
  add(line: string, bytes: number): void {
    this.#pending.push(line)
    this.#pendingSize += line.length
    this.#bytes += bytes
  }

  /** Writes the buffered lines to the archive's file if there are many. */
  async drain(): Promise<void> {
    if (this.#pendingSize > BUFFER) await this.#write()
  }

  async flush(): Promise<void> {
    await this.#write()
    await this.#handle?.sync()
  }

  async close(): Promise<void> {
    await this.#handle?.close()
    this.#handle = undefined
  }

  async #write(): Promise<void> {
    if (this.#pending.length === 0) return
    const lines = Buffer.from(`${this.#pending.join('\n')}\n`)
    const entry = await this.#file()
    await this.#handle?.appendFile(lines)
    this.#hash.update(lines)
    entry.size += lines.byteLength
    entry.sha256 = this.#hash.copy().digest('hex')
    entry.records += this.#pending.length
    this.#binding.records += this.#pending.length
    this.#binding.bytes += this.#bytes
    this.#pending = []
    this.#pendingSize = 0
    this.#bytes = 0
  }

  /** Returns the archive's file that takes the next lines; a full file is followed by a new file. */
  async #file(): Promise<ArchiveFile> {
    if (this.#entry !== undefined && this.#entry.size < FILE_SIZE) return this.#entry
    await this.#handle?.sync()
    await this.#handle?.close()
    const number = this.#binding.files.filter(({ name }) => name.startsWith(`${this.#folder}/`)).length + 1
    const entry: ArchiveFile = {
      name: `${this.#folder}/${String(number).padStart(6, '0')}.ndjson`,
      size: 0,
      sha256: '',
      records: 0,
    }
    this.#binding.files.push(entry)
    this.#hash = createHash('sha256')
    this.#handle = await open(join(this.#dir, entry.name), 'w')
    this.#entry = entry
    return entry
  }
}
