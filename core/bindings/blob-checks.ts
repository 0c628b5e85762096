/** Checks of what callers pass to a `BlobStore`. */
import { invalidArgument, limitExceeded, UnmoorError } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import type { BlobPutOptions } from './blob.ts'
import { isStream, utf8, utf8Length, viewBytes } from './bytes.ts'
import type { BlobConditions, BlobHttpMetadata, BlobRange } from './drivers.ts'
import { checkText } from './keys.ts'
import type { Where } from './operation.ts'

/** Returns the bytes or the stream of a blob's body. @throws `InvalidArgument` if `body` can be neither. */
export function toContent(
  body: unknown,
  where: Where,
): Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> {
  if (typeof body === 'string') {
    checkText(body, where, 'body')
    return utf8(body)
  }
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return viewBytes(body)
  if (isStream(body)) return body
  if (body instanceof Blob) return body.stream()
  throw invalidArgument(
    where,
    `${where.binding}.put: a body is a string, an ArrayBuffer, a view of one, a Blob or a ` +
      `ReadableStream, not ${body === null ? 'null' : typeof body}.`,
  )
}

/**
 * Checks the byte range of a blob read. @throws `InvalidArgument` for a malformed range,
 * `RangeNotSatisfiable` for an empty one.
 */
export function checkRange(range: BlobRange, where: Where): void {
  const numbers = 'suffix' in range ? [range.suffix] : [range.offset, range.length ?? 0]
  if (numbers.some((value) => typeof value !== 'number' || !Number.isInteger(value) || value < 0)) {
    throw invalidArgument(
      where,
      `${where.binding}.get: a range is { offset, length? } or { suffix } in whole bytes.`,
    )
  }
  if (('suffix' in range && range.suffix === 0) || ('length' in range && range.length === 0)) {
    throw new UnmoorError('RangeNotSatisfiable', `${where.binding}.get: the range is empty.`, where)
  }
}

/**
 * Stops a blob operation that was cancelled before it began. @throws `Aborted` if the signal has aborted
 * already.
 */
export function checkSignal(signal: AbortSignal | undefined, where: Where): void {
  if (signal?.aborted)
    throw new UnmoorError('Aborted', `${where.binding}.${where.operation} was aborted before it began.`, {
      ...where,
      cause: signal.reason,
    })
}

/** Checks the etag conditions of a blob write and returns them. @throws `InvalidArgument`. */
export function checkConditions(options: BlobPutOptions, where: Where): BlobConditions {
  const { ifMatch, ifNoneMatch } = options
  if (ifMatch !== undefined && (typeof ifMatch !== 'string' || ifMatch === ''))
    throw invalidArgument(where, `${where.binding}.put: ifMatch is an etag.`)
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*')
    throw invalidArgument(
      where,
      `${where.binding}.put: ifNoneMatch can only be "*" (store only where there is none).`,
    )
  if (ifMatch !== undefined && ifNoneMatch !== undefined)
    throw invalidArgument(where, `${where.binding}.put: give ifMatch or ifNoneMatch, not both.`)
  return { ifMatch, ifNoneMatch }
}

const HTTP_METADATA = [
  'contentType',
  'contentLanguage',
  'contentDisposition',
  'contentEncoding',
  'cacheControl',
] as const

/** Checks the metadata of a blob write and returns it. @throws `InvalidArgument`, `LimitExceeded`. */
export function checkMetadata(
  options: BlobPutOptions,
  where: Where,
): { httpMetadata: BlobHttpMetadata; customMetadata: Record<string, string> } {
  const httpMetadata: BlobHttpMetadata = {}
  const given =
    options.contentType === undefined
      ? options.httpMetadata
      : { ...options.httpMetadata, contentType: options.contentType }
  for (const name of HTTP_METADATA) {
    const value = given?.[name]
    if (value === undefined) continue
    // Blob metadata is sent to clients as HTTP headers, so a value that no header can carry is refused.
    if (typeof value !== 'string' || !/^[\x20-\x7e]*$/.test(value))
      throw invalidArgument(where, `${where.binding}.put: ${name} is printable ASCII, as in an HTTP header.`)
    httpMetadata[name] = value
  }
  const customMetadata: Record<string, string> = {}
  let size = 0
  for (const [name, value] of Object.entries(options.customMetadata ?? {})) {
    if (typeof value !== 'string')
      throw invalidArgument(
        where,
        `${where.binding}.put: customMetadata.${name} is a ${typeof value}, not a string.`,
      )
    if (!/^[a-z0-9][a-z0-9_-]*$/.test(name))
      throw invalidArgument(
        where,
        `${where.binding}.put: the name customMetadata.${name} is not lower-case letters, digits, "-" ` +
          'and "_" (S3 keeps no other).',
      )
    checkText(value, where, `customMetadata.${name}`)
    size += name.length + utf8Length(value)
    customMetadata[name] = value
  }
  if (size > LIMITS['blob.metadata'])
    throw limitExceeded(where, 'blob.metadata', size, LIMITS['blob.metadata'])
  return { httpMetadata, customMetadata }
}
