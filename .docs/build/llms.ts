/** Writes `llms.txt` (llmstxt.org) and the guides and references in one file. */
import { firstSentence } from './layout.ts'
import { type Page, type Site, twinOf } from './page.ts'
import type { Rendered } from './render.ts'

/** A page as these files need it. */
export interface Written {
  readonly page: Page
  readonly content: Rendered
  /** Its Markdown twin. */
  readonly twin: string
}

/** Returns the list of every page's twin, in the groups of the navigation. Links are relative to the site. */
export function writeList(site: Site, written: ReadonlyMap<Page, Written>): string {
  const line = (page: Page): string =>
    `- [${page.title}](${twinOf(page.path)}): ${firstSentence(written.get(page)?.content.lead ?? '')}`
  const groups = site.groups.map(({ title, pages }) => `## ${title}\n\n${pages.map(line).join('\n')}\n`)
  return [
    `# ${site.name} ${site.version}\n`,
    `> ${site.description}\n`,
    `${line(site.home)}\n`,
    ...groups,
  ].join('\n')
}

/** Returns the twins of guides, references and examples one after another, each below its address. */
export function writeFull(written: ReadonlyMap<Page, Written>): string {
  return [...written.values()]
    .filter(({ page }) => page.kind === 'guide' || page.kind === 'reference' || page.kind === 'example')
    .map(({ page, twin }) => `<!-- ${twinOf(page.path)} -->\n\n${twin.trim()}\n`)
    .join('\n')
}
