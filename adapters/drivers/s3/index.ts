/** Blobs on Amazon S3, or a server that speaks its protocol. */
import { compareUtf8 } from '../../../core/bindings/bytes.ts'
import type {
  BlobConditions,
  BlobDriver,
  BlobPutOptions,
  BlobRange,
  BlobRecord,
  DriverFactory,
} from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { fitsXml, type Headers, S3Api, unquote } from './api.ts'
import { bodyStream } from './body.ts'
import { listPage, type ListOptions } from './list.ts'
import { fromHeaders, toHeaders } from './metadata.ts'
import { objectName, unescapeKey } from './names.ts'
import { upload } from './upload.ts'
import { S3Uploads } from './uploads.ts'
import type { S3Options } from './options.ts'

export type { AwsOptions } from '../aws/options.ts'
export type { S3Options } from './options.ts'

/** Blob driver on S3. */
export const blob: DriverFactory<'blob', S3Options> = (options, context) => {
  const bucket = options.bucket ?? context.variable('UNMOOR_BUCKET')
  if (bucket === undefined)
    throw new UnmoorError(
      'NotFound',
      `Blob binding "${context.binding}" needs the name of its S3 bucket in UNMOOR_BUCKET.`,
      { binding: context.binding },
    )
  return new S3Blobs(
    new S3Api(bucket, options, context),
    options.prefix ?? `${context.app}/${context.binding}/`,
  )
}

/** Maximum number of concurrent HEADs for a blob list, whose pages on S3 have no metadata. */
const HEADS = 32

class S3Blobs implements BlobDriver {
  readonly uploads: S3Uploads
  #api: S3Api
  #prefix: string

  constructor(api: S3Api, prefix: string) {
    this.#api = api
    this.#prefix = prefix
    this.uploads = new S3Uploads(api, prefix, (key) => this.head(key))
  }

  signedUrl(key: string, method: 'GET' | 'PUT', seconds: number): Promise<string> {
    return this.#api.signedUrl(objectName(this.#prefix, key).name, method, seconds)
  }

  async head(key: string): Promise<BlobRecord | null> {
    return this.#head(objectName(this.#prefix, key).name, key)
  }

  async #head(name: string, key: string | undefined): Promise<BlobRecord | null> {
    const { status, headers, body } = await this.#api.send({
      operation: 'HeadObject',
      method: 'HEAD',
      name,
      write: false,
      repeatable: true,
      accept: [404],
    })
    body.resume()
    return status === 404 ? null : toRecord(headers, key, Number(headers['content-length'] ?? 0))
  }

  async get(
    key: string,
    options: BlobConditions & { range?: BlobRange | undefined; signal?: AbortSignal | undefined },
  ): ReturnType<BlobDriver['get']> {
    const { name } = objectName(this.#prefix, key)
    const { ifMatch, ifNoneMatch, range, signal } = options
    const headers: Record<string, string> = {}
    if (ifMatch !== undefined) headers['if-match'] = `"${ifMatch}"`
    if (ifNoneMatch !== undefined) headers['if-none-match'] = ifNoneMatch === '*' ? '*' : `"${ifNoneMatch}"`
    if (range !== undefined) headers['range'] = toRangeHeader(range)
    for (;;) {
      const response = await this.#api.send({
        operation: 'GetObject',
        method: 'GET',
        name,
        headers,
        write: false,
        repeatable: true,
        accept: [304, 404],
        signal,
      })
      if (response.status === 404) {
        const code = await errorCode(response)
        if (code === 'NoSuchBucket')
          throw new UnmoorError(
            'NotFound',
            `Bucket "${this.#api.bucket}" does not exist. Deploy the stack that creates it, or correct ` +
              'the name.',
            {
              details: { kind: 'bucket' },
            },
          )
        return null
      }
      if (response.status === 304) {
        response.body.resume()
        const record = await this.#head(name, key)
        // The blob was replaced in S3 between the two requests, so the new one is read.
        if (record !== null && ifNoneMatch !== '*' && record.etag !== ifNoneMatch) continue
        return record === null ? null : { record, body: null }
      }
      const part = parseContentRange(response.headers['content-range'])
      const record = toRecord(
        response.headers,
        key,
        part?.size ?? Number(response.headers['content-length'] ?? 0),
      )
      if (range !== undefined && part === undefined) {
        // Some S3 servers answer 200 to a range of an empty object, where S3 answers 416.
        response.body.resume()
        throw new UnmoorError(
          record.size === 0 ? 'RangeNotSatisfiable' : 'Internal',
          record.size === 0
            ? 'The blob is empty, so no range of it holds anything.'
            : 'The server ignored the range.',
        )
      }
      return { record, range: part?.range, body: bodyStream(response.body, `bucket "${this.#api.bucket}"`) }
    }
  }

  async put(
    key: string,
    body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>,
    options: BlobPutOptions,
  ): Promise<BlobRecord> {
    const { name, cut } = objectName(this.#prefix, key)
    const { httpMetadata, customMetadata } = options
    const { etag, size, uploaded } = await upload(
      this.#api,
      name,
      body,
      toHeaders(httpMetadata, customMetadata, cut ? key : undefined),
      options,
    )
    return { key, size, etag, uploaded, httpMetadata, customMetadata }
  }

  async delete(keys: readonly string[]): Promise<void> {
    const names = keys.map((key) => objectName(this.#prefix, key).name)
    const [only] = names
    if (names.length === 1 && only !== undefined) return this.#api.delete(only)
    const together = names.filter(fitsXml)
    const failed = together.length === 0 ? new Map<string, string>() : await this.#api.deleteMany(together)
    for (const name of names.filter((one) => !fitsXml(one))) {
      await this.#api
        .delete(name)
        .catch((error: unknown) => failed.set(name, error instanceof Error ? error.message : String(error)))
    }
    if (failed.size === 0) return
    const indexes = names.flatMap((name, index) => (failed.has(name) ? [index] : []))
    throw new UnmoorError(
      'Unavailable',
      `${indexes.length} of ${keys.length} blobs were not deleted: ${[...failed.values()][0]}`,
      {
        details: { indexes },
        mayHaveApplied: true,
      },
    )
  }

  /**
   * Lists blobs on S3. Each blob costs a HEAD in addition to the list, because S3's lists have no metadata.
   */
  async list(options: ListOptions): ReturnType<BlobDriver['list']> {
    const { entries, cursor } = await listPage(this.#api, this.#prefix, options)
    const names = entries.flatMap((entry) => ('name' in entry ? [entry.name] : []))
    const records = await parallel(names, HEADS, (name) =>
      this.#head(name, unescapeKey(name.slice(this.#prefix.length))),
    )
    // A null record stands for a blob that was deleted after S3 listed it. S3's list for a shortened prefix
    // may also contain keys that do not begin with the whole prefix.
    const blobs = records.filter(
      (record) => record !== null && record.key.startsWith(options.prefix),
    ) as BlobRecord[]
    blobs.sort((a, b) => compareUtf8(a.key, b.key))
    const prefixes = entries.flatMap((entry) => ('group' in entry ? [entry.group] : []))
    return { blobs, prefixes, cursor }
  }
}

function toRangeHeader(range: BlobRange): string {
  if ('suffix' in range) return `bytes=-${range.suffix}`
  return `bytes=${range.offset}-${range.length === undefined ? '' : range.offset + range.length - 1}`
}

function parseContentRange(
  header: string | undefined,
): { range: { offset: number; length: number }; size: number } | undefined {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(header ?? '')
  if (match === null) return undefined
  const [offset, end, size] = match.slice(1).map(Number) as [number, number, number]
  return { range: { offset, length: end - offset + 1 }, size }
}

function toRecord(headers: Headers, key: string | undefined, size: number): BlobRecord {
  const { httpMetadata, customMetadata, key: kept } = fromHeaders(headers)
  return {
    key: key ?? kept ?? '',
    size,
    etag: unquote(headers.etag),
    uploaded: Date.parse(headers['last-modified'] ?? ''),
    httpMetadata,
    customMetadata,
  }
}

async function errorCode(response: Awaited<ReturnType<S3Api['send']>>): Promise<string> {
  let text = ''
  for await (const chunk of response.body) text += String(chunk)
  return /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? ''
}

async function parallel<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++)
      results[index] = await work(items[index] as T)
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker))
  return results
}
