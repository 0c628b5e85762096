/** Applies a request's conditional headers and Range to a response of the cache (`caches`). */

/** Returns the cache's response to a request with conditions or a range; the stored one if it has neither. */
export async function answerFrom(asked: Headers, stored: Response): Promise<Response> {
  if (isUnchanged(asked, stored.headers)) {
    await stored.body?.cancel()
    return new Response(null, { status: 304, statusText: 'Not Modified', headers: stored.headers })
  }
  const range = asked.get('range')
  return range === null || stored.status !== 200 ? stored : partial(range, stored)
}

/**
 * True if the conditions of a request say that the cached response is unchanged. As in RFC 9110, an etag
 * takes precedence over a date.
 */
function isUnchanged(asked: Headers, stored: Headers): boolean {
  const etag = stored.get('etag')
  const tags = asked.get('if-none-match')
  if (tags !== null && etag !== null)
    return tags.split(',').some((tag) => tag.trim() === '*' || weak(tag.trim()) === weak(etag))
  const modified = Date.parse(stored.get('last-modified') ?? '')
  // An invalid date in If-Modified-Since is NaN, which compares as false.
  return tags === null && modified <= parseHttpDate(asked.get('if-modified-since') ?? '')
}

/** Parses an HTTP date to milliseconds since 1970; NaN for any text not in the format of RFC 1123. */
function parseHttpDate(text: string): number {
  return HTTP_DATE.test(text) ? Date.parse(text) : NaN
}

const HTTP_DATE = /^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/

function weak(etag: string): string {
  return etag.replace(/^W\//, '')
}

interface ByteRange {
  first: number
  last: number
}

async function partial(range: string, stored: Response): Promise<Response> {
  // The cache ignores a Range header without a range.
  if (/^\s*(?:bytes\s*=\s*)?$/i.test(range)) return stored
  const bytes = new Uint8Array(await stored.arrayBuffer())
  const ranges = parseRanges(range, bytes.byteLength)
  const [only] = ranges ?? []
  if (ranges === undefined || only === undefined)
    return new Response(null, {
      status: 416,
      statusText: 'Range Not Satisfiable',
      headers: { 'content-range': `bytes */${bytes.byteLength}` },
    })
  const headers = new Headers(stored.headers)
  if (
    ranges.length === 1 &&
    only.last - only.first + 1 === bytes.byteLength &&
    only.first === 0 &&
    isSuffix(range)
  )
    return new Response(bytes, { status: 200, headers })
  const init = { status: 206, statusText: 'Partial Content', headers }
  const contentRange = ({ first, last }: ByteRange): string => `bytes ${first}-${last}/${bytes.byteLength}`
  const part = ({ first, last }: ByteRange): Uint8Array<ArrayBuffer> => bytes.subarray(first, last + 1)
  if (ranges.length === 1) {
    headers.set('content-range', contentRange(only))
    headers.set('content-length', String(part(only).byteLength))
    return new Response(part(only), init)
  }
  const boundary = `unmoor-${crypto.randomUUID()}`
  const type = headers.get('content-type')
  const head = type === null ? '' : `Content-Type: ${type}\r\n`
  const body = new Blob([
    ...ranges.flatMap((one) => [
      `--${boundary}\r\n${head}Content-Range: ${contentRange(one)}\r\n\r\n`,
      part(one),
      '\r\n',
    ]),
    `--${boundary}--`,
  ])
  headers.set('content-type', `multipart/byteranges; boundary=${boundary}`)
  headers.set('content-length', String(body.size))
  return new Response(body, init)
}

/**
 * True for a Range header `bytes=-N` (suffix). If the range covers all or no bytes, Cloudflare returns the
 * whole body.
 */
function isSuffix(range: string): boolean {
  return /^\s*bytes\s*=\s*-\d+\s*$/i.test(range)
}

/**
 * Parses a Range header; undefined if a range is malformed or lies outside of the cached body. Cloudflare
 * refuses a header that it cannot parse, where HTTP would ignore it.
 */
function parseRanges(range: string, size: number): ByteRange[] | undefined {
  const list = /^\s*bytes\s*=(.*)$/is.exec(range)?.[1]
  const ranges: ByteRange[] = []
  for (const text of list?.split(',') ?? []) {
    const [, from = '', to = ''] = /^\s*(\d*)\s*-\s*(\d*)\s*$/.exec(text) ?? []
    if (from === '' && to === '') return undefined
    // In a Range header, `-N` asks for the last N bytes.
    const suffix = Number(to) === 0 ? size : Number(to)
    const first = from === '' ? Math.max(0, size - suffix) : Number(from)
    const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1)
    if (first > last) return undefined
    ranges.push({ first, last })
  }
  return ranges.length === 0 ? undefined : ranges
}
