/** What the site is made of: pages, and the groups of the navigation. */

/** One page of the site. */
export interface Page {
  /** Path of the Markdown file in the repository; undefined for a page that the build writes itself. */
  readonly source: string | undefined
  /** Path of the page below the site's root, with `/` and `.html`: `guides/auth.html`. */
  readonly path: string
  readonly title: string
  /** Title in the navigation, which may be shorter. */
  readonly label: string
  /** Markdown, whose links still lead to files of the repository or, without a source, to pages. */
  readonly markdown: string
  readonly kind: PageKind
}

/** What a page is, which decides its weight in search. */
export type PageKind = 'guide' | 'reference' | 'example' | 'api' | 'project' | 'figures'

/** A heading of the navigation, with its pages in their order. */
export interface Group {
  readonly title: string
  readonly pages: readonly Page[]
}

/** The whole site before it is rendered. */
export interface Site {
  readonly name: string
  readonly version: string
  /** One sentence, from package.json. */
  readonly description: string
  readonly home: Page
  /** Every page but the home page is in one group. */
  readonly groups: readonly Group[]
}

/** Returns every page of a site, the home page first. */
export function pagesOf({ home, groups }: Site): Page[] {
  return [home, ...groups.flatMap(({ pages }) => pages)]
}

/** Returns the path of a page's Markdown twin. */
export function twinOf(path: string): string {
  return path.replace(/\.html$/, '.md')
}

/** Returns the link from one path below the site's root to another: `../guides/auth.html`. */
export function linkBetween(from: string, to: string): string {
  const fromFolders = from.split('/').slice(0, -1)
  const toParts = to.split('/')
  let common = 0
  while (
    common < fromFolders.length &&
    common < toParts.length - 1 &&
    fromFolders[common] === toParts[common]
  )
    common++
  return '../'.repeat(fromFolders.length - common) + toParts.slice(common).join('/')
}

/** Returns the first heading of a Markdown text without its marks. */
export function titleOf(markdown: string): string {
  return (/^# +(.+)$/m.exec(markdown)?.[1] ?? '').replaceAll(/[`*\\]/g, '')
}
