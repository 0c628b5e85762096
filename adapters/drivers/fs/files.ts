import process from 'node:process'
import { createHash } from 'node:crypto'
import { constants, statSync } from 'node:fs'
import { mkdir, open, rm, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isStream } from '../../../core/bindings/bytes.ts'
import type { BlobPutOptions } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { checkSha256 } from '../shared/blob-conditions.ts'
import { eachChunk } from '../shared/chunks.ts'
import type { ByteStore } from '../shared/indexed-blobs.ts'
import { makeFolder } from '../shared/location.ts'
import { fileError, truncated } from './errors.ts'
import { type ByteRange, streamFile } from './stream.ts'

/** Maximum bytes of a blob's body that is read from its file at once; larger bodies are streamed. */
const READ_WHOLE = 256 * 1024

/** The files in which blobs store their bodies. */
export class BlobFiles implements ByteStore {
  readonly folder: string
  #durable: boolean

  constructor(folder: string, durable: boolean) {
    this.folder = folder
    this.#durable = durable
    makeFolder(join(folder, 'data'))
  }

  get name(): string {
    return this.folder
  }

  /** Writes a whole blob body to a new file. After a failure, the caller removes the file. */
  async write(
    key: string,
    file: string,
    body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>,
    { sha256: announced, signal }: Pick<BlobPutOptions, 'sha256' | 'signal'>,
  ): Promise<{ size: number; sha256: string }> {
    const path = join(this.folder, file)
    let handle: FileHandle | undefined
    try {
      handle = await create(path, this.#durable)
      const target = handle
      const hash = createHash('sha256')
      const size = await eachChunk(body, signal, async (chunk) => {
        hash.update(chunk)
        await writeAll(target, chunk)
      })
      const sha256 = hash.digest('hex')
      checkSha256(key, announced, sha256)
      if (signal?.aborted)
        throw new UnmoorError('Aborted', 'The put was aborted; nothing was stored.', { cause: signal.reason })
      if (this.#durable && MAY_FLUSH) await flush(handle, path)
      return { size, sha256 }
    } catch (error) {
      // A blob's body stream that was not read to its end may hold a connection, so it is cancelled.
      if (handle === undefined && isStream(body)) await body.cancel(error).catch(() => {})
      throw fileError(error, path)
    } finally {
      await handle?.close()
    }
  }

  /** Reads a part of a blob's file; undefined if the file is gone. */
  async read(
    file: string,
    range: ByteRange,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> | undefined> {
    const path = join(this.folder, file)
    let handle: FileHandle
    try {
      handle = await open(path, 'r')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw fileError(error, path)
    }
    if (range.length > READ_WHOLE) return streamFile(handle, path, range, signal)
    try {
      const bytes = new Uint8Array(range.length)
      const { bytesRead } = await handle.read(bytes, 0, range.length, range.offset)
      if (bytesRead < range.length) throw truncated(path)
      return bytes
    } catch (error) {
      throw fileError(error, path)
    } finally {
      await handle.close()
    }
  }

  async remove(file: string): Promise<void> {
    await rm(join(this.folder, file), { force: true })
  }

  /** Milliseconds since a blob's file was last written to; Infinity if there is no such file. */
  idleFor(file: string): number {
    const stats = statSync(join(this.folder, file), { throwIfNoEntry: false })
    return stats === undefined ? Infinity : Date.now() - stats.mtimeMs
  }
}

/** True if open blob files can be flushed to the disk. Node's permission model forbids that. */
const MAY_FLUSH = process.permission === undefined

async function create(path: string, durable: boolean): Promise<FileHandle> {
  // O_SYNC makes each write reach the disk before it returns; file system journals then include the new name.
  // Windows has no such flag.
  const { O_WRONLY, O_CREAT, O_EXCL, O_SYNC } = constants
  const flags = durable && !MAY_FLUSH ? O_WRONLY | O_CREAT | O_EXCL | O_SYNC : 'wx'
  try {
    return await open(path, flags)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    await mkdir(dirname(path), { recursive: true })
    return open(path, flags)
  }
}

/** Flushes a blob file's bytes, and its name in the folder, to the disk. */
async function flush(handle: FileHandle, path: string): Promise<void> {
  await handle.datasync()
  // Windows cannot open a blob file's folder, and does not need the folder flushed.
  if (process.platform === 'win32') return
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array<ArrayBuffer>): Promise<void> {
  let written = 0
  while (written < chunk.byteLength) written += (await handle.write(chunk, written)).bytesWritten
}
