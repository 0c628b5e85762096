/**
 * How a portable key becomes the name of an S3 object, below the binding's prefix. A key is its own name
 * except in three cases. Names still sort as their keys do, by UTF-8 bytes, because the same characters
 * always become the same longer ones:
 *
 * - `.` at the start of a segment becomes `.~`: clients and proxies resolve the segments `.` and `..` away.
 * - DEL becomes DEL `~`, so that DEL `!` is free to mark:
 * - a name over S3's 1,024 bytes (the portable limit of a key is as much, and the prefix comes on top) is cut
 *   and ends in DEL `!` and a hash; the key itself is in the object's metadata. Shortened names sort by their
 *   first ~950 bytes.
 */
import { utf8Length } from '../../../core/bindings/bytes.ts'
import { createHash } from '../shared/hash.ts'

const NAME_LIMIT = 1024
const DEL = '\u007f'
const CUT_MARK = `${DEL}!`
const HASH_LENGTH = 43

/** Escapes what S3 object names must not contain, in a blob's key or in a prefix of keys. */
export function escapeKey(key: string): string {
  return key.replace(/(^|\/)\./g, '$1.~').replaceAll(DEL, `${DEL}~`)
}

/**
 * Returns the blob's key of an S3 name without the binding's prefix; undefined for a shortened name, whose
 * key is in the metadata.
 */
export function unescapeKey(name: string): string | undefined {
  if (name.includes(CUT_MARK)) return undefined
  return name.replaceAll(`${DEL}~`, DEL).replace(/(^|\/)\.~/g, '$1.')
}

/**
 * Returns the S3 object's name for a blob's key. `cut` is true if the name was shortened, so that the
 * metadata must hold the key.
 */
export function objectName(prefix: string, key: string): { name: string; cut: boolean } {
  const name = prefix + escapeKey(key)
  if (name.length * 3 <= NAME_LIMIT || utf8Length(name) <= NAME_LIMIT) return { name, cut: false }
  return {
    name: `${cutName(name)}${CUT_MARK}${createHash('sha256').update(key).digest('base64url')}`,
    cut: true,
  }
}

/**
 * Returns the S3 prefix that the names of all blobs with this key prefix begin with. A shortened prefix may
 * cover other keys too.
 */
export function objectPrefix(prefix: string, keyPrefix: string): string {
  const name = prefix + escapeKey(keyPrefix)
  return name.length * 3 <= NAME_LIMIT || utf8Length(name) <= MAX_CUT ? name : cutName(name)
}

const MAX_CUT = NAME_LIMIT - CUT_MARK.length - HASH_LENGTH

function cutName(name: string): string {
  const bytes = Buffer.from(name)
  let end = MAX_CUT
  // A cut of an S3 name must not be within a UTF-8 character: continuation bytes begin with the bits 10.
  while (((bytes[end] as number) & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end)
}

/**
 * Returns a list's delimiter in its form in S3 names, or undefined if names cannot show it. A delimiter that
 * begins with `.` looks different at the start of a segment, and one that begins with `~` may match a
 * character that escaping added.
 */
export function escapeDelimiter(delimiter: string): string | undefined {
  if (
    (delimiter.startsWith('.') && delimiter.length > 1) ||
    delimiter.startsWith('~') ||
    delimiter.startsWith('!')
  )
    return undefined
  if (delimiter.includes(DEL)) return undefined
  return delimiter.replaceAll('/.', '/.~')
}

/**
 * Encodes an S3 object's name as a URL path: every byte but the unreserved ones and `/`, as the signature
 * requires.
 */
export function encodePath(name: string): string {
  return encodeURIComponent(name)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%2F', '/')
}
