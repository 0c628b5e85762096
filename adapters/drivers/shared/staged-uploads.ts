import { randomUUID } from 'node:crypto'
import { utf8, viewBytes } from '../../../core/bindings/bytes.ts'
import type { BlobDriver, BlobRecord, BlobUploads } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'

type Metadata = Parameters<BlobUploads['start']>[1]
type Bytes = Uint8Array<ArrayBuffer>

/** Milliseconds after which an unfinished blob upload is removed: a week, as on R2. */
const ABANDONED_AFTER = 7 * 24 * 60 * 60_000
const NONE = { httpMetadata: {}, customMetadata: {} }
/**
 * Digits of an upload part's number in its name: enough for 10,000 parts, so that a list has them in order.
 */
const WIDTH = 5

/**
 * Blob uploads in parts for a backend that has none of its own. The parts are blobs of a second store of the
 * same kind (`ID/00001`, beside `ID` with the key and metadata), from which the blob itself is put in one
 * piece at the end. So the guarantees of a put, also in a crash, hold for each step.
 */
export class StagedUploads implements BlobUploads {
  #blobs: BlobDriver
  #stage: BlobDriver
  #now: () => number

  constructor(blobs: BlobDriver, stage: BlobDriver, now: () => number) {
    this.#blobs = blobs
    this.#stage = stage
    this.#now = now
  }

  async start(key: string, { httpMetadata, customMetadata }: Metadata): Promise<string> {
    await this.#sweep()
    const id = randomUUID()
    await this.#stage.put(id, utf8(JSON.stringify({ key, httpMetadata, customMetadata })), NONE)
    return id
  }

  async put(key: string, id: string, part: number, body: Bytes, signal?: AbortSignal): Promise<string> {
    await this.#find(key, id)
    return (await this.#stage.put(partName(id, part), body, { ...NONE, signal })).etag
  }

  async complete(
    key: string,
    id: string,
    parts: readonly { part: number; etag: string }[],
  ): Promise<BlobRecord> {
    const metadata = await this.#find(key, id)
    for (const { part, etag } of parts) {
      if ((await this.#stage.head(partName(id, part)))?.etag !== etag)
        throw new UnmoorError(
          'InvalidArgument',
          `Part ${part} of the upload is not there, or was replaced by another. Upload it again.`,
        )
    }
    const record = await this.#blobs.put(key, this.#joined(id, parts), metadata)
    await this.#remove(id)
    return record
  }

  /** Streams the parts of a blob upload one after the other; each part is opened when it is its turn. */
  #joined(id: string, parts: readonly { part: number; etag: string }[]): ReadableStream<Bytes> {
    const stage = this.#stage
    async function* chunks(): AsyncGenerator<Bytes> {
      for (const { part, etag } of parts) {
        const body = (await stage.get(partName(id, part), { ifMatch: etag }))?.body
        if (!body)
          throw new UnmoorError('Conflict', 'The upload was ended by another while it was being completed.', {
            retryable: false,
          })
        if (body instanceof Uint8Array) yield body
        // An upload's part is read to its end here, so only the stream of the current part holds a file or
        // connection.
        else for await (const chunk of body) yield viewBytes(chunk)
      }
    }
    const source = chunks()
    return new ReadableStream({
      async pull(controller) {
        const { done, value } = await source.next()
        if (done === true) controller.close()
        else controller.enqueue(value)
      },
      async cancel() {
        await source.return(undefined)
      },
    })
  }

  async abort(_key: string, id: string): Promise<void> {
    await this.#remove(id)
  }

  async #find(key: string, id: string): Promise<Metadata> {
    const body = (await this.#stage.get(id, {}))?.body
    if (body) {
      const { key: own, ...metadata } = JSON.parse(await new Response(body).text()) as Metadata & {
        key: string
      }
      if (own === key) return metadata
    }
    throw new UnmoorError('NotFound', `There is no such upload of ${JSON.stringify(key)}, or it has ended.`, {
      details: { kind: 'upload' },
    })
  }

  /**
   * Removes a blob upload in parts: first its own entry, then its parts. Parts that a crash leaves are
   * removed after a week.
   */
  async #remove(id: string): Promise<void> {
    await this.#stage.delete([id])
    for (;;) {
      const { blobs } = await this.#stage.list({ prefix: `${id}/`, limit: 1000 })
      if (blobs.length === 0) return
      await this.#stage.delete(blobs.map(({ key }) => key))
    }
  }

  /** Removes the entries and parts of abandoned blob uploads, when they are a week old. */
  async #sweep(): Promise<void> {
    const { blobs } = await this.#stage.list({ prefix: '', limit: 1000 })
    const old = blobs.filter(({ uploaded }) => uploaded < this.#now() - ABANDONED_AFTER).map(({ key }) => key)
    if (old.length > 0) await this.#stage.delete(old)
  }

  async close(): Promise<void> {
    await this.#stage.close?.()
  }
}

function partName(id: string, part: number): string {
  return `${id}/${String(part).padStart(WIDTH, '0')}`
}
