/** Renders a page's Markdown to HTML, and takes out of it what the table of contents and the search need. */
import MarkdownIt from 'markdown-it'
import Token from 'markdown-it/lib/token.mjs'
import { createSlugger } from '../../test/checks/markdown.ts'
import { escapeHtml, type Highlighter } from './highlight.ts'
import type { Resolve } from './links.ts'
import { linkBetween, type Page } from './page.ts'

/** A heading of a page. */
export interface Heading {
  readonly level: number
  readonly anchor: string
  readonly text: string
}

/** A heading with the text below it, down to the next heading. */
export interface Section extends Heading {
  readonly body: string
}

/** A page's content as HTML. */
export interface Rendered {
  readonly html: string
  /** Text of the first paragraph. */
  readonly lead: string
  readonly sections: readonly Section[]
}

export type Render = (page: Page) => Rendered

/** Returns a function that renders pages. Raw HTML in Markdown is shown as text. */
export function createRenderer(resolve: Resolve, highlighter: Highlighter): Render {
  const markdown = new MarkdownIt({ html: false, linkify: false })
  Object.assign(markdown.renderer.rules, {
    fence: (tokens: Token[], index: number) => codeBlock(tokens, index, highlighter),
    code_block: (tokens: Token[], index: number) => codeBlock(tokens, index, highlighter),
    // A wide table scrolls by itself, with the keyboard too.
    table_open: () => '<div class="table" role="group" aria-label="Table" tabindex="0"><table>\n',
    table_close: () => '</table></div>\n',
  })
  return (page) => {
    const tokens = markdown.parse(page.markdown, {})
    for (const token of tokens) if (token.children !== null) rewriteLinks(token.children, page, resolve)
    withoutEmptyHeaders(tokens)
    const sections = nameHeadings(tokens)
    const lead = textOf(tokens[tokens.findIndex(({ type }) => type === 'paragraph_open') + 1]?.children ?? [])
    return { html: markdown.renderer.render(tokens, markdown.options, {}), lead, sections }
  }
}

function codeBlock(tokens: readonly Token[], index: number, highlighter: Highlighter): string {
  const code = (tokens[index]?.content ?? '').replace(/\n$/, '')
  const language = (tokens[index]?.info ?? '').trim().split(/\s/)[0] ?? ''
  return `<pre tabindex="0"><code>${highlighter.highlight(code, language)}</code></pre>\n`
}

/** Points links at pages. A link to a file that is no page becomes the file's name as code. */
function rewriteLinks(tokens: Token[], page: Page, resolve: Resolve): void {
  let isFile = false
  tokens.forEach((token, index) => {
    if (token.type === 'link_open') {
      const target = resolve(page, decodeURI(token.attrGet('href') ?? ''))
      isFile = target.kind === 'file'
      if (target.kind === 'page') {
        const path = target.path === page.path ? '' : linkBetween(page.path, target.path)
        token.attrSet('href', path + target.anchor || linkBetween(page.path, page.path))
      } else if (target.kind === 'file') {
        asCode(token, tokens[index + 1]?.type === 'code_inline' ? 'span' : 'code')
        token.attrs = [['title', target.path]]
      }
    } else if (token.type === 'link_close' && isFile) {
      asCode(token, tokens[index - 1]?.type === 'code_inline' ? 'span' : 'code')
      isFile = false
    }
  })
}

function asCode(token: Token, tag: 'code' | 'span'): void {
  token.tag = tag
}

/** A header without text, as in the corner of a table, becomes a plain cell. */
function withoutEmptyHeaders(tokens: readonly Token[]): void {
  tokens.forEach((token, index) => {
    if (token.type !== 'th_open' || tokens[index + 1]?.content !== '') return
    for (const end of [token, tokens[index + 2]]) if (end !== undefined) end.tag = 'td'
  })
}

/** Returns what readers see of inline tokens, without marks. */
function textOf(tokens: readonly Token[]): string {
  return tokens
    .map(({ type, content }) => (type === 'softbreak' || type === 'hardbreak' ? ' ' : content))
    .join('')
}

/** Gives each heading its anchor and a link to it. Returns the sections that they begin. */
function nameHeadings(tokens: readonly Token[]): Section[] {
  const slug = createSlugger()
  const sections: (Heading & { body: string })[] = []
  let level = 0
  tokens.forEach((token, index) => {
    const inline = tokens[index + 1]
    if (token.type === 'heading_open' && inline?.type === 'inline') {
      const anchor = slug(inline.content)
      const text = textOf(inline.children ?? [])
      token.attrSet('id', anchor)
      // Readers of a page by ear count on levels without gaps.
      level = Math.min(Number(token.tag.slice(1)), level + 1)
      for (const end of [token, tokens[index + 2]]) if (end !== undefined) end.tag = `h${level}`
      sections.push({ level, anchor, text, body: '' })
      inline.children?.push(anchorLink(anchor, text))
    } else if (tokens[index - 1]?.type !== 'heading_open') {
      const section = sections.at(-1)
      const isText = token.type === 'inline' || token.type === 'fence' || token.type === 'code_block'
      if (section !== undefined && isText)
        section.body += `${token.children === null ? token.content : textOf(token.children)}\n`
    }
  })
  return sections
}

function anchorLink(anchor: string, text: string): Token {
  const link = new Token('html_inline', '', 0)
  link.content = ` <a class="anchor" href="#${anchor}" aria-label="Link to: ${escapeHtml(text)}">#</a>`
  return link
}
