const SLUG = /^[A-Za-z0-9_-]{2,64}$/
/** Slugs that no link may have, because the app itself uses these paths. */
const RESERVED = new Set(['api', 'icons', 'stats', 'index'])
const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789'

/** Returns the slug if it is valid, else undefined. */
export function checkSlug(slug: unknown): string | undefined {
  return typeof slug === 'string' && SLUG.test(slug) && !RESERVED.has(slug.toLowerCase()) ? slug : undefined
}

/** Returns the URL in normal form if it is an absolute http or https URL, else undefined. */
export function checkUrl(url: unknown): string | undefined {
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined
  const parsed = new URL(url)
  return parsed.protocol === 'http:' || parsed.protocol === 'https:' ? parsed.href : undefined
}

/** Returns eight random letters and digits, without those that look alike. */
export function randomSlug(): string {
  // The 31 characters do not divide 256 evenly. Bytes above the last multiple of 31 are skipped, so that no
  // character is more likely than another.
  let slug = ''
  while (slug.length < 8) {
    for (const byte of crypto.getRandomValues(new Uint8Array(16))) {
      if (byte < 248 && slug.length < 8) slug += LETTERS[byte % 31]
    }
  }
  return slug
}
