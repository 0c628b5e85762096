/** Reads `_headers` and `_redirects` of a folder of assets. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import type { HeaderRule, RedirectRule } from '../../../compat/workers/asset-rules.ts'

type Tell = (message: string) => void

const STATUS: ReadonlySet<number> = new Set([200, 301, 302, 303, 307, 308])
/** Cloudflare's. */
const LIMITS = { staticRules: 2000, dynamicRules: 100, headers: 100, line: 2000 }

function lines(folder: string, name: string): string[] {
  const path = join(folder, name)
  return existsSync(path) ? readFileSync(path, 'utf8').split(/\r?\n/) : []
}

/** The rules; a line that is none is told of and left out, as Cloudflare does. */
export function readRedirects(folder: string, tell: Tell): RedirectRule[] {
  const rules = new Map<string, RedirectRule>()
  const counts = { staticRules: 0, dynamicRules: 0 }
  for (const [index, line] of lines(folder, '_redirects').entries()) {
    const text = line.trim()
    if (text === '' || text.startsWith('#')) continue
    const wrong = (why: string): void => tell(`_redirects:${index + 1}: ${why} The line is left out.`)
    const [from = '', to, code, ...more] = text.replace(/\s+#.*$/, '').split(/\s+/)
    const status = code === undefined ? 302 : Number(code)
    if (to === undefined || more.length > 0) wrong('it is: FROM TO, and a status where it is not 302.')
    else if (text.length > LIMITS.line) wrong(`it is longer than ${LIMITS.line} characters.`)
    else if (!STATUS.has(status)) wrong(`the status is one of ${[...STATUS].join(', ')}, not ${code}.`)
    else if (!from.startsWith('/')) wrong('it begins with the path that is sent elsewhere, such as /old.')
    else if (!/^(?:\/|https?:\/\/)/.test(to)) wrong(`"${to}" is no path, and no URL.`)
    else if (status === 200 && !to.startsWith('/'))
      wrong('a path can be served for another only here (/path).')
    else if (rules.has(from)) wrong(`there is a rule for ${from} already.`)
    else if (
      ++counts[/\*|:[A-Za-z]/.test(from) ? 'dynamicRules' : 'staticRules'] >
      LIMITS[/\*|:[A-Za-z]/.test(from) ? 'dynamicRules' : 'staticRules']
    )
      wrong('there are more rules than Cloudflare takes.')
    else rules.set(from, { from, to, status })
  }
  return [...rules.values()]
}

/** The rules of `_headers`. */
export function readHeaders(folder: string, tell: Tell): HeaderRule[] {
  const rules: { path: string; set: [string, string][]; unset: string[] }[] = []
  for (const [index, line] of lines(folder, '_headers').entries()) {
    const text = line.trim()
    if (text === '' || text.startsWith('#')) continue
    const wrong = (why: string): void => tell(`_headers:${index + 1}: ${why} The line is left out.`)
    const current = rules.at(-1)
    const colon = text.indexOf(':')
    if (/^(?:\/|https?:\/\/)/.test(text)) rules.push({ path: text, set: [], unset: [] })
    else if (current === undefined) wrong('it belongs to no path. A path begins with / .')
    else if (text.startsWith('! ')) current.unset.push(text.slice(2).trim())
    else if (colon < 1 || /\s/.test(text.slice(0, colon))) wrong('it is: NAME: VALUE.')
    else if (text.slice(colon + 1).trim() === '') wrong('the header has no value.')
    else {
      const name = text.slice(0, colon).toLowerCase()
      const value = text.slice(colon + 1).trim()
      const known = current.set.find(([other]) => other === name)
      if (known === undefined) current.set.push([name, value])
      else known[1] = `${known[1]}, ${value}`
    }
  }
  if (rules.length > LIMITS.headers) tell(`_headers: only the first ${LIMITS.headers} paths are taken.`)
  return rules.filter(({ set, unset }) => set.length + unset.length > 0).slice(0, LIMITS.headers)
}

/** Paths of the folder's pages, percent-encoded as a URL has them. */
export function readPages(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.html'))
    .map((name) => new URL(`http://a/${name.split(sep).map(encodeURIComponent).join('/')}`).pathname)
    .sort()
}
