/** What a bucket's name must be, for errors. */
export const BUCKET_NAME = '3 to 63 characters of a-z, 0-9 and "-", with no "-" at either end'

/** Returns true if R2 takes the text as a bucket's name; wrangler refuses a config that has another one. */
export function isBucketName(name: string): boolean {
  return /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(name)
}
