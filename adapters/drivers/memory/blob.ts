import { createHash } from 'node:crypto'
import { concat } from '../../../core/bindings/bytes.ts'
import type {
  BlobConditions,
  BlobDriver,
  BlobPutOptions,
  BlobRange,
  BlobRecord,
  DriverFactory,
} from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { checkPutConditions, checkSha256, resolveRange, wantsBody } from '../shared/blob-conditions.ts'
import { listPage, type ScanStart } from '../shared/blob-list.ts'
import { eachChunk } from '../shared/chunks.ts'
import { StagedUploads } from '../shared/staged-uploads.ts'
import { SortedMap } from './sorted-map.ts'
import { storeName, Stores } from './store.ts'
import type { MemoryOptions } from './options.ts'

interface Stored {
  record: BlobRecord
  bytes: Uint8Array<ArrayBuffer>
}

const stores = new Stores(() => new SortedMap<Stored>())

/** Blob driver in memory that keeps blobs in a sorted map. */
export const blob: DriverFactory<'blob', MemoryOptions> = (options, context) => {
  const open = (binding: string): MemoryBlob => {
    const { store, close } = stores.open(storeName(options, { app: context.app, binding }))
    return new MemoryBlob(store, () => context.now(), close)
  }
  const blobs = open(context.binding)
  // The store for a blob binding's uploads has a name that cannot clash: no binding's name has a #.
  const uploads = new StagedUploads(blobs, open(`${context.binding}#uploads`), () => context.now())
  return Object.assign(blobs, {
    uploads,
    close: async () => {
      await uploads.close()
      blobs.free()
    },
  })
}

class MemoryBlob implements BlobDriver {
  readonly free: () => void
  #blobs: SortedMap<Stored>
  #now: () => number

  constructor(blobs: SortedMap<Stored>, now: () => number, free: () => void) {
    this.#blobs = blobs
    this.#now = now
    this.free = free
  }

  close(): void {
    this.free()
  }

  async head(key: string): Promise<BlobRecord | null> {
    const stored = this.#blobs.get(key)
    return stored === undefined ? null : structuredClone(stored.record)
  }

  async get(
    key: string,
    options: BlobConditions & { range?: BlobRange | undefined; signal?: AbortSignal | undefined },
  ): ReturnType<BlobDriver['get']> {
    const stored = this.#blobs.get(key)
    if (stored === undefined) return null
    const record = structuredClone(stored.record)
    if (!wantsBody(record, options)) return { record, body: null }
    const range = resolveRange(options.range, record)
    const body =
      range === undefined
        ? stored.bytes.slice()
        : stored.bytes.slice(range.offset, range.offset + range.length)
    return { record, range, body }
  }

  async put(
    key: string,
    body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>,
    options: BlobPutOptions,
  ): Promise<BlobRecord> {
    const chunks: Uint8Array<ArrayBuffer>[] = []
    await eachChunk(body, options.signal, (chunk) => void chunks.push(chunk.slice()))
    const bytes = concat(chunks)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    checkSha256(key, options.sha256, sha256)
    if (options.signal?.aborted)
      throw new UnmoorError('Aborted', 'The put was aborted; nothing was stored.', {
        cause: options.signal.reason,
      })
    // Nothing is awaited between the check of a blob's conditions and the store, so a put is atomic.
    checkPutConditions(key, this.#blobs.get(key)?.record, options)
    const { httpMetadata, customMetadata } = options
    const record = {
      key,
      size: bytes.byteLength,
      etag: sha256,
      uploaded: this.#now(),
      httpMetadata,
      customMetadata,
    }
    this.#blobs.set(key, { record: structuredClone(record), bytes })
    return record
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#blobs.delete(key)
  }

  async list(options: Parameters<BlobDriver['list']>[0]): ReturnType<BlobDriver['list']> {
    const scan = ({ from, inclusive }: ScanStart, count: number): BlobRecord[] => {
      const records: BlobRecord[] = []
      for (const [, { record }] of this.#blobs.from(from, inclusive)) {
        if (records.push(structuredClone(record)) === count) break
      }
      return records
    }
    return listPage(options, { scan })
  }
}
