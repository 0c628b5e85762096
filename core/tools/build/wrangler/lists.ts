import { refuse, type Settings, warnUnknown } from './settings.ts'
import type { KeyPath } from './file.ts'

/** Entry of a list of bindings in a wrangler file. */
export interface Entry {
  readonly at: KeyPath
  /** Returns the string under `key` of a binding's entry; a missing or empty string is refused. */
  text(key: string): string
  /**
   * Returns the string under `key` of a binding's entry, or undefined if it is missing; any other type is
   * refused.
   */
  optionalText(key: string): string | undefined
  optionalNumber(key: string, min: number, max: number): number | undefined
  optional(key: string): unknown
}

/** Names a list of tables in a wrangler file, such as `kv_namespaces`, or `queues.producers` with `sub`. */
export interface ListKey {
  readonly key: string
  readonly sub?: string
  /** Known keys of an entry in a wrangler file's list; any other key causes a warning. */
  readonly known: readonly string[]
}

/**
 * Calls `read` for each entry of a list in a wrangler file. A refused entry is collected as a problem, and
 * the next entries are still read.
 */
export function eachEntry(settings: Settings, list: ListKey, read: (entry: Entry) => void): void {
  const entries = settings.problems.attempt(() => openList(settings, list)) ?? []
  for (const { at, item } of entries)
    settings.problems.attempt(() => read(openEntry(settings, at, item, list.known)))
}

function openList(settings: Settings, { key, sub }: ListKey): { at: KeyPath; item: unknown }[] {
  const found = settings.get(key)
  if (found === undefined) return []
  const { file } = settings
  let { value, at } = found
  if (sub !== undefined) {
    if (typeof value !== 'object' || value === null) return refuse(file, at, `it is a table with "${sub}".`)
    value = (value as Record<string, unknown>)[sub]
    at = [...at, sub]
    if (value === undefined) return []
  }
  if (!Array.isArray(value)) return refuse(file, at, 'it is a list.')
  const here = at
  return value.map((item: unknown, index) => ({ at: [...here, index], item }))
}

function openEntry(settings: Settings, here: KeyPath, item: unknown, known: readonly string[]): Entry {
  const { file } = settings
  if (typeof item !== 'object' || item === null || Array.isArray(item))
    return refuse(file, here, 'it is a table.')
  const table = item as Record<string, unknown>
  for (const name of Object.keys(table)) {
    if (name === 'remote' && table[name] === true)
      refuse(file, [...here, name], 'a remote binding needs Cloudflare. Remove it.', 'Unsupported')
    if (name !== 'remote' && !known.includes(name)) warnUnknown(settings, [...here, name], known)
  }
  return {
    at: here,
    optional: (name) => table[name],
    text(name) {
      const text = table[name]
      return typeof text === 'string' && text !== ''
        ? text
        : refuse(file, [...here, name], 'it must be a text that is not empty.')
    },
    optionalText(name) {
      const text = table[name]
      return text === undefined || typeof text === 'string'
        ? text
        : refuse(file, [...here, name], 'it must be a text.')
    },
    optionalNumber(name, min, max) {
      const number = table[name]
      if (number === undefined || number === null) return undefined
      return typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max
        ? number
        : refuse(
            file,
            [...here, name],
            `it must be a whole number from ${min} to ${max}; it is ${JSON.stringify(number)}.`,
          )
    },
  } satisfies Entry
}
