import type { BlobConditions, BlobDriver, BlobPutOptions, BlobRange, BlobRecord, DriverFactory } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { checkPutConditions, resolveRange, wantsBody } from '../shared/blob-conditions.ts'
import { listPage } from '../shared/blob-list.ts'
import { dataPath, fileName } from '../shared/location.ts'
import { BlobIndex } from './blob-index.ts'
import { BlobFiles } from './files.ts'

/** Options of the fs driver. */
export interface FsOptions {
  /** Folder, absolute or relative to the data folder. Default: `APP/blob-NAME`. Several processes may share it; it must be on a local file system. */
  path?: string
  /** Whether a put is flushed to the disk before it is answered, so that it survives a power cut. Default: true. */
  durable?: boolean
}

/** Blobs as files. */
export const blob: DriverFactory<'blob', FsOptions> = async (options, context) => {
  const folder = dataPath(options.path, context, `blob-${fileName(context.binding)}`)
  const durable = options.durable ?? true
  const files = new BlobFiles(folder, durable)
  const index = new BlobIndex(folder, durable)
  try {
    for (const file of index.leftovers(files, context.now())) await files.remove(file)
  } catch (error) {
    index.close()
    throw error
  }
  return new FsBlob(index, files, () => context.now())
}

/**
 * The body of each version is a file of its own that never changes; the index says which file is a key's. So a put is one transaction of the index,
 * also between processes: before it the old blob is read, after it the new one, and a crash leaves at most a file that the next start removes.
 */
class FsBlob implements BlobDriver {
  #index: BlobIndex
  #files: BlobFiles
  #now: () => number

  constructor(index: BlobIndex, files: BlobFiles, now: () => number) {
    this.#index = index
    this.#files = files
    this.#now = now
  }

  async head(key: string): Promise<BlobRecord | null> {
    return this.#index.get(key)?.record ?? null
  }

  async get(key: string, options: BlobConditions & { range?: BlobRange | undefined; signal?: AbortSignal | undefined }): ReturnType<BlobDriver['get']> {
    for (let attempt = 0; attempt < 100; attempt++) {
      const found = this.#index.get(key)
      if (found === undefined) return null
      const { record, file } = found
      if (!wantsBody(record, options)) return { record, body: null }
      const range = resolveRange(options.range, record)
      const body = await this.#files.read(file, range ?? { offset: 0, length: record.size }, options.signal)
      // A put or delete between the look-up and here took the file away: look again.
      if (body !== undefined) return { record, range, body }
      if (this.#index.get(key)?.file === file) break
    }
    throw new UnmoorError(
      'Internal',
      `The file of the blob ${JSON.stringify(key)} is missing from ${this.#files.folder}, though the index has it. Restore the folder from a backup, or delete the blob.`,
    )
  }

  async put(key: string, body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>, options: BlobPutOptions): Promise<BlobRecord> {
    const file = this.#files.nameFor(key)
    this.#index.announce(file, this.#now())
    let replaced: string | undefined
    let record: BlobRecord
    try {
      const { size, sha256 } = await this.#files.write(key, file, body, options)
      const { httpMetadata, customMetadata } = options
      record = { key, size, etag: sha256, uploaded: this.#now(), httpMetadata, customMetadata }
      replaced = this.#index.replace(record, file, (current) => checkPutConditions(key, current, options))
    } catch (error) {
      await this.#drop(file)
      throw error
    }
    if (replaced !== undefined) await this.#drop(replaced)
    return record
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const file of this.#index.delete(keys, this.#now())) await this.#drop(file)
  }

  /** Removes a file that no key names any more. What cannot be removed now is left to the next start. */
  async #drop(file: string): Promise<void> {
    try {
      await this.#files.remove(file)
      this.#index.forget(file)
    } catch {}
  }

  async list(options: Parameters<BlobDriver['list']>[0]): ReturnType<BlobDriver['list']> {
    return listPage(options, (start, count) => this.#index.scan(start, count))
  }

  close(): void {
    this.#index.close()
  }
}
