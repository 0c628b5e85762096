/**
 * Headers as a flat list (lower-case name, value, name, value, ...). node:http writes such a list fastest,
 * and the list costs a fifth of a Headers object.
 */
import { IncomingHeaders } from './incoming-headers.ts'

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const VISIBLE = /^[\t\x20-\x7e]*$/

/**
 * Cache of header names and their lower-case form, so that the usual few dozen names are checked once.
 * Bounded, since an app could generate names without end.
 */
const knownNames = new Map<string, string>()
const MAX_KNOWN_NAMES = 1000

/** Returns the lower-case form of a valid header name; undefined for an invalid one. */
function lowerName(name: string): string | undefined {
  const known = knownNames.get(name)
  if (known !== undefined) return known
  if (!TOKEN.test(name)) return undefined
  const lower = name.toLowerCase()
  if (knownNames.size < MAX_KNOWN_NAMES) knownNames.set(name, lower)
  return lower
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

/**
 * Returns true if fetch would not change a header's value and the value is plain ASCII, so that a head with
 * it may be written in one string with a UTF-8 body.
 */
function isPlainValue(value: string): boolean {
  return VISIBLE.test(value) && !isBlank(value.charCodeAt(0)) && !isBlank(value.charCodeAt(value.length - 1))
}

/**
 * Adds one header to a flat header list. Returns false if the real Headers class is needed: for invalid or
 * unusual values and repeated names.
 */
function add(list: string[], name: unknown, value: unknown): boolean {
  if (typeof name !== 'string') return false
  const lower = lowerName(name)
  if (lower === undefined) return false
  const text = typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined
  if (text === undefined || !isPlainValue(text)) return false
  if (lower !== 'set-cookie') {
    for (let index = 0; index < list.length; index += 2) if (list[index] === lower) return false
  }
  list.push(lower, text)
  return true
}

/**
 * Converts `init` (a Headers object, a record or pairs) to a flat header list. Returns undefined if the real
 * Headers class must decide, which then throws, trims or joins as fetch specifies.
 */
export function flatHeaders(init: unknown): string[] | undefined {
  if (typeof init !== 'object' || init === null) return undefined
  const list: string[] = []
  if (init instanceof Headers || init instanceof IncomingHeaders) {
    for (const [name, value] of init as Headers) if (!add(list, name, value)) return undefined
    return list
  }
  if (Array.isArray(init)) {
    for (const pair of init)
      if (!Array.isArray(pair) || pair.length !== 2 || !add(list, pair[0], pair[1])) return undefined
    return list
  }
  const prototype: unknown = Object.getPrototypeOf(init)
  if ((prototype !== Object.prototype && prototype !== null) || Symbol.iterator in init) return undefined
  const record = init as Record<string, unknown>
  for (const name of Object.keys(record)) if (!add(list, name, record[name])) return undefined
  return list
}

/** Converts a flat header list to a Headers object. */
export function toHeaders(list: readonly string[]): Headers {
  const headers = new Headers()
  for (let index = 0; index < list.length; index += 2)
    headers.append(list[index] as string, list[index + 1] as string)
  return headers
}

/** Returns true if a flat header list contains the lower-case header `name`. */
export function hasHeader(list: readonly string[], name: string): boolean {
  for (let index = 0; index < list.length; index += 2) if (list[index] === name) return true
  return false
}
