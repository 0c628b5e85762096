import { type WorkerCase, workerCases } from '../case.ts'
import { equal } from './tools.ts'

interface Element {
  tagName: string
  attributes: Iterable<[string, string]>
  getAttribute(name: string): string | null
  setAttribute(name: string, value: string): Element
  removeAttribute(name: string): Element
  setInnerContent(text: string, options?: { html?: boolean }): Element
  prepend(text: string, options?: { html?: boolean }): Element
  append(text: string, options?: { html?: boolean }): Element
  before(text: string, options?: { html?: boolean }): Element
  after(text: string, options?: { html?: boolean }): Element
  remove(): Element
  removeAndKeepContent(): Element
  onEndTag(handler: (tag: { name: string; before(text: string): void }) => void): void
}
interface Rewriter {
  on(
    selector: string,
    handlers: {
      element?(element: Element): void | Promise<void>
      text?(chunk: { text: string; lastInTextNode: boolean; replace(text: string): void }): void
      comments?(comment: { text: string; remove(): void }): void
    },
  ): Rewriter
  onDocument(handlers: {
    doctype?(doctype: { name: string | null }): void
    end?(end: { append(text: string, options?: { html?: boolean }): void }): void
  }): Rewriter
  transform(response: Response): Response
}
declare const HTMLRewriter: new () => Rewriter

const page = (html: string): Response =>
  new Response(html, { headers: { 'content-type': 'text/html', 'x-kept': 'yes' } })
const rewrite = (html: string, prepare: (rewriter: Rewriter) => Rewriter): Promise<string> =>
  prepare(new HTMLRewriter()).transform(page(html)).text()

export const HTML_REWRITER: WorkerCase[] = workerCases('handler', [
  [
    '60',
    'HTMLRewriter: attributes',
    async () =>
      equal(
        await rewrite('<a href="/a" class="x">link</a>', (rewriter) =>
          rewriter.on('a', {
            element: (element) =>
              void element.setAttribute('href', `${element.getAttribute('href')}?q`).removeAttribute('class'),
          }),
        ),
        '<a href="/a?q">link</a>',
      ),
  ],
  [
    '61',
    'HTMLRewriter: content before, after and within',
    async () =>
      equal(
        await rewrite('<p>x</p>', (rewriter) =>
          rewriter.on('p', {
            element: (element) =>
              void element.before('1').prepend('<b>2</b>', { html: true }).append('<3>').after('4'),
          }),
        ),
        '1<p><b>2</b>x&lt;3&gt;</p>4',
      ),
  ],
  [
    '62',
    'HTMLRewriter: remove, and keep the content',
    async () =>
      equal(
        await rewrite('<div><script>no</script><b>yes</b></div>', (rewriter) =>
          rewriter
            .on('script', { element: (element) => void element.remove() })
            .on('b', { element: (element) => void element.removeAndKeepContent() }),
        ),
        '<div>yes</div>',
      ),
  ],
  [
    '63',
    'HTMLRewriter: text',
    async () =>
      equal(
        await rewrite('<p>hello</p>', (rewriter) =>
          rewriter.on('p', {
            text: (chunk) => void (chunk.text !== '' && chunk.replace(chunk.text.toUpperCase())),
          }),
        ),
        '<p>HELLO</p>',
      ),
  ],
  [
    '64',
    'HTMLRewriter: asynchronous handlers',
    async ({ env, key }) => {
      await env.KV.put(key(), 'from KV')
      equal(
        await rewrite('<p></p><p></p>', (rewriter) =>
          rewriter.on('p', {
            element: async (element) => void element.setInnerContent((await env.KV.get(key())) ?? ''),
          }),
        ),
        '<p>from KV</p><p>from KV</p>',
      )
    },
  ],
  [
    '65',
    'HTMLRewriter: comments, the doctype and the end',
    async () => {
      let doctype: string | null = ''
      const html = await rewrite('<!doctype html><!-- gone --><p>x</p>', (rewriter) =>
        rewriter.on('*', { comments: (comment) => comment.remove() }).onDocument({
          doctype: (found) => void (doctype = found.name),
          end: (end) => end.append('<!-- end -->', { html: true }),
        }),
      )
      equal([doctype, html.endsWith('<p>x</p><!-- end -->')], ['html', true])
    },
  ],
  [
    '66',
    'HTMLRewriter: headers and status stay',
    async () => {
      const response = new HTMLRewriter().on('p', {}).transform(page('<p>x</p>'))
      equal(
        [response.status, response.headers.get('x-kept'), await response.text()],
        [200, 'yes', '<p>x</p>'],
      )
    },
  ],
  [
    '67',
    'HTMLRewriter: an error of a handler breaks the body off',
    async () => {
      const failed = await rewrite('<p>x</p>', (rewriter) =>
        rewriter.on('p', {
          element() {
            throw new Error('from the handler')
          },
        }),
      ).then(
        () => 'fine',
        (error: Error) => error.message,
      )
      equal(failed, 'from the handler')
    },
  ],
  [
    '68',
    'HTMLRewriter: selectors, and a page of 500 KB',
    async () => {
      const html = `<ul>${'<li class="item"><a data-id="1" href="#">one</a></li>'.repeat(10_000)}</ul>`
      let found = 0
      const text = await rewrite(html, (rewriter) =>
        rewriter.on('ul > li.item a[data-id="1"]', { element: () => void found++ }),
      )
      equal([found, text.length], [10_000, html.length])
    },
  ],
])
