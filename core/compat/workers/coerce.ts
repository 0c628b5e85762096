/**
 * Converts arguments of a Worker's API calls that have the wrong type as workerd does, by the rules of Web
 * IDL.
 */

/** Converts an argument to text, as workerd does. @throws `TypeError` for a symbol. */
export function toText(value: unknown): string {
  if (typeof value === 'symbol') throw new TypeError('Cannot convert a Symbol value to a string')
  return String(value)
}

const MAX_INT = 2 ** 31 - 1
const MIN_INT = -(2 ** 31)

/**
 * Converts an argument to a 32-bit integer, as workerd does; NaN and infinity become 0. @throws `TypeError`
 * if it is out of range.
 */
export function toInteger(value: unknown): number {
  const number = Number(value)
  if (!Number.isFinite(number)) return 0
  const whole = Math.trunc(number) + 0
  if (whole < MIN_INT || whole > MAX_INT)
    throw new TypeError(`Value out of range. Must be between ${MIN_INT} and ${MAX_INT} (inclusive).`)
  return whole
}

/**
 * Converts an argument (Date or number) to milliseconds since 1970. @throws `TypeError` for anything else.
 */
export function toTime(value: unknown, field: string, dictionary: string): number {
  if (!(value instanceof Date) && typeof value !== 'number') throw wrongType(field, dictionary, 'date')
  const time = Math.trunc(Number(value))
  if (Number.isNaN(time)) throw new TypeError('The value cannot be converted because it is not a valid Date.')
  return time
}

/**
 * Returns a field of an options object that must be text or undefined. As in workerd, no other type is
 * converted. @throws `TypeError` for other types.
 */
export function requireText(value: unknown, field: string, dictionary: string): string | undefined {
  if (value !== undefined && typeof value !== 'string') throw wrongType(field, dictionary, 'string')
  return value
}

/** Creates workerd's error for a field of an options object that has the wrong type. */
export function wrongType(field: string, dictionary: string, type: string): TypeError {
  return new TypeError(
    `Incorrect type for the '${field}' field on '${dictionary}': the provided value is not of type ` +
      `'${type}'.`,
  )
}

/**
 * Creates workerd's error for an argument that is missing or has the wrong type. `parameter` counts from 1.
 */
export function wrongArgument(owner: string, method: string, parameter: number, type: string): TypeError {
  return new TypeError(
    `Failed to execute '${method}' on '${owner}': parameter ${parameter} is not of type '${type}'.`,
  )
}

/**
 * Returns the options object of a Worker's API call; an empty one for undefined and null.
 *
 * @throws `TypeError` with workerd's message for a value that is not an object.
 */
export function readOptions<T extends object>(
  given: T | null | undefined,
  call: { method: string; owner: string; parameter: number; dictionary: string },
): Partial<T> {
  if (given === undefined || given === null) return {}
  if (typeof given === 'object' || typeof given === 'function') return given
  const { method, owner, parameter, dictionary } = call
  throw wrongArgument(owner, method, parameter, dictionary)
}
