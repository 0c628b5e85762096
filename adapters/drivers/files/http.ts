/**
 * True if the client already has this version of the static asset (RFC 9110 section 13.1.2: If-None-Match
 * compares weakly).
 */
export function isNotModified(request: Request, etag: string): boolean {
  const header = request.headers.get('if-none-match')
  if (header === null) return false
  return header.split(',').some((part) => {
    const tag = part.trim()
    return tag === '*' || tag.replace(/^W\//, '') === etag
  })
}

/**
 * Returns the one byte range that a GET of a static asset asks for; undefined if the whole file is to be
 * sent: without a Range, for a form that is not understood, for several ranges (RFC 9110 section 14.2 lets a
 * server ignore them), and for an If-Range of another version.
 */
export function parseRange(
  request: Request,
  etag: string,
  size: number,
): { offset: number; length: number } | 'unsatisfiable' | undefined {
  const header = request.headers.get('range')
  if (header === null || request.method !== 'GET') return undefined
  const condition = request.headers.get('if-range')
  if (condition !== null && condition !== etag) return undefined
  const match = /^bytes=\s*(\d*)-(\d*)\s*$/.exec(header)
  if (match === null || (match[1] === '' && match[2] === '')) return undefined
  if (match[1] === '') {
    const length = Math.min(Number(match[2]), size)
    return length === 0 ? 'unsatisfiable' : { offset: size - length, length }
  }
  const first = Number(match[1])
  const last = match[2] === '' ? size - 1 : Number(match[2])
  if (last < first && match[2] !== '') return undefined
  if (first >= size) return 'unsatisfiable'
  return { offset: first, length: Math.min(last, size - 1) - first + 1 }
}
