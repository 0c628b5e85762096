import { compareUtf8 } from '../../../core/bindings/bytes.ts'
import { invalidArgument } from '../../../core/errors.ts'
import { type S3Api } from './api.ts'
import { escapeDelimiter, objectName, objectPrefix, unescapeKey } from './names.ts'

/** Arguments of a blob list, as the S3 driver receives them. */
export interface ListOptions {
  prefix: string
  delimiter?: string | undefined
  startAfter?: string | undefined
  cursor?: string | undefined
  limit: number
}

/** An S3 object or group in a blob list. */
export type ListEntry = { name: string } | { group: string }

/** A page of an S3 list below `base`: names of objects, and groups, which are prefixes of portable keys. */
export interface ListPage {
  entries: ListEntry[]
  cursor: string | undefined
}

/** Returns one page of a blob list in S3's order, which is that of UTF-8 bytes. */
export async function listPage(api: S3Api, base: string, options: ListOptions): Promise<ListPage> {
  const { prefix, delimiter, startAfter, limit } = options
  const token = options.cursor === undefined ? undefined : readCursor(options.cursor, options)
  const inName = delimiter === undefined ? '' : escapeDelimiter(delimiter)
  if (delimiter !== undefined && inName === undefined)
    return groupHere(api, base, { ...options, delimiter }, token)
  const page = await listObjects(api, {
    prefix: objectPrefix(base, prefix),
    'max-keys': String(limit),
    ...(inName === '' || inName === undefined ? {} : { delimiter: inName }),
    ...(token === undefined ? {} : { 'continuation-token': token }),
    ...(token !== undefined || startAfter === undefined
      ? {}
      : { 'start-after': objectName(base, startAfter).name }),
  })
  const entries: ListEntry[] = page.entries.map((entry) =>
    'name' in entry ? entry : { group: unescapeKey(entry.group.slice(base.length)) ?? prefix },
  )
  // S3 servers differ in whether they return a group after `startAfter` that sorts before it but holds later
  // keys. Here such a group is left out.
  const kept =
    startAfter === undefined
      ? entries
      : entries.filter((entry) => 'name' in entry || compareUtf8(entry.group, startAfter) > 0)
  return { entries: kept, cursor: page.token === undefined ? undefined : writeCursor(page.token, options) }
}

interface ObjectsPage {
  entries: ({ name: string } | { group: string })[]
  token: string | undefined
}

async function listObjects(api: S3Api, query: Record<string, string>): Promise<ObjectsPage> {
  const { root } = await api.xml({
    operation: 'ListObjectsV2',
    method: 'GET',
    name: '',
    query: { 'list-type': '2', 'encoding-type': 'url', ...query },
    write: false,
    repeatable: true,
  })
  const decode =
    root.text('EncodingType') === 'url'
      ? (text: string) => decodeURIComponent(text.replaceAll('+', ' '))
      : (text: string) => text
  const entries = [
    ...root.all('Contents').map((element) => ({ name: decode(element.text('Key') ?? '') })),
    ...root.all('CommonPrefixes').map((element) => ({ group: decode(element.text('Prefix') ?? '') })),
  ]
  return {
    entries,
    token: root.text('IsTruncated') === 'true' ? root.text('NextContinuationToken') : undefined,
  }
}

/**
 * Lists blobs with a delimiter that S3 cannot apply, because S3 object names contain it in another form. The
 * driver groups the keys of flat S3 pages itself; its cursor contains the last key or group.
 */
async function groupHere(
  api: S3Api,
  base: string,
  options: ListOptions & { delimiter: string },
  token: string | undefined,
): Promise<ListPage> {
  const { prefix, delimiter, limit } = options
  const after = token ?? options.startAfter
  const entries: ListEntry[] = []
  let last: string | undefined
  let next: string | undefined
  for (;;) {
    const page = await listObjects(api, {
      prefix: objectPrefix(base, prefix),
      ...(next === undefined ? {} : { 'continuation-token': next }),
      ...(next !== undefined || after === undefined ? {} : { 'start-after': objectName(base, after).name }),
    })
    for (const entry of page.entries) {
      if (!('name' in entry)) continue
      const key = unescapeKey(entry.name.slice(base.length))
      const cut = key?.indexOf(delimiter, prefix.length) ?? -1
      const group = key === undefined || cut < 0 ? undefined : key.slice(0, cut + delimiter.length)
      if (group !== undefined && (group === last || (after !== undefined && compareUtf8(group, after) <= 0)))
        continue
      if (entries.length === limit) return { entries, cursor: writeCursor(last ?? '', options) }
      last = group ?? key ?? last
      entries.push(group === undefined ? entry : { group })
    }
    if (page.token === undefined) return { entries, cursor: undefined }
    next = page.token
  }
}

type Scope = Pick<ListOptions, 'prefix' | 'delimiter'>

function writeCursor(token: string, { prefix, delimiter }: Scope): string {
  return Buffer.from(JSON.stringify([token, prefix, delimiter ?? null])).toString('base64url')
}

function readCursor(cursor: string, { prefix, delimiter }: Scope): string {
  let parts: unknown
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString())
  } catch {
    parts = undefined
  }
  const [token, ...scope] = Array.isArray(parts) ? (parts as unknown[]) : []
  // Decoding base64url skips unknown characters, so a list's cursor is only valid if encoding it again
  // returns the same text.
  if (
    typeof token !== 'string' ||
    scope[0] !== prefix ||
    scope[1] !== (delimiter ?? null) ||
    writeCursor(token, { prefix, delimiter }) !== cursor
  ) {
    throw invalidArgument({}, 'The cursor is not one that a list with this prefix and delimiter gave.')
  }
  return token
}
