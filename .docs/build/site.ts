/** Builds the site: reads all pages, renders them and writes every file below one folder. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readApi } from './api.ts'
import { writeAssets } from './assets.ts'
import { createHighlighter } from './highlight.ts'
import { layOut } from './layout.ts'
import { createResolver, writeTwin } from './links.ts'
import { writeFull, writeList, type Written } from './llms.ts'
import { type Group, type Page, pagesOf, type Site, twinOf } from './page.ts'
import { createRenderer } from './render.ts'
import { readResults } from './results.ts'
import { writeIndex } from './search-index.ts'
import { readSources } from './sources.ts'

/** Builds the site of the repository at `root` into the folder `out`, which is replaced. */
export async function buildSite(root: string, out: string): Promise<Site> {
  const site = withPages(readSources(root), await readApi(root), readResults(root))
  const files = await writePages(root, site)
  rmSync(out, { recursive: true, force: true })
  for (const [path, text] of files) {
    mkdirSync(dirname(join(out, path)), { recursive: true })
    writeFileSync(join(out, path), text)
  }
  return site
}

/** Adds the pages that the build writes itself. */
function withPages(site: Site, api: Group, results: Page): Site {
  const groups = site.groups.flatMap((group): Group[] => {
    if (group.title === 'What holds') return [{ ...group, pages: [results, ...group.pages] }]
    return group.title === 'Examples' ? [group, api] : [group]
  })
  return { ...site, groups }
}

/** Returns the text of every file by its path. */
async function writePages(root: string, site: Site): Promise<Map<string, string>> {
  const highlighter = await createHighlighter()
  const pages = pagesOf(site)
  const resolve = createResolver(root, pages)
  const render = createRenderer(resolve, highlighter)
  const written = new Map<Page, Written>(
    pages.map((page) => [page, { page, content: render(page), twin: writeTwin(page, resolve) }]),
  )
  const files = new Map<string, string>()
  for (const { page, content, twin } of written.values()) {
    files.set(page.path, layOut(site, page, content))
    files.set(twinOf(page.path), twin)
  }
  files.set('llms.txt', writeList(site, written))
  files.set('llms-full.txt', writeFull(written))
  files.set('assets/search-index.json', writeIndex([...written.values()]))
  for (const [name, text] of writeAssets(root, highlighter)) files.set(`assets/${name}`, text)
  return files
}
