import { invalidArgument, limitExceeded } from '../errors.ts'
import type { LimitName } from '../limits.ts'
import { utf8Length } from './bytes.ts'
import type { Where } from './operation.ts'

/** Checks a key of a kv or blob store: 1 to the limit's bytes of well-formed text, not `.` or `..`. */
export function checkKey(key: unknown, where: Where, limit: LimitName, max: number): asserts key is string {
  if (typeof key !== 'string')
    throw invalidArgument(
      where,
      `${where.binding}.${where.operation}: a key is a string, not ${key === null ? 'null' : typeof key}.`,
    )
  if (key === '' || key === '.' || key === '..')
    throw invalidArgument(
      where,
      `${where.binding}.${where.operation}: the key ${JSON.stringify(key)} is not allowed.`,
    )
  checkText(key, where, 'key')
  // A UTF-16 unit is at most three bytes in UTF-8, so a short KV or blob key is within the limit without
  // counting its bytes.
  if (key.length * 3 > max) {
    const size = utf8Length(key)
    if (size > max) throw limitExceeded(where, limit, size, max)
  }
}

/** Refuses text with a lone surrogate, which every backend would replace by something else. */
export function checkText(text: string, where: Where, what: string): void {
  if (!text.isWellFormed())
    throw invalidArgument(
      where,
      `${where.binding}.${where.operation}: the ${what} is not well-formed text (it has half of a ` +
        'surrogate pair).',
    )
}

/** Checks the page size of a list of keys. */
export function checkPageSize(limit: unknown, where: Where, name: LimitName, max: number): number {
  if (limit === undefined) return max
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 1)
    throw invalidArgument(
      where,
      `${where.binding}.${where.operation}: limit is a whole number from 1 to ${max}.`,
    )
  if (limit > max) throw limitExceeded(where, name, limit, max)
  return limit
}
