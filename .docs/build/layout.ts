/** The HTML around a page's content. */
import { escapeHtml } from './highlight.ts'
import { linkBetween, type Page, pagesOf, type Site, twinOf } from './page.ts'
import type { Rendered, Section } from './render.ts'

/** Everything that a page loads comes from the site itself, and nothing is written into the page. */
export const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

/** Returns the whole HTML document of a page. */
export function layOut(site: Site, page: Page, { html, lead, sections }: Rendered): string {
  const to = (path: string): string => linkBetween(page.path, path)
  const title = page === site.home ? `${site.name} ${site.version}` : `${page.title} - ${site.name}`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="${escapeHtml(firstSentence(lead))}">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<link rel="alternate" type="text/markdown" href="${to(twinOf(page.path))}">
<link rel="stylesheet" href="${to('assets/style.css')}">
<script src="${to('assets/theme.js')}"></script>
<script type="module" src="${to('assets/search.js')}"></script>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header>
<a class="name" href="${to(site.home.path)}">${escapeHtml(site.name)} <small>${escapeHtml(site.version)}</small></a>
<search class="search" hidden>
<input type="text" role="combobox" placeholder="Search, key /" aria-label="Search the documentation" aria-autocomplete="list" aria-expanded="false" aria-controls="hits" autocomplete="off" spellcheck="false">
<div id="hits" role="listbox" aria-label="Search results" hidden></div>
<p class="hint" role="status"></p>
</search>
<button class="theme" type="button" hidden>Dark</button>
</header>
<div class="columns">
<nav class="pages" aria-label="Pages">
${navigation(site, page)}
</nav>
<main id="content" tabindex="-1">
${html}
<footer>
${neighbours(site, page)}
<p><a href="${to(twinOf(page.path))}">This page as Markdown</a></p>
</footer>
</main>
${contents(sections)}
</div>
</body>
</html>
`
}

/** Returns the first sentence of a page's first paragraph, for lists of pages. */
export function firstSentence(lead: string): string {
  const sentence = /^.*?[.:](?= |$)/.exec(lead)?.[0] ?? lead
  return sentence.replace(/:$/, '.')
}

function navigation(site: Site, current: Page): string {
  const groups = site.groups.map(({ title, pages }) => {
    const links = pages.map((page) => {
      const mark = page === current ? ' aria-current="page"' : ''
      return `<li><a href="${linkBetween(current.path, page.path)}"${mark}>${escapeHtml(page.label)}</a></li>`
    })
    const isOpen = pages.includes(current) || pages[0]?.kind === 'guide'
    const list = `<ul>\n${links.join('\n')}\n</ul>`
    return `<details${isOpen ? ' open' : ''}>\n<summary>${escapeHtml(title)}</summary>\n${list}\n</details>`
  })
  return groups.join('\n')
}

/** Links to the pages before and after a guide, in the order of the navigation. */
function neighbours(site: Site, page: Page): string {
  const order = pagesOf(site).filter(({ kind }) => kind === page.kind)
  const at = order.indexOf(page)
  const link = (other: Page | undefined, rel: string, name: string): string =>
    other === undefined
      ? ''
      : `<a rel="${rel}" href="${linkBetween(page.path, other.path)}">${name}: ${escapeHtml(other.label)}</a>`
  const links = link(order[at - 1], 'prev', 'Before') + link(order[at + 1], 'next', 'Next')
  return links === '' || page.kind !== 'guide' ? '' : `<p class="neighbours">${links}</p>`
}

/** A list of a page's second and third headings; nothing for a page with few of them. */
function contents(sections: readonly Section[]): string {
  const shown = sections.filter(({ level }) => level === 2 || level === 3)
  if (shown.length < 2) return ''
  const items = shown.map(
    ({ level, anchor, text }) =>
      `<li class="level-${level}"><a href="#${anchor}">${escapeHtml(text)}</a></li>`,
  )
  return `<nav class="contents" aria-label="On this page">\n<p>On this page</p>\n<ul>\n${items.join('\n')}\n</ul>\n</nav>`
}
