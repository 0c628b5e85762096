/** Reads the arguments of an operation that the page of `unmoor dev` asks for. */
import { invalidArgument } from '../../errors.ts'

/** JSON object of an operation: its name `op`, and its arguments. */
export type Arguments = Readonly<Record<string, unknown>>

/** Returns the argument `name`. @throws `InvalidArgument` if it is no text. */
export function textOf(given: Arguments, name: string): string {
  const value = given[name]
  if (typeof value === 'string') return value
  throw invalidArgument({ operation: 'dev' }, `The argument "${name}" is a text, not ${shown(value)}.`)
}

/** Returns the argument `name`, or undefined if it is missing. @throws `InvalidArgument` if it is no text. */
export function optionalText(given: Arguments, name: string): string | undefined {
  return given[name] === undefined || given[name] === null ? undefined : textOf(given, name)
}

/** Returns the argument `name`, or `otherwise`. @throws `InvalidArgument` if it is no whole number from 0. */
export function numberOf(given: Arguments, name: string, otherwise: number): number {
  const value = given[name] ?? otherwise
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  throw invalidArgument(
    { operation: 'dev' },
    `The argument "${name}" is a whole number from 0, not ${shown(value)}.`,
  )
}

/** Returns the list of texts `name`. @throws `InvalidArgument` if it is none. */
export function textsOf(given: Arguments, name: string): string[] {
  const value = given[name]
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value
  throw invalidArgument(
    { operation: 'dev' },
    `The argument "${name}" is a list of texts, not ${shown(value)}.`,
  )
}

function shown(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 100) ?? 'undefined'
}
