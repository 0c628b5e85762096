/**
 * Metadata of blobs as S3 headers. S3 keeps 2 KB of `x-amz-meta-` names and values, counted after decoding
 * RFC 2047 words, and does not return values with control characters. So printable ASCII stays as it is, and
 * other text is one RFC 2047 word. What neither form can hold (control characters, spaces at the ends, the
 * empty value, text that looks encoded) is percent-encoded after `%utf8%`.
 */
import type { BlobHttpMetadata } from '../../../core/bindings/drivers.ts'

const PREFIX = 'x-amz-meta-'
const PERCENT = '%utf8%'
/**
 * Metadata header with the key of an S3 object whose name was shortened. It cannot clash: portable names of
 * custom metadata have no dot.
 */
const KEY = `${PREFIX}unmoor.key`
/** Content type that S3 reports for an object stored without one. */
const NO_TYPE = 'binary/octet-stream'

const HTTP: readonly (readonly [keyof BlobHttpMetadata, string])[] = [
  ['contentType', 'content-type'],
  ['contentLanguage', 'content-language'],
  ['contentDisposition', 'content-disposition'],
  ['contentEncoding', 'content-encoding'],
  ['cacheControl', 'cache-control'],
]

/**
 * Builds the headers of an S3 put. `key` is passed only if the object's name does not contain the whole key.
 */
export function toHeaders(
  http: BlobHttpMetadata,
  custom: Record<string, string>,
  key: string | undefined,
): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': NO_TYPE }
  for (const [field, header] of HTTP) {
    const value = http[field]
    if (value !== undefined) headers[header] = value
  }
  for (const [name, value] of Object.entries(custom)) headers[PREFIX + name] = encodeValue(value)
  if (key !== undefined) headers[KEY] = encodeValue(key)
  return headers
}

type Headers = NodeJS.Dict<string | string[]>

export function fromHeaders(headers: Headers): {
  httpMetadata: BlobHttpMetadata
  customMetadata: Record<string, string>
  key: string | undefined
} {
  const httpMetadata: BlobHttpMetadata = {}
  for (const [field, header] of HTTP) {
    const value = headers[header]
    if (typeof value === 'string' && !(field === 'contentType' && value === NO_TYPE))
      httpMetadata[field] = value
  }
  const customMetadata: Record<string, string> = {}
  for (const [header, value] of Object.entries(headers)) {
    if (header.startsWith(PREFIX) && header !== KEY && typeof value === 'string')
      customMetadata[header.slice(PREFIX.length)] = decodeValue(value)
  }
  const key = headers[KEY]
  return { httpMetadata, customMetadata, key: typeof key === 'string' ? decodeValue(key) : undefined }
}

function encodeValue(value: string): string {
  const odd =
    value === '' ||
    /^\s|\s$/.test(value) ||
    value.startsWith('=?') ||
    value.startsWith(PERCENT) ||
    hasControls(value)
  if (odd)
    return (
      PERCENT +
      encodeURIComponent(value).replace(/%(2[13-9A-F]|3[A-F]|40|5[B-E]|60|7[B-D])/g, (code) =>
        code === '%25' ? code : decodeURIComponent(code),
      )
    )
  if (/^[\x20-\x7e]*$/.test(value)) return value
  return `=?UTF-8?B?${Buffer.from(value).toString('base64')}?=`
}

function hasControls(value: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return /[\u0000-\u001f\u007f-\u009f]/.test(value)
}

function decodeValue(value: string): string {
  if (value.startsWith(PERCENT)) return decodeURIComponent(value.slice(PERCENT.length))
  if (!value.startsWith('=?')) return value
  // S3 may answer a metadata header with several encoded words in either encoding; white space between words
  // is not part of the text.
  return value
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_, encoding: string, text: string) =>
      encoding.toLowerCase() === 'b'
        ? Buffer.from(text, 'base64').toString()
        : Buffer.from(quotedBytes(text)).toString(),
    )
}

function quotedBytes(text: string): number[] {
  const bytes: number[] = []
  for (let index = 0; index < text.length; index++) {
    const character = text[index] as string
    if (character === '=') {
      bytes.push(Number.parseInt(text.slice(index + 1, index + 3), 16))
      index += 2
    } else bytes.push(character === '_' ? 0x20 : character.charCodeAt(0))
  }
  return bytes
}
