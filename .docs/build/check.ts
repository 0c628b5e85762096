/** Checks the site as it was written: links, the policy, the twins and what the search finds. */
import { globSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import MiniSearch from 'minisearch'
import { INDEX_OPTIONS, search } from '../client/search-options.ts'
import { POLICY } from './layout.ts'
import { twinOf } from './page.ts'

/** Words with the guide that is to be the first hit of each. Every guide has at least one. */
const WORDS: Readonly<Record<string, string>> = {
  'getting started': 'getting-started',
  targets: 'targets',
  bindings: 'bindings',
  sockets: 'sockets',
  auth: 'auth',
  openapi: 'openapi',
  logging: 'logging',
  tracing: 'tracing',
  'rate limits': 'rate-limits',
  'client address': 'client-address',
  secrets: 'secrets',
  migrations: 'migrations',
  prisma: 'orms',
  orms: 'orms',
  queues: 'queues',
  environments: 'environments',
  deploying: 'deploying',
  ci: 'ci',
  debugging: 'debugging',
  testing: 'testing',
  monorepos: 'monorepos',
  vite: 'vite',
  react: 'vite',
  workers: 'from-workers',
  lambda: 'from-lambda',
  express: 'from-express',
  nitro: 'from-nitro',
  tenants: 'tenants',
  'hosting tenants': 'tenants',
  security: 'security',
  limits: 'limits',
  differences: 'limits',
}

/** What a check of the site says. */
export interface Report {
  readonly problems: readonly string[]
  /** A line for people, with what was counted. */
  readonly summary: string
}

/** Checks the site in `out`, built from the repository at `root`. */
export function checkSite(root: string, out: string): Report {
  const read = (path: string): string => readFileSync(join(out, path), 'utf8')
  const pages = new Map(
    globSync('**/*.html', { cwd: out })
      .sort()
      .map((path) => [path, read(path)] as const),
  )
  const files = new Set(globSync('**/*.*', { cwd: out }))
  const links = checkLinks(pages, files)
  const problems = [
    ...links.problems,
    ...[...pages].flatMap(([path, html]) => checkPolicy(path, html)),
    ...checkTwins([...pages.keys()], files, read('llms.txt')),
    ...checkSearch(root, read('assets/search-index.json')),
  ]
  const summary =
    `${pages.size} pages, ${links.count} internal links, ${Object.keys(WORDS).length} searches, ` +
    `${problems.length} problems`
  return { problems, summary }
}

const attributes = (html: string, name: string): string[] =>
  [...html.matchAll(new RegExp(`<[a-z][^<>]* ${name}="([^"]*)"`, 'g'))].map(([, value = '']) =>
    value.replaceAll('&amp;', '&'),
  )

/** Every link to the site itself has its file, and its anchor an element. */
function checkLinks(
  pages: ReadonlyMap<string, string>,
  files: ReadonlySet<string>,
): { problems: string[]; count: number } {
  const ids = new Map([...pages].map(([path, html]) => [path, attributes(html, 'id')]))
  let count = 0
  const problems = [...pages].flatMap(([path, html]) => {
    const repeated = (ids.get(path) ?? []).filter((id, at, all) => all.indexOf(id) !== at)
    const found = [...attributes(html, 'href'), ...attributes(html, 'src')].flatMap((href) => {
      if (/^[a-z][a-z+.-]*:/i.test(href)) return []
      count++
      if (href.startsWith('/')) return [`${path}: "${href}" works at the root of a server alone.`]
      const [file = '', anchor] = href.split('#')
      const target = file === '' ? path : posix.join(posix.dirname(path), file)
      if (!files.has(target)) return [`${path}: "${href}" leads to no file.`]
      if (anchor === undefined || !pages.has(target)) return []
      return ids.get(target)?.includes(decodeURIComponent(anchor)) === true
        ? []
        : [`${path}: "${href}" leads to no element of ${target}.`]
    })
    return [...repeated.map((id) => `${path}: the id "${id}" is there twice.`), ...found]
  })
  return { problems, count }
}

/** Nothing of a page needs more than its policy allows. */
function checkPolicy(path: string, html: string): string[] {
  const rules: readonly (readonly [boolean, string])[] = [
    [!html.includes(`http-equiv="Content-Security-Policy" content="${POLICY}"`), 'has not the policy'],
    [/<script(?![^>]* src=)/.test(html), 'has a script in the page'],
    [/<style|<[a-z][^<>]* style="/.test(html), 'has a style in the page'],
    [/<[a-z][^<>]* on[a-z]+="/.test(html), 'has a handler in an attribute'],
    [/<(?:script|link|img|iframe)[^>]* (?:src|href)="(?:[a-z]+:)?\/\//.test(html), 'loads from another host'],
  ]
  return rules.flatMap(([isBroken, what]) => (isBroken ? [`${path}: ${what}.`] : []))
}

/** Each page has its twin, and `llms.txt` has a line for it. */
function checkTwins(pages: readonly string[], files: ReadonlySet<string>, list: string): string[] {
  return pages.flatMap((path) => [
    ...(files.has(twinOf(path)) ? [] : [`${path}: there is no ${twinOf(path)}.`]),
    ...(list.includes(`](${twinOf(path)})`) ? [] : [`llms.txt: ${twinOf(path)} is not there.`]),
  ])
}

/** The first hit of each guide's word is that guide. */
function checkSearch(root: string, json: string): string[] {
  const index = MiniSearch.loadJSON(json, INDEX_OPTIONS)
  const guides = globSync('.docs/guides/*.md', { cwd: root }).map((path) => posix.basename(path, '.md'))
  const named = new Set(Object.values(WORDS))
  return [
    ...guides
      .filter((guide) => !named.has(guide))
      .map((guide) => `search: .docs/build/check.ts (WORDS) has no word for the guide "${guide}".`),
    ...Object.entries(WORDS).flatMap(([word, guide]) => {
      const [first] = search(index, word)
      return first?.link === `guides/${guide}.html`
        ? []
        : [`search: "${word}" finds ${first?.link ?? 'nothing'} first, not guides/${guide}.html.`]
    }),
  ]
}
