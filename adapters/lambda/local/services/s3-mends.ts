/**
 * Features of S3 that fauxqs 2.4 lacks, added in front of its routes: expiration of signed URLs (403),
 * conditional writes (412), checksums (400 BadDigest), the size limit of metadata, suffix ranges longer than
 * the object, and lists in UTF-8 byte order (fauxqs sorts by locale and then pages by UTF-16 order, which
 * loses keys).
 */
import { createHash } from 'node:crypto'
import { compareUtf8 } from '../../../../core/bindings/bytes.ts'
import { escapeXml } from '../../../drivers/aws/xml.ts'

interface StoredObject {
  key: string
  contentLength: number
  etag: string
  lastModified: Date
}

/** The part of fauxqs' S3 store that is used. */
export interface S3StoreLike {
  readonly buckets: ReadonlyMap<string, ReadonlyMap<string, StoredObject>>
}

interface S3Request {
  method: string
  params: { bucket?: string; '*'?: string }
  query: Record<string, string | undefined>
  headers: Record<string, string | string[] | undefined>
  body: unknown
}

interface S3Reply {
  status(code: number): S3Reply
  header(name: string, value: string): S3Reply
  send(body?: string): S3Reply
}

/** The part of fauxqs' app that is used. */
export interface S3App {
  addHook(name: 'preHandler', hook: (request: S3Request, reply: S3Reply, done: () => void) => void): unknown
}

/**
 * Adds S3's answers that fauxqs lacks. The hook and fauxqs' handler run in one turn of the event loop, so no
 * other request comes between a check and its write.
 */
export function mendS3(app: S3App, store: S3StoreLike): void {
  app.addHook('preHandler', (request, reply, done) => {
    const { bucket = '', '*': key = '' } = request.params ?? {}
    const objects = store.buckets.get(bucket)
    if (objects === undefined) return done()
    const { method, query } = request
    const refuse = ([status, code, message = code]: NonNullable<Refusal>): void => {
      reply
        .status(status)
        .header('content-type', 'application/xml')
        .send(
          '<?xml version="1.0" ' +
            `encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`,
        )
    }
    if (expired(query, Date.now())) return refuse([403, 'AccessDenied', 'Request has expired'])
    if (method === 'GET' && key === '' && query['list-type'] === '2') {
      reply
        .status(200)
        .header('content-type', 'application/xml')
        .send(listXml(bucket, objects, query))
      return
    }
    const suffix = /^bytes=-(\d+)$/.exec(header(request, 'range') ?? '')?.[1]
    const size = objects.get(key)?.contentLength ?? 0
    if (method === 'GET' && Number(suffix) > size && size > 0) request.headers['range'] = 'bytes=0-'
    const writes =
      (method === 'PUT' && key !== '' && query['partNumber'] === undefined) ||
      (method === 'POST' && query['uploadId'] !== undefined)
    const refusal =
      (writes ? condition(request, objects.get(key)) : undefined) ??
      (method === 'PUT' ? checksum(request) : undefined) ??
      metadata(request)
    if (refusal === undefined) return done()
    refuse(refusal)
  })
}

type Refusal = [status: number, code: string, message?: string] | undefined

/**
 * True if a signed S3 URL has expired: its signature is valid for X-Amz-Expires seconds from X-Amz-Date
 * (`20261125T080000Z`).
 */
function expired(query: S3Request['query'], now: number): boolean {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query['X-Amz-Date'] ?? '')
  if (match === null || query['X-Amz-Expires'] === undefined) return false
  const [year = 0, month = 1, ...rest] = match.slice(1).map(Number)
  return now > Date.UTC(year, month - 1, ...rest) + Number(query['X-Amz-Expires']) * 1000
}

function header(request: S3Request, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}

function condition(request: S3Request, stored: StoredObject | undefined): Refusal {
  const ifMatch = header(request, 'if-match')
  if (ifMatch !== undefined && stored === undefined) return [404, 'NoSuchKey']
  if (ifMatch !== undefined && unquoted(ifMatch) !== unquoted(stored?.etag ?? ''))
    return [412, 'PreconditionFailed']
  if (header(request, 'if-none-match') !== undefined && stored !== undefined)
    return [412, 'PreconditionFailed']
  return undefined
}

function unquoted(etag: string): string {
  return etag.replace(/^"|"$/g, '')
}

function checksum(request: S3Request): Refusal {
  const declared = header(request, 'x-amz-checksum-sha256')
  if (declared === undefined) return undefined
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.from('')
  return createHash('sha256').update(body).digest('base64') === declared ? undefined : [400, 'BadDigest']
}

function metadata(request: S3Request): Refusal {
  let size = 0
  for (const [name, value] of Object.entries(request.headers)) {
    if (name.startsWith('x-amz-meta-'))
      size += name.length - 'x-amz-meta-'.length + decodedLength(String(value))
  }
  return size > 2048 ? [400, 'MetadataTooLarge'] : undefined
}

/** Length of an S3 metadata value as S3 counts it, after decoding RFC 2047 words. */
function decodedLength(value: string): number {
  const word = /^=\?UTF-8\?B\?([A-Za-z0-9+/=]*)\?=$/.exec(value)
  return word === null ? value.length : Buffer.from(word[1] ?? '', 'base64').length
}

function listXml(
  bucket: string,
  objects: ReadonlyMap<string, StoredObject>,
  query: S3Request['query'],
): string {
  const { prefix = '', delimiter = '' } = query
  const token = query['continuation-token']
  const after =
    token === undefined ? (query['start-after'] ?? '') : Buffer.from(token, 'base64url').toString()
  const limit = Math.min(Number(query['max-keys'] ?? 1000), 1000)
  const encode = query['encoding-type'] === 'url' ? encodeKey : escapeXml
  const entries: string[] = []
  let last = ''
  let truncated = false
  for (const object of [...objects.values()]
    .filter(({ key }) => key.startsWith(prefix))
    .sort((a, b) => compareUtf8(a.key, b.key))) {
    const cut = delimiter === '' ? -1 : object.key.indexOf(delimiter, prefix.length)
    const name = cut < 0 ? object.key : object.key.slice(0, cut + delimiter.length)
    // A common prefix appears once in an S3 list, at its first key, and not again on the page after it.
    if (
      name === last ||
      (after !== '' && (compareUtf8(name, after) <= 0 || compareUtf8(object.key, after) <= 0))
    )
      continue
    if (entries.length === limit) {
      truncated = true
      break
    }
    last = name
    entries.push(
      cut < 0
        ? `<Contents><Key>${encode(name)}</Key>` +
            `<LastModified>${object.lastModified.toISOString()}</LastModified>` +
            `<ETag>${escapeXml(object.etag)}</ETag><Size>${object.contentLength}</Size>` +
            `<StorageClass>STANDARD</StorageClass></Contents>`
        : `<CommonPrefixes><Prefix>${encode(name)}</Prefix></CommonPrefixes>`,
    )
  }
  return [
    '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult ' +
      'xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
    `<Name>${bucket}</Name><Prefix>${encode(prefix)}</Prefix><KeyCount>${entries.length}</KeyCount>` +
      `<MaxKeys>${limit}</MaxKeys><IsTruncated>${truncated}</IsTruncated>`,
    query['encoding-type'] === 'url' ? '<EncodingType>url</EncodingType>' : '',
    truncated
      ? `<NextContinuationToken>${Buffer.from(last).toString('base64url')}</NextContinuationToken>`
      : '',
    ...entries,
    '</ListBucketResult>',
  ].join('')
}

/** Encodes an object's key as S3 does for `encoding-type=url`. */
function encodeKey(key: string): string {
  return encodeURIComponent(key).replace(/%2F/g, '/').replace(/%20/g, '+')
}
