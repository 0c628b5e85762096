const SLUG = /^[A-Za-z0-9_-]{2,64}$/
/** Paths that the app itself uses. */
const RESERVED = new Set(['api', 'icons', 'stats', 'index'])
const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789'

/** The slug if it may be one. */
export function checkSlug(slug: unknown): string | undefined {
  return typeof slug === 'string' && SLUG.test(slug) && !RESERVED.has(slug.toLowerCase()) ? slug : undefined
}

/** The address in its normal form if it is an absolute http or https address. */
export function checkUrl(url: unknown): string | undefined {
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined
  const parsed = new URL(url)
  return parsed.protocol === 'http:' || parsed.protocol === 'https:' ? parsed.href : undefined
}

/** Eight letters and digits that are not mistaken for each other. */
export function randomSlug(): string {
  // 31 letters divide no power of two: the few bytes above the last multiple are thrown again, so that none
  // is more likely.
  let slug = ''
  while (slug.length < 8) {
    for (const byte of crypto.getRandomValues(new Uint8Array(16))) {
      if (byte < 248 && slug.length < 8) slug += LETTERS[byte % 31]
    }
  }
  return slug
}
