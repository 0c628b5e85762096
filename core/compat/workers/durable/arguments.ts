/** Arguments of calls of Durable Object storage, converted as workerd does. */
import { utf8Length } from '../../../bindings/bytes.ts'

/** Limits of Durable Object storage: https://developers.cloudflare.com/durable-objects/platform/limits/ */
const LIMITS = { entry: 2 * 1024 * 1024, keys: 128 }

export interface ListOptions {
  start?: string
  startAfter?: string
  end?: string
  prefix?: string
  reverse?: boolean
  limit?: number
}

/** Converts an argument of Durable Object storage to text; a symbol is refused. */
export function toText(value: unknown): string {
  if (typeof value === 'symbol') throw new TypeError('Cannot convert a Symbol value to a string')
  return String(value)
}

/**
 * Returns the key argument of a Durable Object storage method: one key, or a list. @throws `TypeError` if
 * there is no argument.
 */
export function toKeys(method: string, args: readonly unknown[]): string | string[] {
  if (args.length === 0)
    throw new TypeError(
      `Failed to execute '${method}' on 'DurableObjectStorage': parameter 1 is not of type 'string or ` +
        "Array'.",
    )
  const [keys] = args
  if (!Array.isArray(keys)) return toText(keys)
  checkCount(keys.length)
  return keys.map(toText)
}

/**
 * Returns the entries of Durable Object storage's `put(key, value)` or `put(entries)`. @throws `TypeError`
 * for anything else.
 */
export function toEntries(args: readonly unknown[]): [string, unknown][] {
  if (args.length === 0)
    throw new TypeError(
      "Failed to execute 'put' on 'DurableObjectStorage': parameter 1 is not of type 'string or object'.",
    )
  const [first, second] = args
  const isTable = (typeof first === 'object' && first !== null) || typeof first === 'function'
  if (!isTable || Array.isArray(first)) return [[toText(first), second]]
  if (second !== undefined && second !== null && typeof second !== 'object')
    throw new TypeError(
      'put() may only be called with a single key-value pair and optional options as put(key, value, ' +
        'options) or with multiple key-value pairs and optional options as put(entries, options)',
    )
  const entries = Object.entries(first as Record<string, unknown>).filter(([, value]) => value !== undefined)
  checkCount(entries.length)
  return entries
}

/**
 * Converts the options of `list()` on Durable Object storage; `holder` names the class in errors. @throws
 * `TypeError` for a value that is no options object.
 */
export function toListOptions(holder: string, given: unknown): ListOptions {
  if (given === undefined || given === null) return {}
  if (typeof given !== 'object')
    throw new TypeError(`Failed to execute 'list' on '${holder}': parameter 1 is not of type 'ListOptions'.`)
  const { start, startAfter, end, prefix, reverse, limit } = given as Record<string, unknown>
  if (start !== undefined && startAfter !== undefined)
    throw new TypeError('list() cannot be called with both start and startAfter values.')
  const text = (value: unknown): string | undefined => (value === undefined ? undefined : toText(value))
  // The limit of a storage `list()` becomes a 32-bit integer: 1.5 is 1; NaN and infinity are 0.
  const most = limit === undefined ? undefined : +(limit as number) | 0
  if (most !== undefined && most <= 0) throw new TypeError('List limit must be positive.')
  const options: Record<string, unknown> = {
    start: text(start),
    startAfter: text(startAfter),
    end: text(end),
    prefix: text(prefix),
    limit: most,
    reverse: Boolean(reverse),
  }
  return options
}

/**
 * Latest time of a Durable Object's alarm, in milliseconds since 1970: as nanoseconds it must fit 63 bits.
 * workerd's error message names the year 2189.
 */
const LAST_TIME = 2 ** 63 / 1e6

/**
 * Converts the time of a Durable Object's alarm to milliseconds since 1970; a time in the past becomes now.
 *
 * @throws `TypeError` for an alarm time that is neither a date nor a number.
 */
export function toAlarmTime(given: unknown): number {
  if (typeof given !== 'number' && !(given instanceof Date))
    throw new TypeError(
      "Failed to execute 'setAlarm' on 'DurableObjectStorage': parameter 1 is not of type 'date'.",
    )
  const time = Number(given)
  if (!Number.isFinite(time))
    throw new TypeError('The value cannot be converted because it is not a valid Date.')
  if (time <= 0) throw new TypeError('setAlarm() cannot be called with an alarm time <= 0')
  if (time > LAST_TIME) throw new TypeError("This API doesn't support dates after 2189.")
  return Math.max(Math.trunc(time), Date.now())
}

/**
 * Checks the size of a Durable Object's storage entry. @throws `RangeError` if key and value together are too
 * large.
 */
export function checkEntry(key: string, text: string): void {
  const size = (key.length + text.length) * 3 > LIMITS.entry ? utf8Length(key) + utf8Length(text) : 0
  if (size > LIMITS.entry)
    throw new RangeError(
      `Key and value together cannot be larger than ${LIMITS.entry} bytes. They have ${size}.`,
    )
}

function checkCount(count: number): void {
  if (count > LIMITS.keys) throw new RangeError(`Maximum number of keys is ${LIMITS.keys}.`)
}
