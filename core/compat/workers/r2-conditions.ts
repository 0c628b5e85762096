/**
 * Conditions and ranges of R2:
 * https://developers.cloudflare.com/r2/api/workers/workers-api-reference/#conditional-operations
 */

import { requireText, toTime } from './coerce.ts'

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

/**
 * Reads the conditions of an R2 call; undefined if there are none. @throws `TypeError` for a quoted etag, as
 * R2 does.
 */
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
      // R2 conditions from HTTP headers compare whole seconds, as HTTP dates have no fractions.
      seconds: true,
    }
  }
  const time = (name: 'uploadedBefore' | 'uploadedAfter'): number | undefined =>
    given[name] === undefined ? undefined : toTime(given[name], name, 'Conditional')
  for (const name of ['etagMatches', 'etagDoesNotMatch'] as const) {
    const etag = requireText(given[name], name, 'Conditional')
    if (etag?.startsWith('"') === true || etag?.endsWith('"') === true)
      throw new TypeError(`Conditional ETag should not be wrapped in quotes (${etag}).`)
  }
  return {
    matches: given.etagMatches === undefined ? undefined : [given.etagMatches],
    differs: given.etagDoesNotMatch === undefined ? undefined : [given.etagDoesNotMatch],
    before: time('uploadedBefore'),
    after: time('uploadedAfter'),
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

/**
 * True if the conditions of an R2 call hold for an object, or for none (undefined). An etag takes precedence
 * over a date, as in HTTP.
 */
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

/** Converts the range of an R2 get to the range of a portable blob read; undefined for the whole object. */
export function readRange(
  given: R2Range | Headers | undefined,
  size: number,
): { offset: number; length?: number } | { suffix: number } | undefined {
  if (given === undefined || given === null) return undefined
  if (given instanceof Headers) return headerRange(given.get('range'), size)
  const { suffix, offset = 0, length } = wholeNumbers(given)
  if (suffix !== undefined) return { suffix }
  if (offset < 0)
    throw new RangeError(`Invalid range. Starting offset (${offset}) must be greater than or equal to 0.`)
  if (length !== undefined && length < 0)
    throw new RangeError(`Invalid range. Length (${length}) must be greater than or equal to 0.`)
  return length === undefined ? { offset } : { offset, length }
}

const RANGE_FIELDS = { offset: 'Starting offset', length: 'Length', suffix: 'Suffix' } as const

/** Converts the fields of an R2 range to numbers. @throws `RangeError` as R2 does, for a fraction. */
function wholeNumbers(range: object): Partial<Record<keyof typeof RANGE_FIELDS, number>> {
  const numbers: Partial<Record<keyof typeof RANGE_FIELDS, number>> = {}
  for (const [name, title] of Object.entries(RANGE_FIELDS) as [keyof typeof RANGE_FIELDS, string][]) {
    const given = (range as Record<string, unknown>)[name]
    if (given === undefined) continue
    const number = Number(given)
    if (!Number.isInteger(number))
      throw new RangeError(`Invalid range. ${title} (${number}) must be an integer, not floating point.`)
    numbers[name] = number
  }
  return numbers
}

/** Parses the Range header of an R2 get; an unusable one is ignored, as in R2. */
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
