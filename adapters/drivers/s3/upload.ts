import { concat, viewBytes } from '../../../core/bindings/bytes.ts'
import type { BlobPutOptions } from '../../../core/bindings/drivers.ts'
import { limitExceeded, UnmoorError } from '../../../core/errors.ts'
import { LIMITS } from '../../../core/limits.ts'
import { pause } from '../aws/client.ts'
import { createHash } from '../shared/hash.ts'
import { escapeXml } from '../aws/xml.ts'
import { type Headers, type S3Api, unquote } from './api.ts'

/** Facts about an S3 object that are known after its upload. */
export interface Uploaded {
  etag: string
  size: number
  /** Time of the S3 upload in milliseconds since 1970. */
  uploaded: number
}

type Source = ReadableStream<Uint8Array<ArrayBuffer>>
type Conditions = Pick<BlobPutOptions, 'ifMatch' | 'ifNoneMatch' | 'sha256' | 'signal'>

/**
 * Bytes of a part of an S3 upload, and maximum bytes of a single PutObject. S3 requires parts of 5 MiB at
 * least; 10,000 parts of this size hold more than the largest blob.
 */
const PART = 8 * 1024 * 1024
/**
 * Maximum number of S3 upload parts in flight. With the parts being filled, an upload takes at most 32 MiB of
 * memory.
 */
const IN_FLIGHT = 3
/**
 * Maximum retries of a conditional S3 write after a conflict with another write: S3 answers 409, and AWS says
 * to retry.
 */
const CONFLICT_RETRIES = 8

/** Stores bytes or a stream as an S3 object, all or nothing. */
export async function upload(
  api: S3Api,
  name: string,
  body: Uint8Array<ArrayBuffer> | Source,
  headers: Record<string, string>,
  options: Conditions,
): Promise<Uploaded> {
  const parts = body instanceof Uint8Array ? slices(body) : gather(body, options.signal)
  try {
    const first = await parts.next()
    const bytes = first.done ? new Uint8Array() : first.value
    if (bytes.byteLength < PART || (body instanceof Uint8Array && body.byteLength === PART))
      return await putObject(api, name, bytes, headers, options)
    return await multipart(api, { name, first: bytes, rest: parts, headers, options })
  } finally {
    await parts.return(undefined).catch(() => {})
  }
}

async function* slices(body: Uint8Array<ArrayBuffer>): AsyncGenerator<Uint8Array<ArrayBuffer>, undefined> {
  for (let offset = 0; offset < body.byteLength; offset += PART) yield body.subarray(offset, offset + PART)
}

/** Yields a stream's bytes in pieces of exactly the size of an S3 upload part; the last may be shorter. */
async function* gather(
  stream: Source,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array<ArrayBuffer>, undefined> {
  const reader = stream.getReader()
  const onAbort = (): void => void reader.cancel(signal?.reason).catch(() => {})
  signal?.addEventListener('abort', onAbort, { once: true })
  let ended = false
  try {
    let held: Uint8Array<ArrayBuffer>[] = []
    let size = 0
    while (!ended) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        ended = true
        throw new UnmoorError('Aborted', 'The source stream failed; nothing was stored.', { cause: error })
      })
      if (signal?.aborted) throw aborted(signal)
      if (done) {
        ended = true
        if (size > 0) yield concat(held, size)
        return
      }
      if (!ArrayBuffer.isView(value))
        throw new UnmoorError(
          'InvalidArgument',
          `The stream gave a ${typeof value}, not bytes. Pipe it through a TextEncoderStream.`,
        )
      held.push(viewBytes(value))
      size += value.byteLength
      while (size >= PART) {
        const all = concat(held, size)
        // The upload part is copied, so that it shares no memory with the bytes held for the next part.
        yield all.byteLength === PART ? all : all.slice(0, PART)
        held = [all.subarray(PART)]
        size -= PART
      }
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
    if (!ended) await reader.cancel().catch(() => {})
  }
}

function aborted(signal: AbortSignal): UnmoorError {
  return new UnmoorError('Aborted', 'The upload was aborted; nothing was stored.', { cause: signal.reason })
}

function conditionHeaders({ ifMatch, ifNoneMatch }: Conditions): Record<string, string> {
  return {
    ...(ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` }),
    ...(ifNoneMatch === undefined ? {} : { 'if-none-match': ifNoneMatch }),
  }
}

async function putObject(
  api: S3Api,
  name: string,
  body: Uint8Array<ArrayBuffer>,
  headers: Record<string, string>,
  options: Conditions,
): Promise<Uploaded> {
  const conditions = conditionHeaders(options)
  const checksum = checkSha256(createHash('sha256'), options.sha256, body)
  for (let attempt = 0; ; attempt++) {
    try {
      const answer = await api.text({
        operation: 'PutObject',
        method: 'PUT',
        name,
        body,
        headers: { ...headers, ...conditions, ...checksum },
        write: true,
        // A conditional S3 put is not retried after a failure that leaves its outcome unknown, because the
        // retry could conflict with its own first try.
        repeatable: Object.keys(conditions).length === 0,
        signal: options.signal,
      })
      return { etag: unquote(answer.headers.etag), size: body.byteLength, uploaded: dateOf(answer.headers) }
    } catch (error) {
      if (await refused(error, options, attempt)) continue
      throw error
    }
  }
}

/** Compares the SHA-256 of the bytes to store with the declared one. S3 then compares what arrived. */
function checkSha256(
  hash: ReturnType<typeof createHash>,
  declared: string | undefined,
  body: Uint8Array,
): Record<string, string> {
  if (declared === undefined) return {}
  const digest = hash.update(body).digest()
  if (digest.toString('hex') !== declared) throw mismatch(declared, digest.toString('hex'))
  return { 'x-amz-checksum-sha256': digest.toString('base64') }
}

function mismatch(declared: string, actual: string): UnmoorError {
  return new UnmoorError(
    'ChecksumMismatch',
    `The body's SHA-256 is ${actual}, not ${declared} as declared; nothing was stored.`,
  )
}

/**
 * Waits after a conflict of S3 writes and returns true to try again. A missing object under `ifMatch` becomes
 * a failed condition.
 */
async function refused(error: unknown, options: Conditions, attempt: number): Promise<boolean> {
  if (!(error instanceof UnmoorError)) return false
  if (
    options.ifMatch !== undefined &&
    (error.cause as { code?: unknown } | undefined)?.code === 'NoSuchKey'
  ) {
    throw new UnmoorError('PreconditionFailed', 'There is no such blob, so ifMatch fails.', {
      cause: error.cause,
    })
  }
  if (error.code !== 'Conflict' || attempt >= CONFLICT_RETRIES) return false
  await pause(Math.random() * Math.min(1000, 20 * 2 ** attempt), options.signal)
  return true
}

/** A multipart upload to S3. */
interface Multipart {
  name: string
  /** The first part of the S3 upload; `rest` yields the parts after it. */
  first: Uint8Array<ArrayBuffer>
  rest: AsyncGenerator<Uint8Array<ArrayBuffer>, undefined>
  headers: Record<string, string>
  options: Conditions
}

async function multipart(api: S3Api, upload: Multipart): Promise<Uploaded> {
  const { name, headers, options } = upload
  const { signal } = options
  const created = await api.xml({
    operation: 'CreateMultipartUpload',
    method: 'POST',
    name,
    query: { uploads: '' },
    headers,
    write: true,
    repeatable: true,
    signal,
  })
  const uploadId = created.root.text('UploadId') ?? ''
  try {
    const { etags, size } = await uploadParts(api, uploadId, upload)
    const parts = etags
      .map(
        (etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`,
      )
      .join('')
    const { root } = await api.xml({
      operation: 'CompleteMultipartUpload',
      method: 'POST',
      name,
      query: { uploadId },
      headers: { 'content-type': 'application/xml', ...conditionHeaders(options) },
      body:
        '<CompleteMultipartUpload ' +
        `xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts}</CompleteMultipartUpload>`,
      write: true,
      repeatable: false,
      signal,
    })
    // S3 dates a multipart object by the time when its upload began.
    return { etag: unquote(root.text('ETag')), size, uploaded: dateOf(created.headers) }
  } catch (error) {
    await api
      .text({
        operation: 'AbortMultipartUpload',
        method: 'DELETE',
        name,
        query: { uploadId },
        write: true,
        repeatable: true,
        accept: [404],
      })
      .catch(() => {})
    await refused(error, { ...options, ifNoneMatch: undefined }, CONFLICT_RETRIES)
    throw error
  }
}

async function uploadParts(
  api: S3Api,
  uploadId: string,
  { name, first, rest, options: { sha256, signal } }: Multipart,
): Promise<{ etags: string[]; size: number }> {
  const hash = sha256 === undefined ? undefined : createHash('sha256')
  const etags: string[] = []
  const flying = new Set<Promise<void>>()
  const failed = new AbortController()
  const stop = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal])
  let size = 0
  try {
    for (let part: Uint8Array<ArrayBuffer> | undefined = first, number = 1; part !== undefined; number++) {
      const body = part
      size += body.byteLength
      if (size > LIMITS['blob.size']) throw limitExceeded({}, 'blob.size', size, LIMITS['blob.size'])
      hash?.update(body)
      const query = { partNumber: String(number), uploadId }
      const flight = api
        .text({
          operation: 'UploadPart',
          method: 'PUT',
          name,
          query,
          body,
          write: true,
          repeatable: true,
          signal: stop,
        })
        .then((answer) => {
          etags[number - 1] = String(answer.headers.etag)
          flying.delete(flight)
        })
      // A failed upload of an S3 part is reported where the parts in flight are awaited. This handler only
      // keeps it from counting as an unhandled rejection before.
      flight.catch(() => {})
      flying.add(flight)
      if (flying.size >= IN_FLIGHT) await Promise.race(flying)
      const next: IteratorResult<Uint8Array<ArrayBuffer>, undefined> = await rest.next()
      part = next.value
    }
    await Promise.all(flying)
  } catch (error) {
    failed.abort()
    await Promise.allSettled(flying)
    throw error
  }
  const digest = hash?.digest('hex')
  if (sha256 !== undefined && digest !== undefined && digest !== sha256) throw mismatch(sha256, digest)
  return { etags, size }
}

function dateOf(headers: Headers): number {
  return Date.parse(headers.date ?? '') || Date.now()
}
