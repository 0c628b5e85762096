import { refuse, type Settings } from './settings.ts'
import type { KeyPath } from './file.ts'

/** One entry of a list of bindings. */
export interface Entry {
  readonly at: KeyPath
  /** A text that must be there. */
  text(key: string): string
  /** A text, number or anything else that may be missing. */
  optionalText(key: string): string | undefined
  optionalNumber(key: string, min: number, max: number): number | undefined
  optional(key: string): unknown
}

/**
 * The entries of a list of tables, such as `kv_namespaces` or `queues.producers`.
 *
 * @throws `InvalidArgument` for what is no list of tables, or has keys that are not `known`.
 */
export function readList(settings: Settings, key: string, known: readonly string[], sub?: string): Entry[] {
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
  return value.map((item: unknown, index) => {
    const here = [...at, index]
    if (typeof item !== 'object' || item === null || Array.isArray(item))
      return refuse(file, here, 'it is a table.')
    const table = item as Record<string, unknown>
    for (const name of Object.keys(table)) {
      if (name === 'remote' && table[name] === true)
        refuse(file, [...here, name], 'a remote binding needs Cloudflare. Remove it.', 'Unsupported')
      if (name !== 'remote' && !known.includes(name))
        refuse(file, [...here, name], `there is no such key. Keys: ${known.join(', ')}.`)
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
  })
}
