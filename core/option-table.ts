/**
 * Types of the options of a target or driver, as data. There is one table per options type, checked by
 * `satisfies OptionTable<Options>`, so that the type and a build's check cannot drift apart.
 */

import { trustProblem, type TrustProxy } from './client.ts'

/** Type of a numeric option: its unit and range. */
export interface NumberOption {
  /** Unit of a numeric option, in the plural: `seconds`, `bytes`, `MB`, `connections`. */
  readonly number: string
  /** Smallest allowed value of a numeric option. Default: 0. */
  readonly min?: number
  /** Largest allowed value of a numeric option. Default: none. */
  readonly max?: number
  /** If true, a numeric option takes only whole numbers. Default: false. */
  readonly whole?: boolean
  /** Number above which a numeric option's value is accepted with a warning. Default: none. */
  readonly warnAbove?: number
  /**
   * If true, the option was in milliseconds before version 0.2, so a refusal or warning suggests the value
   * divided by 1000. Default: false.
   */
  readonly wasMilliseconds?: boolean
}

/**
 * Type of one option of a target or driver. `proxies` is {@link TrustProxy}; `driver` is a driver's name or
 * an object with one; `object` and `list` are checked by the option's owner.
 */
export type OptionType =
  | 'string'
  | 'boolean'
  | 'object'
  | 'list'
  | 'driver'
  | 'proxies'
  | readonly string[]
  | NumberOption
  | { readonly options: Readonly<Record<string, OptionType>> }
  | RenamedOption

/**
 * An old option name that is accepted with a warning. `milliseconds` is true if the old option was in
 * milliseconds and the new one is in seconds.
 */
export interface RenamedOption {
  readonly renamed: string
  readonly milliseconds?: boolean
}

/** Table entry of an option whose values have type `Value`: an old name, or a type. */
export type OptionTypeOf<Value> = RenamedOption | ValueTypeOf<Value>

/** Table entry of an option that was not renamed: {@link OptionTypeOf} without old names. */
export type ValueTypeOf<Value> = [Value] extends [boolean]
  ? 'boolean'
  : [Value] extends [number]
    ? NumberOption
    : [TrustProxy] extends [Value]
      ? 'proxies'
      : string extends Value
        ? 'string' | 'driver'
        : [Value] extends [string]
          ? readonly Value[]
          : 'object' | 'list' | 'driver' | { readonly options: Readonly<Record<string, OptionType>> }

/** Table of an options type: one {@link OptionType} per option, which must match the option's own type. */
export type OptionTable<Options> = {
  readonly [Name in keyof Options]-?: OptionTypeOf<Exclude<Options[Name], undefined>>
}

/** Option tables of a driver, by the kind of binding that it serves. */
export type DriverOptionTables = Readonly<Record<string, Readonly<Record<string, OptionType>>>>

/** The longest time-out that an option takes, in seconds. */
export const LONGEST_TIMEOUT = 900

/** Type of a time-out option, in seconds. */
export const TIMEOUT: NumberOption = { number: 'seconds', min: 0.001, max: LONGEST_TIMEOUT }

/**
 * Type of a time-out option that was in milliseconds before version 0.2: a large number is probably meant in
 * milliseconds, and causes a warning.
 */
export const TIMEOUT_ONCE_MS: NumberOption = {
  number: 'seconds',
  min: 0.001,
  max: LONGEST_TIMEOUT,
  warnAbove: 120,
  wasMilliseconds: true,
}

/** Result of {@link checkOptions}: the checked options of a target or driver, and warnings. */
export interface CheckedOptions {
  /** Checked options of a target or driver, under their current names, in their current units. */
  readonly options: Readonly<Record<string, unknown>>
  /** Warnings about options of a target or driver, each a full sentence with the option's path. */
  readonly warnings: readonly string[]
}

/** Place of the options in the config, as the messages of {@link checkOptions} name it. */
export interface OptionsPlace {
  /** Path of the checked options in the config, such as `targets.node.options`. */
  readonly path: string
  /** Owner of the checked options as error messages name it, such as `the driver "redis"`. */
  readonly owner: string
  /** If true, `{ env: 'NAME' }` may stand for the value of an option. Default: false. */
  readonly environment?: boolean
  /** Throws the error for an invalid option, with the given message. */
  readonly refuse: (message: string) => never
}

/**
 * Checks the options of a target or driver against their table.
 *
 * @throws whatever `place.refuse` throws, for an unknown option (with the nearest valid name) and for a value
 * of the wrong type or out of range.
 */
export function checkOptions(
  given: Readonly<Record<string, unknown>>,
  table: Readonly<Record<string, OptionType>>,
  place: OptionsPlace,
): CheckedOptions {
  const warnings: string[] = []
  const options: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(given)) {
    const path = `${place.path}.${name}`
    if (!Object.hasOwn(table, name)) {
      const names = Object.keys(table).filter((key) => !isRenamed(table[key]))
      place.refuse(
        `${path}: ${place.owner} has no such option.${didYouMean(name, names)} It has: ` +
          `${names.join(', ') || 'none'}.`,
      )
    }
    const type = table[name]
    if (value === undefined || type === undefined) continue
    if (isRenamed(type)) {
      const { name: now, value: moved } = renamedOption(name, value, type)
      if (given[now] !== undefined)
        place.refuse(`${path} is an old name of ${now}, which is set too. Remove ${name}.`)
      warnings.push(
        `${path} is called ${now} now${type.milliseconds === true ? ', in seconds' : ''}: write ${now}: ` +
          `${print(moved)}.`,
      )
      options[now] = checkOptions({ [now]: moved }, table, place).options[now]
      continue
    }
    options[name] = checkValue(value, type, { ...place, path }, warnings)
  }
  return { options, warnings }
}

function renamedOption(
  name: string,
  value: unknown,
  { renamed, milliseconds }: RenamedOption,
): { name: string; value: unknown } {
  return { name: renamed, value: milliseconds === true && typeof value === 'number' ? value / 1000 : value }
}

function checkValue(
  value: unknown,
  type: Exclude<OptionType, RenamedOption>,
  place: OptionsPlace,
  warnings: string[],
): unknown {
  if (place.environment === true && isEnvironment(value)) return value
  const takes = (what: string): never => place.refuse(`${place.path} is ${print(value)}; it takes ${what}.`)
  if (type === 'string') return typeof value === 'string' ? value : takes('a text')
  if (type === 'boolean') return typeof value === 'boolean' ? value : takes('true or false')
  if (type === 'object') return isObject(value) ? value : takes('an object')
  if (type === 'list') return Array.isArray(value) ? value : takes('a list')
  if (type === 'proxies') {
    const problem = trustProblem(value)
    return problem === undefined ? value : takes(problem)
  }
  if (type === 'driver') {
    const driver = isObject(value) ? value['driver'] : value
    return typeof driver === 'string' && driver !== ''
      ? value
      : takes('a driver\'s name or { driver: "name", ...options }')
  }
  if ('number' in type) return checkNumber(value, type, place, warnings)
  if ('options' in type) {
    if (!isObject(value)) return takes('an object')
    const checked = checkOptions(value, type.options, place)
    warnings.push(...checked.warnings)
    return checked.options
  }
  if (typeof value === 'string' && type.includes(value)) return value
  const nearest = typeof value === 'string' ? `.${didYouMean(value, type)}`.replace(/\.$/, '') : ''
  return takes(`${type.map(print).join(' or ')}${nearest}`)
}

function checkNumber(
  value: unknown,
  type: NumberOption,
  { path, refuse }: OptionsPlace,
  warnings: string[],
): number {
  const { number: unit, min = 0, max, whole = false, warnAbove, wasMilliseconds = false } = type
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    refuse(`${path} is ${print(value)}; it takes a number of ${unit}.`)
  } else if (max !== undefined && value > max && unit === 'seconds') {
    refuse(
      wasMilliseconds
        ? `${path} is ${value}: seconds since 0.2; did you mean ${value / 1000}? It takes at most ${max}.`
        : `${path} is ${value}: it is in seconds, at most ${max}; did you mean ${value / 1000}?`,
    )
  } else if (value < min || (max !== undefined && value > max) || (whole && !Number.isInteger(value))) {
    const range = max === undefined ? `${unit} from ${min}` : `${unit} from ${min} to ${max}`
    refuse(`${path} is ${value}; it takes a ${whole ? 'whole ' : ''}number of ${range}.`)
  } else if (warnAbove !== undefined && value > warnAbove) {
    warnings.push(
      `${path} is ${value} seconds (it was in milliseconds before 0.2). Did you mean ${value / 1000}?`,
    )
  }
  return value as number
}

/**
 * True if `value` is a placeholder for an environment variable: `{ env: 'NAME' }`, possibly with `optional`.
 */
function isEnvironment(value: unknown): boolean {
  return isObject(value) && typeof value['env'] === 'string'
}

function isRenamed(type: OptionType | undefined): type is RenamedOption {
  return typeof type === 'object' && 'renamed' in type
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function print(value: unknown): string {
  return JSON.stringify(value) ?? String(value)
}

/** Returns the hint ` Did you mean "timeout"?` for a misspelt name, or no text if no name is similar. */
export function didYouMean(word: string, words: readonly string[]): string {
  const found = nearestWord(word, words)
  return found === undefined ? '' : ` Did you mean "${found}"?`
}

/**
 * Returns the word with the smallest edit distance from `word`, to suggest for a misspelt name, if that is at
 * most a third of its letters (two for short words); else undefined.
 */
export function nearestWord(word: string, words: readonly string[]): string | undefined {
  let best: { word: string; distance: number } | undefined
  for (const candidate of words) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (
      distance <= Math.max(2, Math.floor(candidate.length / 3)) &&
      distance < candidate.length &&
      (best === undefined || distance < best.distance)
    )
      best = { word: candidate, distance }
  }
  return best?.word
}

/**
 * Edit distance of two words, with insertions, deletions, replacements and swaps of neighbours (optimal
 * string alignment).
 */
function editDistance(from: string, to: string): number {
  let before: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1]
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1])
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1)
      row.push(cost)
    }
    before = last
    last = row
  }
  return last[to.length] ?? 0
}
