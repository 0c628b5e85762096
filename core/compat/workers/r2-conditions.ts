/**
 * Conditions and ranges of R2:
 * https://developers.cloudflare.com/r2/api/workers/workers-api-reference/#conditional-operations
 */

export interface R2Conditional {
  etagMatches?: string
  etagDoesNotMatch?: string
  uploadedBefore?: Date
  uploadedAfter?: Date
  secondsGranularity?: boolean
}

interface Conditions {
  matches?: string[] | undefined
  differs?: string[] | undefined
  before?: number | undefined
  after?: number | undefined
  seconds: boolean
}

/** The conditions, or undefined where there are none. @throws `TypeError` for a quoted etag, as R2 does. */
export function readConditions(given: R2Conditional | Headers | undefined): Conditions | undefined {
  if (given === undefined || given === null) return undefined
  if (given instanceof Headers) {
    const date = (name: string): number | undefined => {
      const time = Date.parse(given.get(name) ?? '')
      return Number.isNaN(time) ? undefined : time
    }
    return {
      matches: etagList(given.get('if-match')),
      differs: etagList(given.get('if-none-match')),
      before: date('if-unmodified-since'),
      after: date('if-modified-since'),
      // HTTP dates have whole seconds.
      seconds: true,
    }
  }
  for (const name of ['etagMatches', 'etagDoesNotMatch'] as const) {
    if (given[name]?.startsWith('"') === true || given[name]?.endsWith('"') === true)
      throw new TypeError(`Conditional ETag should not be wrapped in quotes (${given[name]}).`)
  }
  return {
    matches: given.etagMatches === undefined ? undefined : [given.etagMatches],
    differs: given.etagDoesNotMatch === undefined ? undefined : [given.etagDoesNotMatch],
    before: given.uploadedBefore?.getTime(),
    after: given.uploadedAfter?.getTime(),
    seconds: given.secondsGranularity ?? false,
  }
}

function etagList(text: string | null): string[] | undefined {
  return text?.split(',').map((tag) =>
    tag
      .trim()
      .replace(/^W\//, '')
      .replace(/^"(.*)"$/, '$1'),
  )
}

/** Whether they hold for an object (undefined: there is none). As in HTTP, an etag goes before a date. */
export function conditionsHold(
  conditions: Conditions,
  object: { etag: string; uploaded: Date } | undefined,
): boolean {
  const { matches, differs, before, after } = conditions
  if (object === undefined) return matches === undefined && after === undefined
  const named = (etags: readonly string[]): boolean => etags.includes('*') || etags.includes(object.etag)
  const whole = (time: number): number => (conditions.seconds ? Math.floor(time / 1000) : time)
  const uploaded = whole(object.uploaded.getTime())
  if (matches !== undefined ? !named(matches) : before !== undefined && !(uploaded < whole(before)))
    return false
  return differs !== undefined ? !named(differs) : after === undefined || whole(after) < uploaded
}

type R2Range = { offset?: number; length?: number } | { suffix: number }

/** A range as portable blobs take it; undefined for the whole object. */
export function readRange(
  given: R2Range | Headers | undefined,
  size: number,
): { offset: number; length?: number } | { suffix: number } | undefined {
  if (given === undefined || given === null) return undefined
  if (given instanceof Headers) return headerRange(given.get('range'), size)
  if ('suffix' in given && given.suffix !== undefined) return { suffix: given.suffix }
  const { offset = 0, length } = given as { offset?: number; length?: number }
  if (offset < 0)
    throw new RangeError(`Invalid range. Starting offset (${offset}) must be greater than or equal to 0.`)
  if (length !== undefined && length < 0)
    throw new RangeError(`Invalid range. Length (${length}) must be greater than or equal to 0.`)
  return length === undefined ? { offset } : { offset, length }
}

/** A range header that cannot be used counts as none, as R2 has it. */
function headerRange(
  text: string | null,
  size: number,
): { offset: number; length?: number } | { suffix: number } | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(text?.trim() ?? '')
  if (match === null) return undefined
  const [, first = '', last = ''] = match
  if (first === '') return last === '' || Number(last) === 0 ? undefined : { suffix: Number(last) }
  const offset = Number(first)
  if (offset >= size) return undefined
  if (last === '') return { offset }
  return Number(last) < offset ? undefined : { offset, length: Number(last) - offset + 1 }
}
