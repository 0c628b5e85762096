/** Headers of a response that an app in an isolate returned. */
export interface HeaderList {
  /** Response header names and values in turn. */
  list: readonly string[]
  /** True if all response header names and values are ASCII. */
  isAscii: boolean
}

/**
 * Parsed response headers by their text: most responses of an app have the same headers. The map is bounded,
 * because an app can make texts up.
 */
const knownLists = new Map<string, HeaderList>()
const MAX_KNOWN_LISTS = 200
const NO_HEADERS: HeaderList = { list: [], isAscii: true }
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const ASCII = /^[\t\n\x20-\x7e]*$/

/**
 * Parses response headers as they cross the bridge: each name and each value on a line of its own. The guest
 * has checked them, but a tenant may have changed what the guest checks with, so they are checked again.
 *
 * @throws TypeError for a name or a value that HTTP/1.1 cannot carry.
 */
export function headerList(text: unknown): HeaderList {
  if (typeof text !== 'string' || text === '') return NO_HEADERS
  const known = knownLists.get(text)
  if (known !== undefined) return known
  const list = text.split('\n')
  if (list.length % 2 === 1) list.pop()
  for (let index = 0; index < list.length; index += 2)
    list[index] = checkField(list[index] as string, list[index + 1] as string)
  const parsed = { list, isAscii: ASCII.test(text) }
  if (knownLists.size >= MAX_KNOWN_LISTS) knownLists.clear()
  if (text.length < 1000) knownLists.set(text, parsed)
  return parsed
}

/** Returns the reason phrase of an app's response. @throws TypeError if HTTP/1.1 cannot carry it. */
export function reasonPhrase(text: unknown): string {
  const reason = String(text)
  if (!VALUE.test(reason)) throw new TypeError('The statusText is one that HTTP/1.1 cannot carry')
  return reason
}

function checkField(name: string, value: string): string {
  if (!TOKEN.test(name)) throw new TypeError(`${JSON.stringify(name)} is no name of a header`)
  if (!VALUE.test(value)) throw new TypeError(`The header ${name} has a value that HTTP/1.1 cannot carry`)
  return name.toLowerCase()
}
