/** Stores the metadata of an R2 object in a portable blob, whose own metadata has fewer features. */
import { LIMITS } from '../../limits.ts'
import { utf8, utf8Length } from '../../bindings/bytes.ts'
import { toText, toTime, wrongType } from './coerce.ts'
import { cloudflareError } from './errors.ts'

/** Metadata of R2 that portable blobs lack, kept as one entry of the custom metadata. */
export interface R2Facts {
  /**
   * An R2 object's hex checksums by algorithm. For a multipart upload, `md5` is the MD5 of the parts'
   * checksums, and their number: `hex-3`.
   */
  sums?: Record<string, string>
  /**
   * Storage class of an R2 object, if it is not Standard. It is only reported: the backend stores all objects
   * alike.
   */
  class?: string
  /** An R2 object's `httpMetadata.cacheExpiry`, in milliseconds since 1970. */
  expiry?: number
  /** Fields of an R2 object's HTTP metadata that are not printable ASCII. */
  http?: Partial<Record<HttpField, string>>
  /** All custom metadata of an R2 object, if a portable blob could not store one of its names. */
  custom?: Record<string, string>
}

export interface R2HttpMetadata {
  contentType?: string
  contentLanguage?: string
  contentDisposition?: string
  contentEncoding?: string
  cacheControl?: string
  cacheExpiry?: Date
}

/** Metadata of an R2 object to store, without its checksums. */
export interface R2Metadata {
  /** HTTP metadata of an R2 object that a portable blob stores unchanged. */
  httpMetadata: Partial<Record<HttpField, string>>
  customMetadata: Record<string, string>
  extra: R2Facts
}

/** HTTP headers, each with its field in R2's HTTP metadata. */
export const HTTP_FIELDS = [
  ['content-type', 'contentType'],
  ['content-language', 'contentLanguage'],
  ['content-disposition', 'contentDisposition'],
  ['content-encoding', 'contentEncoding'],
  ['cache-control', 'cacheControl'],
] as const
type HttpField = (typeof HTTP_FIELDS)[number][1]

/** Key of {@link R2Facts} in the custom metadata of a portable blob. */
const FACTS = 'unmoor-r2'

/** Names of custom metadata that every portable blob can store. */
const PORTABLE_NAME = /^[a-z0-9][a-z0-9_-]*$/

/**
 * Returns the custom metadata of the blob that stores an R2 object. Extra facts are written only if needed,
 * to save room within S3's limit of 2 KB and to show plain names to other readers of the bucket.
 */
export function storeFacts(
  { customMetadata, extra }: Pick<R2Metadata, 'customMetadata' | 'extra'>,
  sums: Record<string, string>,
): Record<string, string> {
  const isPortable = Object.keys(customMetadata).every((name) => PORTABLE_NAME.test(name) && name !== FACTS)
  const facts: R2Facts = { ...extra, sums, ...(isPortable ? {} : { custom: customMetadata }) }
  return { ...(isPortable ? customMetadata : {}), [FACTS]: encode(facts) }
}

/**
 * Returns the R2 facts and custom metadata that a portable blob stores, whether {@link storeFacts} or another
 * program wrote it.
 */
export function readFacts(stored: Record<string, string>): {
  facts: R2Facts
  customMetadata: Record<string, string>
} {
  const { [FACTS]: text, ...others } = stored
  const facts = text === undefined ? {} : (JSON.parse(text) as R2Facts)
  return { facts, customMetadata: facts.custom ?? others }
}

/**
 * Encodes R2 facts as JSON with all control characters escaped: the S3 driver percent-encodes a text with raw
 * ones, which takes more of S3's 2 KB.
 */
function encode(facts: R2Facts): string {
  return JSON.stringify(facts).replace(
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    /[\u007f-\u009f]/g,
    (control) => `\\u00${control.charCodeAt(0).toString(16)}`,
  )
}

/** Longest checksum that an R2 multipart upload can have. */
const LONGEST_SUM = `${'0'.repeat(32)}-10000`

/** Refuses R2 metadata that is too large for the object of a multipart upload, before any part is sent. */
export function checkSize(metadata: R2Metadata, operation: string): void {
  let size = 0
  for (const [name, value] of Object.entries(storeFacts(metadata, { md5: LONGEST_SUM })))
    size += name.length + utf8Length(value)
  if (size > LIMITS['blob.metadata'])
    throw cloudflareError(
      `${operation}: Your metadata headers exceed the maximum allowed metadata size. (10012)`,
      new RangeError(`It has ${size} bytes; ${LIMITS['blob.metadata']} are kept off Cloudflare.`),
    )
}

/** Reads the metadata options of an R2 put. @throws `TypeError` as R2 does, for values of other types. */
export function readMetadata(options: {
  httpMetadata?: R2HttpMetadata | Headers
  customMetadata?: Record<string, string>
  storageClass?: string
}): R2Metadata {
  const { storageClass, customMetadata = {} } = options
  if (storageClass !== undefined && storageClass !== 'Standard' && storageClass !== 'InfrequentAccess')
    throw new TypeError(`Unknown storage class "${storageClass}".`)
  if (typeof customMetadata !== 'object' || customMetadata === null || Array.isArray(customMetadata))
    throw wrongType('customMetadata', 'PutOptions', 'object')
  const { expiry, fields } = readHttp(options.httpMetadata)
  const isPlain = ([, value]: [string, string]): boolean => /^[\x20-\x7e]*$/.test(value)
  const odd = Object.entries(fields).filter((field) => !isPlain(field))
  return {
    httpMetadata: Object.fromEntries(Object.entries(fields).filter(isPlain)),
    customMetadata: Object.fromEntries(
      Object.entries(customMetadata).map(([name, value]) => [
        name.toWellFormed(),
        toText(value).toWellFormed(),
      ]),
    ),
    extra: {
      ...(expiry === undefined ? {} : { expiry }),
      ...(storageClass === 'InfrequentAccess' ? { class: storageClass } : {}),
      ...(odd.length === 0 ? {} : { http: Object.fromEntries(odd) }),
    },
  }
}

function readHttp(given: R2HttpMetadata | Headers | undefined | null): {
  fields: Partial<Record<HttpField, string>>
  expiry: number | undefined
} {
  const fields: Partial<Record<HttpField, string>> = {}
  const isHeaders = given instanceof Headers
  for (const [header, field] of HTTP_FIELDS) {
    if (isHeaders) {
      const value = given.get(header)
      if (value !== null) fields[field] = fromHeaderText(value)
    } else if (given?.[field] !== undefined) fields[field] = toText(given[field]).toWellFormed()
  }
  const expires = isHeaders ? given.get('expires') : null
  // An invalid Expires date in R2 metadata counts as 1970, as on R2: the response is stale.
  if (expires !== null) return { fields, expiry: Date.parse(expires) || 0 }
  const expiry = isHeaders ? undefined : given?.cacheExpiry
  return {
    fields,
    expiry: expiry === undefined ? undefined : toTime(expiry, 'cacheExpiry', 'HttpMetadata'),
  }
}

/** Encodes an HTTP header value as workerd sends it: one character per byte of the UTF-8 text. */
export function toHeaderText(text: string): string {
  return /^[\0-\x7f]*$/.test(text) ? text : String.fromCharCode(...utf8(text))
}

/** Reverses {@link toHeaderText}; a value that is not UTF-8 is returned unchanged. */
function fromHeaderText(value: string): string {
  if (/^[\0-\x7f]*$/.test(value) || /[^\0-\xff]/.test(value)) return value
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      Uint8Array.from(value, (byte) => byte.charCodeAt(0)),
    )
  } catch {
    return value
  }
}
