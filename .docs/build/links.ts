/** Translates the links of a page's Markdown: to files of the repository, as its readers follow them there. */
import { statSync } from 'node:fs'
import { join, posix } from 'node:path'
import { linkBetween, type Page, twinOf } from './page.ts'

/** Where a link leads. */
export type Target =
  | { readonly kind: 'outside'; readonly href: string }
  /** A page of the site, by its path, with `#anchor` or empty. */
  | { readonly kind: 'page'; readonly path: string; readonly anchor: string }
  /** A file of the repository that is no page, by its path there. */
  | { readonly kind: 'file'; readonly path: string }

export type Resolve = (page: Page, href: string) => Target

/** Returns what resolves the links of these pages. */
export function createResolver(root: string, pages: readonly Page[]): Resolve {
  const bySource = new Map(
    pages.flatMap(({ source, path }) => (source === undefined ? [] : [[source, path]])),
  )
  const byTwin = new Map(pages.map(({ path }) => [twinOf(path), path]))
  return (page, href) => {
    if (/^[a-z][a-z+.-]*:/i.test(href)) return { kind: 'outside', href }
    const cut = href.indexOf('#')
    const [file, anchor] = cut < 0 ? [href, ''] : [href.slice(0, cut), href.slice(cut)]
    if (file === '') return { kind: 'page', path: page.path, anchor }
    const place = posix.join(posix.dirname(page.source ?? page.path), file)
    const path = page.source === undefined ? byTwin.get(place) : bySource.get(fileOf(root, place))
    return path === undefined ? { kind: 'file', path: place } : { kind: 'page', path, anchor }
  }
}

/** Returns the file that a link means: of a folder its README. */
function fileOf(root: string, place: string): string {
  const isFolder = statSync(join(root, place), { throwIfNoEntry: false })?.isDirectory() ?? false
  return isFolder ? posix.join(place, 'README.md') : place
}

/** Replaces code by as many other characters: a link in code is none. */
function maskCode(markdown: string): string {
  return markdown.replaceAll(/^```[^]*?^```$|`[^`\n]+`/gm, (code) => code.replaceAll(/[^\n]/g, '_'))
}

/** Returns the Markdown of a page's twin: its links lead to other twins, or are text where there is no page. */
export function writeTwin(page: Page, resolve: Resolve): string {
  const { markdown } = page
  let twin = ''
  let at = 0
  for (const { 0: link, index, indices } of maskCode(markdown).matchAll(
    /\[((?:[^[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)/dg,
  )) {
    const part = (group: number): string => markdown.slice(...(indices?.[group] ?? [0, 0]))
    const target = resolve(page, part(2))
    twin += markdown.slice(at, index) + twinLink(page, part(1), target)
    at = index + link.length
  }
  return twin + markdown.slice(at)
}

function twinLink(page: Page, text: string, target: Target): string {
  if (target.kind === 'outside') return `[${text}](${target.href})`
  if (target.kind === 'page')
    return `[${text}](${linkBetween(page.path, twinOf(target.path))}${target.anchor})`
  // The path itself is often the text.
  return text.replaceAll('`', '').endsWith(target.path) ? text : `${text} (\`${target.path}\`)`
}
