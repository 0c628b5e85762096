import { createHash, randomUUID } from 'node:crypto'
import type {
  BlobConditions,
  BlobDriver,
  BlobPutOptions,
  BlobRange,
  BlobRecord,
} from '../../../core/bindings/drivers.ts'
import { isUnmoorError, UnmoorError } from '../../../core/errors.ts'
import { checkPutConditions, resolveRange, wantsBody } from './blob-conditions.ts'
import { listPage, type Scanner } from './blob-list.ts'
import { StagedUploads } from './staged-uploads.ts'

type Body = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>
type Awaitable<T> = T | Promise<T>

/** Storage of blob bodies, each under a name that is used once. */
export interface ByteStore {
  /** Name of the storage of blob bodies for error messages: a folder, a bucket. */
  readonly name: string
  /**
   * Writes a whole blob body under a new name. After a failure the caller removes the body. Throws
   * `ChecksumMismatch` if its SHA-256 is not the announced one.
   */
  write(
    key: string,
    file: string,
    body: Body,
    options: Pick<BlobPutOptions, 'sha256' | 'signal'>,
  ): Promise<{ size: number; sha256: string }>
  /** Reads a part of a blob's body; undefined if the body is gone. */
  read(
    file: string,
    range: { offset: number; length: number },
    signal: AbortSignal | undefined,
  ): Promise<Body | undefined>
  /** Removes a blob's body; a missing body is no error. */
  remove(file: string): Promise<void>
}

/**
 * Index of a blob store, which has the metadata and the body's name for each key. It also records loose
 * bodies, which no key names: they are being written, or are to be removed, as after a crash.
 */
export interface BlobIndex extends Scanner {
  get(key: string): Awaitable<{ record: BlobRecord; file: string } | undefined>
  /** Records a loose blob body (one that no key names) which is about to be written. */
  announce(file: string, now: number): Awaitable<void>
  /**
   * Makes a loose blob body, which no key names yet, the body of its key in one transaction, unless `check`
   * throws for the current record. Returns the body that was replaced, which is now loose. Fails if the new
   * body has been removed in the meantime, as one that a crashed put left.
   */
  replace(
    record: BlobRecord,
    file: string,
    check: (current: { etag: string } | undefined) => void,
  ): Awaitable<string | undefined>
  /** Removes keys from the blob index and returns their bodies, which no key names any more. */
  delete(keys: readonly string[], now: number): Awaitable<string[]>
  /** Removes a loose blob body (one that no key names) from the index, when the body itself is gone. */
  forget(file: string): Awaitable<unknown>
  close(): Awaitable<void>
}

/**
 * Blobs whose metadata and order are in an index and whose bytes are elsewhere. The body of each version
 * never changes; the index says which body belongs to a key. So a put is one transaction of the index: reads
 * see the old blob before it and the new one after it, and a crash leaves at most a loose body, which no key
 * names. The order of steps guarantees that: record the body as loose, write it, name it in the index, and
 * only then remove the old body.
 */
export class IndexedBlobs implements BlobDriver {
  readonly uploads?: StagedUploads
  #index: BlobIndex
  #bytes: ByteStore
  #now: () => number

  /** `stage` is a second blob index, which holds the parts of uploads. Default: no uploads in parts. */
  constructor(index: BlobIndex, bytes: ByteStore, now: () => number, stage?: BlobIndex) {
    this.#index = index
    this.#bytes = bytes
    this.#now = now
    if (stage !== undefined) this.uploads = new StagedUploads(this, new IndexedBlobs(stage, bytes, now), now)
  }

  async head(key: string): Promise<BlobRecord | null> {
    return (await this.#index.get(key))?.record ?? null
  }

  async get(
    key: string,
    options: BlobConditions & { range?: BlobRange | undefined; signal?: AbortSignal | undefined },
  ): ReturnType<BlobDriver['get']> {
    for (let attempt = 0; attempt < 100; attempt++) {
      const found = await this.#index.get(key)
      if (found === undefined) return null
      const { record, file } = found
      if (!wantsBody(record, options)) return { record, body: null }
      const range = resolveRange(options.range, record)
      const body = await this.#bytes.read(file, range ?? { offset: 0, length: record.size }, options.signal)
      // If a put or delete has removed the blob's body since the look-up, the index is read again.
      if (body !== undefined) return { record, range, body }
      if ((await this.#index.get(key))?.file === file) break
    }
    throw new UnmoorError(
      'Internal',
      `The bytes of the blob ${JSON.stringify(key)} are missing from ${this.#bytes.name}, though the ` +
        'index has it. Restore it from a backup, or delete the blob.',
    )
  }

  async put(key: string, body: Body, options: BlobPutOptions): Promise<BlobRecord> {
    const file = nameFor(key)
    let replaced: string | undefined
    let record: BlobRecord
    try {
      await this.#index.announce(file, this.#now())
      const { size, sha256 } = await this.#bytes.write(key, file, body, options)
      const { httpMetadata, customMetadata } = options
      record = { key, size, etag: sha256, uploaded: this.#now(), httpMetadata, customMetadata }
      replaced = await this.#index.replace(record, file, (current) =>
        checkPutConditions(key, current, options),
      )
    } catch (error) {
      // After a put that failed with unknown outcome the blob index may name the new body, so the body is
      // kept. A body that no key names is removed later.
      if (!(isUnmoorError(error) && error.mayHaveApplied)) await this.#drop(file)
      throw error
    }
    if (replaced !== undefined) await this.#drop(replaced)
    return record
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const file of await this.#index.delete(keys, this.#now())) await this.#drop(file)
  }

  /** Removes a blob body that no key names any more. A body that cannot be removed now is left for later. */
  async #drop(file: string): Promise<void> {
    try {
      await this.#bytes.remove(file)
      await this.#index.forget(file)
    } catch {}
  }

  async list(options: Parameters<BlobDriver['list']>[0]): ReturnType<BlobDriver['list']> {
    return listPage(options, this.#index)
  }

  async close(): Promise<void> {
    await this.uploads?.close()
    await this.#index.close()
  }
}

/**
 * Returns a new name for the body of a blob's version: a hash of `key` and a random part, so that no key can
 * name a path.
 */
function nameFor(key: string): string {
  const hash = createHash('sha256').update(key).digest('hex')
  return `data/${hash.slice(0, 2)}/${hash.slice(2, 32)}-${randomUUID()}`
}
