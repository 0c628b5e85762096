/** An answer's headers. */
export interface HeaderList {
  /** Names and values in turn. */
  list: readonly string[]
  /** Whether those are ASCII. */
  isAscii: boolean
}

/**
 * Lists by their text: most answers of an app have the same headers. Bounded, as an app can make texts up.
 */
const knownLists = new Map<string, HeaderList>()
const MAX_KNOWN_LISTS = 200
const NO_HEADERS: HeaderList = { list: [], isAscii: true }
const ASCII = /^[\t\n\x20-\x7e]*$/

/** Reads headers as they cross the bridge: names and values, a line each. */
export function headerList(text: unknown): HeaderList {
  if (typeof text !== 'string' || text === '') return NO_HEADERS
  const known = knownLists.get(text)
  if (known !== undefined) return known
  const list = text.split('\n')
  if (list.length % 2 === 1) list.pop()
  const parsed = { list, isAscii: ASCII.test(text) }
  if (knownLists.size >= MAX_KNOWN_LISTS) knownLists.clear()
  if (text.length < 1000) knownLists.set(text, parsed)
  return parsed
}
