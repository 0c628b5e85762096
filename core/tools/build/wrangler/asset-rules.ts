/** Parses `_headers` and `_redirects` of an assets folder as wrangler does. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type HeaderRule, patternFault, type RedirectRule } from '../../../compat/workers/asset-rules.ts'

type Tell = (message: string) => void

const STATUS: ReadonlySet<number> = new Set([200, 301, 302, 303, 307, 308])
/** Cloudflare's limits for `_headers` and `_redirects`: rules per file, and characters per line. */
const LIMITS = { staticRules: 2000, dynamicRules: 100, headers: 100, line: 2000 }
const DYNAMIC = /\*|:[A-Za-z]/

function lines(folder: string, name: string): string[] {
  const path = join(folder, name)
  return existsSync(path) ? readFileSync(path, 'utf8').split(/\r?\n/) : []
}

/**
 * Normalises a path in `_redirects` or `_headers` as a URL would, without its query; undefined for an invalid
 * path.
 */
function toPath(text: string): string | undefined {
  const path = text.startsWith('/') ? text : `/${text}`
  try {
    return new URL(path, 'http://assets').pathname
  } catch {
    return undefined
  }
}

/**
 * Normalises the pattern of a `_headers` rule, a path or an https URL; returns what is wrong with an invalid
 * one.
 */
function toPattern(text: string): { pattern: string } | { fault: string } {
  const [, host, rest] = /^https:\/\/+([^/]+)\/?(.*)/.exec(text) ?? []
  if (host !== undefined) {
    if (/:\d+$/.test(host)) return { fault: 'a host has no port here.' }
    return { pattern: `https://${host}${toPath(rest ?? '')}` }
  }
  const path = text.startsWith('/') ? toPath(text) : undefined
  return path === undefined ? { fault: 'a path begins with /, a URL with https://.' } : { pattern: path }
}

/** Parses `_redirects`. An invalid line is reported and left out, as on Cloudflare. */
export function readRedirects(folder: string, tell: Tell, html = 'auto-trailing-slash'): RedirectRule[] {
  const rules = new Map<string, RedirectRule>()
  const counts = { staticRules: 0, dynamicRules: 0 }
  for (const [index, line] of lines(folder, '_redirects').entries()) {
    const text = line.trim()
    if (text === '' || text.startsWith('#')) continue
    const rule = readRedirect(text, html)
    const fault = 'fault' in rule ? rule.fault : addRedirect(rule, rules, counts)
    if (fault !== undefined) tell(`_redirects:${index + 1}: ${fault} The line is left out.`)
  }
  return [...rules.values()]
}

function addRedirect(
  rule: RedirectRule,
  rules: Map<string, RedirectRule>,
  counts: { staticRules: number; dynamicRules: number },
): string | undefined {
  if (rules.has(rule.from)) return `there is a rule for ${rule.from} already.`
  // Cloudflare counts a plain path in `_redirects` as dynamic once a dynamic rule precedes it.
  const kind = DYNAMIC.test(rule.from) || counts.dynamicRules > 0 ? 'dynamicRules' : 'staticRules'
  if (++counts[kind] > LIMITS[kind]) return 'there are more rules than Cloudflare takes.'
  rules.set(rule.from, rule)
  return undefined
}

function readRedirect(text: string, html: string): RedirectRule | { fault: string } {
  if (text.length > LIMITS.line) return { fault: `it is longer than ${LIMITS.line} characters.` }
  const [given = '', to, code, ...more] = text.replace(/\s+#.*$/, '').split(/\s+/)
  if (to === undefined || more.length > 0)
    return { fault: 'it is: FROM TO, and a status where it is not 302.' }
  const status = code === undefined ? 302 : Number(code)
  if (given.startsWith('https://')) return { fault: 'it begins with the path that is sent elsewhere.' }
  const from = toPath(given)
  if (from === undefined) return { fault: `"${given}" is no path.` }
  if (!/^(?:\/|https:\/\/)/.test(to))
    return { fault: `"${to}" is no path, and no URL that begins with https://.` }
  if (!STATUS.has(status)) return { fault: `the status is one of ${[...STATUS].join(', ')}, not ${code}.` }
  const isIndex = to.startsWith('/') && /\/index(?:.html)?$/.test(to)
  if (isIndex && (from.endsWith('/*') || (from.endsWith('/') && html !== 'none')))
    return {
      fault:
        `it would go round in a circle, as ${to} is sent to its folder. To serve one page for every path, ` +
        'use not_found_handling (on Pages: have no 404.html).',
    }
  if (status === 200 && !to.startsWith('/'))
    return { fault: 'a path can be served for another only here (/path).' }
  const fault = patternFault(from)
  return fault === undefined ? { from, to, status } : { fault }
}

interface HeaderBlock {
  path: string
  line: number
  set: [string, string][]
  unset: string[]
}

/** Parses `_headers`. An invalid line is reported and left out. */
export function readHeaders(folder: string, tell: Tell): HeaderRule[] {
  const rules: HeaderBlock[] = []
  /**
   * True while the path of the current block of `_headers` is invalid, so that its headers are left out too.
   */
  let skips = false
  for (const [index, line] of lines(folder, '_headers').entries()) {
    const text = line.trim()
    if (text === '' || text.startsWith('#')) continue
    const wrong = (why: string): void => tell(`_headers:${index + 1}: ${why} The line is left out.`)
    if (text.length > LIMITS.line) wrong(`it is longer than ${LIMITS.line} characters.`)
    else if (/^(?:\S+:\/\/|\/)/.test(text)) {
      const found = headerPath(text)
      skips = 'fault' in found
      if ('fault' in found) wrong(found.fault)
      else rules.push({ path: found.pattern, line: index + 1, set: [], unset: [] })
    } else if (!skips) {
      const fault = addHeader(text, rules.at(-1))
      if (fault !== undefined) wrong(fault)
    }
  }
  for (const { path, line, set, unset } of rules)
    if (set.length + unset.length === 0) tell(`_headers:${line}: ${path} has no headers. It is left out.`)
  if (rules.length > LIMITS.headers) tell(`_headers: only the first ${LIMITS.headers} paths are taken.`)
  return rules
    .filter(({ set, unset }) => set.length + unset.length > 0)
    .slice(0, LIMITS.headers)
    .map(({ path, set, unset }) => ({ path, set, unset }))
}

function headerPath(text: string): { pattern: string } | { fault: string } {
  const found = toPattern(text)
  if ('fault' in found) return found
  if (found.pattern.split('*').length > 2)
    return { fault: 'a path has one * at most. Use placeholders such as :name.' }
  const fault = patternFault(found.pattern)
  return fault === undefined ? found : { fault }
}

/**
 * Adds a header line of `_headers` to the block of its path. Returns what is wrong with the line, or
 * undefined.
 */
function addHeader(text: string, current: HeaderBlock | undefined): string | undefined {
  if (current === undefined) return 'it belongs to no path. A path begins with / .'
  const colon = text.indexOf(':')
  if (colon < 0 && text.startsWith('! ')) {
    current.unset.push(text.slice(2).trim())
    return undefined
  }
  const name = text.slice(0, colon).trim().toLowerCase()
  if (colon < 1 || /\s/.test(name)) return 'it is: NAME: VALUE.'
  const value = text.slice(colon + 1).trim()
  if (value === '') return 'the header has no value.'
  try {
    new Headers().set(name, value)
  } catch {
    return `"${name}" and its value are no header.`
  }
  const known = current.set.find(([other]) => other === name)
  if (known === undefined) current.set.push([name, value])
  else known[1] = `${known[1]}, ${value}`
  return undefined
}
