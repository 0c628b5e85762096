import { invalidArgument, limitExceeded } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import { type BodyInput, isStream, readAll, utf8, viewBytes } from './bytes.ts'
import { checkKey, checkText } from './keys.ts'
import type { Where } from './operation.ts'

/** A blob upload in parts: plain data, so that another request can go on with it. */
export interface BlobUpload {
  readonly key: string
  readonly id: string
}

/** A part of a blob upload that was stored: plain data, for `completeUpload`. */
export interface BlobPart {
  /** Number of the blob upload's part, from 1. */
  readonly part: number
  readonly etag: string
  /** Size of the blob upload's part in bytes. */
  readonly size: number
}

/** Checks a blob upload that the app hands back: what `startUpload` returned. */
export function checkUpload(upload: unknown, where: Where): asserts upload is BlobUpload {
  const { key, id } = (typeof upload === 'object' && upload !== null ? upload : {}) as Partial<BlobUpload>
  if (typeof id !== 'string' || id === '')
    throw invalidArgument(
      where,
      `${where.binding}.${where.operation}: the first argument is what startUpload gave.`,
    )
  checkKey(key, where, 'blob.key', LIMITS['blob.key'])
}

/** Checks the number of a blob upload's part. */
export function checkPartNumber(part: unknown, where: Where): asserts part is number {
  const max = LIMITS['blob.parts']
  if (typeof part !== 'number' || !Number.isInteger(part) || part < 1)
    throw invalidArgument(
      where,
      `${where.binding}.${where.operation}: a part's number is a whole number from 1 to ${max}.`,
    )
  if (part > max) throw limitExceeded(where, 'blob.parts', part, max)
}

/** Reads the body of a blob upload's part into memory, since platforms want its length before its bytes. */
export async function partBytes(body: BodyInput, where: Where): Promise<Uint8Array<ArrayBuffer>> {
  const max = LIMITS['blob.part.max']
  let bytes: Uint8Array<ArrayBuffer>
  if (typeof body === 'string') {
    checkText(body, where, 'body')
    bytes = utf8(body)
  } else if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) bytes = viewBytes(body)
  else if (isStream(body)) bytes = await readAll(body, where, 'blob.part.max', max)
  else if (body instanceof Blob) bytes = new Uint8Array(await body.arrayBuffer())
  else
    throw invalidArgument(
      where,
      `${where.binding}.${where.operation}: a part is a string, an ArrayBuffer, a view of one, a Blob ` +
        'or a ReadableStream.',
    )
  if (bytes.byteLength === 0)
    throw invalidArgument(where, `${where.binding}.${where.operation}: a part has at least one byte.`)
  if (bytes.byteLength > max) throw limitExceeded(where, 'blob.part.max', bytes.byteLength, max)
  return bytes
}

/**
 * Checks the parts of a blob upload and returns them in order. R2 and S3 both want all parts but the last to
 * be equally long and at least 5 MiB, and the last to be no longer than the others.
 */
export function checkParts(parts: unknown, where: Where): BlobPart[] {
  const fail = (text: string): never => {
    throw invalidArgument(where, `${where.binding}.${where.operation}: ${text}`)
  }
  if (!Array.isArray(parts) || parts.length === 0)
    return fail('takes an array of at least one part, each as uploadPart gave it.')
  const sorted = (parts as Partial<BlobPart>[]).map((given): BlobPart => {
    const { part, etag, size } =
      typeof given === 'object' && given !== null ? given : ({} as Partial<BlobPart>)
    checkPartNumber(part, where)
    if (typeof etag !== 'string' || etag === '' || typeof size !== 'number')
      return fail('each part is what uploadPart gave.')
    return { part, etag, size }
  })
  sorted.sort((a, b) => a.part - b.part)
  const [first] = sorted as [BlobPart]
  const min = LIMITS['blob.part.min']
  for (const [index, { part, size }] of sorted.entries()) {
    if (sorted[index + 1]?.part === part) fail(`part ${part} is there twice.`)
    const last = index === sorted.length - 1
    if (!last && size < min) fail(`part ${part} has ${size} bytes; all but the last have at least ${min}.`)
    if (last ? size > first.size : size !== first.size)
      fail(
        `part ${part} has ${size} bytes and part ${first.part} ${first.size}; all but the last are ` +
          'equally long, and the last is no longer.',
      )
  }
  const total = sorted.reduce((sum, { size }) => sum + size, 0)
  if (total > LIMITS['blob.size']) throw limitExceeded(where, 'blob.size', total, LIMITS['blob.size'])
  return sorted
}
