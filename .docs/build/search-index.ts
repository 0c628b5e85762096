/** Writes the index of the search, from the sections of every page. */
import MiniSearch from 'minisearch'
import { type Entry, INDEX_OPTIONS } from '../client/search-options.ts'
import type { Written } from './llms.ts'
import type { Page, PageKind } from './page.ts'
import type { Section } from './render.ts'

/** How much a hit counts by the kind of its page: who searches a word wants the task first. */
const WEIGHTS: Readonly<Record<PageKind, number>> = {
  guide: 3,
  reference: 1,
  example: 0.8,
  api: 0.5,
  project: 0.4,
  figures: 0.3,
}
/** Headings below this level belong to the section that they are in. */
const DEEPEST = 3

/** Returns the index as text, for `MiniSearch.loadJSON`. */
export function writeIndex(written: readonly Written[]): string {
  const index = new MiniSearch<Entry>(INDEX_OPTIONS)
  const entries = written.flatMap(({ page, content }) => entriesOf(page, content.sections))
  index.addAll(entries.map((entry, id) => ({ ...entry, id })))
  return JSON.stringify(index)
}

function entriesOf(page: Page, sections: readonly Section[]): Omit<Entry, 'id'>[] {
  const entries: (Omit<Entry, 'id'> & { text: string })[] = []
  sections.forEach(({ level, anchor, text, body }, at) => {
    const last = entries.at(-1)
    if (level > DEEPEST && last !== undefined) {
      last.text += `${text}\n${body}`
      return
    }
    entries.push({
      link: at === 0 ? page.path : `${page.path}#${anchor}`,
      title: at === 0 ? `${page.title} ${nameOf(page)}` : '',
      page: page.title,
      heading: at === 0 ? '' : text,
      text: body,
      weight: WEIGHTS[page.kind],
    })
  })
  return entries
}

/** Returns the last word of a page's address, by which people know it: `orms`, or the folder of an index. */
function nameOf({ path }: Page): string {
  return (
    path
      .replace(/(?:^|\/)index\.html$|\.html$/, '')
      .split('/')
      .at(-1) ?? ''
  )
}
