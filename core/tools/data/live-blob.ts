import { createHash } from 'node:crypto'
import type { BlobDriver } from '../../bindings/drivers.ts'
import { UnmoorError } from '../../errors.ts'
import { isClaimKey } from './claim.ts'
import type { BlobReader, BlobRecord, BlobWriter, Placed, Position } from './records.ts'

const PAGE = 1000

/** Returns a reader of a blob store for a data transfer, in key order. */
export function blobReader(driver: BlobDriver, binding: string): BlobReader {
  return {
    read: (from) => readBlobs(driver, binding, from),
    async count() {
      let count = 0
      let bytes = 0
      for await (const page of pages(driver, undefined)) {
        count += page.length
        for (const { size } of page) bytes += size
      }
      return { count, bytes }
    },
  }
}

async function* pages(
  driver: BlobDriver,
  after: string | undefined,
): AsyncGenerator<Awaited<ReturnType<BlobDriver['list']>>['blobs']> {
  let startAfter = after
  for (;;) {
    const page = await driver.list({
      prefix: '',
      limit: PAGE,
      ...(startAfter === undefined ? {} : { startAfter }),
    })
    yield page.blobs.filter(({ key }) => !isClaimKey(key))
    startAfter = page.blobs.at(-1)?.key
    if (page.cursor === undefined || startAfter === undefined) return
  }
}

async function* readBlobs(
  driver: BlobDriver,
  binding: string,
  from: Position,
): AsyncGenerator<Placed<BlobRecord>> {
  for await (const page of pages(driver, from as string | undefined)) {
    for (const { key } of page) {
      // A blob's `head` is read because a list of blobs may omit some of the metadata.
      const record = await driver.head(key)
      if (record === null) continue
      const { size, httpMetadata, customMetadata } = record
      yield {
        record: { key, size, httpMetadata, customMetadata, open: () => open(driver, binding, key) },
        position: key,
      }
    }
  }
}

async function open(
  driver: BlobDriver,
  binding: string,
  key: string,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer>> {
  const found = await driver.get(key, {})
  if (found === null || found.body === null)
    throw new UnmoorError(
      'Conflict',
      `${binding}: the blob ${JSON.stringify(key)} was removed while it was read. Stop the writes, and ` +
        'run the command again.',
      { binding },
    )
  return found.body
}

/**
 * Returns a writer of a blob store for a data transfer. The driver checks the SHA-256 of the bytes that
 * arrived if the source knows it.
 */
export function blobWriter(driver: BlobDriver): BlobWriter {
  return {
    isEmpty: async () =>
      (await driver.list({ prefix: '', limit: 100 })).blobs.every(({ key }) => isClaimKey(key)),
    async write(record) {
      const hash = createHash('sha256')
      const body = await record.open()
      const options = {
        httpMetadata: record.httpMetadata,
        customMetadata: record.customMetadata,
        ...(record.sha256 === undefined ? {} : { sha256: record.sha256 }),
      }
      if (body instanceof Uint8Array) {
        hash.update(body)
        await driver.put(record.key, body, options)
      } else if (record.size === 0) {
        await body.cancel()
        await driver.put(record.key, new Uint8Array(0), options)
      } else await driver.put(record.key, hashed(body, hash), options)
      return hash.digest('hex')
    },
    async flush() {},
  }
}

/** Passes the stream of a transferred blob through unchanged and hashes its bytes. */
function hashed(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  hash: { update(chunk: Uint8Array): unknown },
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return body.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        hash.update(chunk)
        controller.enqueue(chunk)
      },
    }),
  )
}

/** Reads a blob's body to its end and returns its SHA-256 in hex. */
export async function hashOf(
  body: ReadableStream<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer>,
): Promise<string> {
  const hash = createHash('sha256')
  if (body instanceof Uint8Array) hash.update(body)
  else for await (const chunk of body) hash.update(chunk)
  return hash.digest('hex')
}
