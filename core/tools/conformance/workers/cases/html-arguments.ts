import { type WorkerCase, workerCases } from '../case.ts'
import { equal, throwsText } from './tools.ts'

type Args = (...args: unknown[]) => unknown
type Token = Record<
  'append' | 'before' | 'setAttribute' | 'getAttribute' | 'replace' | 'setInnerContent',
  Args
> & {
  tagName: unknown
  text: unknown
  onEndTag: Args
  attributes: Iterable<[string, string]>
}
interface Rewriter {
  on(selector: unknown, handlers: unknown): Rewriter
  onDocument(handlers: unknown): Rewriter
  transform(response: Response): Response
}
declare const HTMLRewriter: new () => Rewriter

const rewrite = (prepare: (rewriter: Rewriter) => Rewriter): Promise<string> =>
  prepare(new HTMLRewriter()).transform(new Response('<p>x</p><!--c-->')).text()
const element = (handle: (token: Token) => unknown): Promise<string> =>
  rewrite((rewriter) => rewriter.on('p', { element: (token: Token) => void handle(token) }))

const VALUES = [5, true, null, undefined, new URL('http://x/y'), ['a', 1], { toString: () => 'made' }]

export const HTML_ARGUMENTS: WorkerCase[] = workerCases('handler', [
  [
    '200',
    'HTMLRewriter: content that is no text becomes one',
    async () => {
      for (const value of VALUES) {
        const text = String(value)
        equal(await element((token) => token.append(value)), `<p>x${text}</p><!--c-->`)
        equal(await element((token) => token.before(value, { html: true })), `${text}<p>x</p><!--c-->`)
        equal(await element((token) => token.setInnerContent(value)), `<p>${text}</p><!--c-->`)
        const comments = (token: Token): void => void (token.text = value)
        equal(await rewrite((one) => one.onDocument({ comments })), `<p>x</p><!--${text}-->`)
        const end = (token: Token): void => void token.append(value)
        equal(await rewrite((one) => one.onDocument({ end })), `<p>x</p><!--c-->${text}`)
        const last = (tag: Token): void => void tag.before(value)
        equal(await element((token) => token.onEndTag(last)), `<p>x${text}</p><!--c-->`)
      }
    },
  ],
  [
    '201',
    'HTMLRewriter: so do attributes, and their names',
    async () => {
      for (const value of VALUES)
        equal(
          await element((token) => token.setAttribute('a', value)),
          `<p a="${String(value)}">x</p><!--c-->`,
        )
      equal(await element((token) => token.setAttribute(5, 6)), '<p 5="6">x</p><!--c-->')
      equal(await element((token) => token.append(token.getAttribute(null))), '<p>xnull</p><!--c-->')
      equal(await element((token) => (token.tagName = true)), '<true>x</true><!--c-->')
      await throwsText('Symbol', () => element((token) => token.setAttribute('a', Symbol('s'))), 'TypeError')
      await throwsText('parameter 2', () => element((token) => token.setAttribute('a')), 'TypeError')
      await throwsText('tag name', () => element((token) => (token.tagName = 5)), 'TypeError')
    },
  ],
  [
    '202',
    'HTMLRewriter: content may be a stream or a Response, in the order of the calls',
    async () => {
      equal(await element((token) => token.append(new Response('<i>').body)), '<p>x&lt;i&gt;</p><!--c-->')
      equal(
        await element((token) => {
          token.append(new Response('<i>'), { html: true })
          token.append(2)
        }),
        '<p>x<i>2</p><!--c-->',
      )
      const text = (token: Token): void => void (token.text !== '' && token.replace(new Response('t')))
      equal(await rewrite((one) => one.on('p', { text })), '<p>t</p><!--c-->')
    },
  ],
  [
    '203',
    'HTMLRewriter: options, and handlers that are none',
    async () => {
      equal(await element((token) => token.append('<b>', { html: 1 })), '<p>x<b></p><!--c-->')
      equal(await element((token) => token.append('<b>', null)), '<p>x&lt;b&gt;</p><!--c-->')
      await throwsText('ContentOptions', () => element((token) => token.append('<b>', true)), 'TypeError')
      await throwsText("'element' field", () => rewrite((one) => one.on('p', { element: 5 })), 'TypeError')
      class Handler {
        mark = 'own'
        element(token: Token): void {
          token.append(this.mark)
        }
      }
      equal(await rewrite((one) => one.on('p', new Handler())), '<p>xown</p><!--c-->')
    },
  ],
  [
    '210',
    'HTMLRewriter: a document can be written whole before it is read',
    async () => {
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(undefined, undefined, {
        highWaterMark: 1,
      })
      const rewriter = new HTMLRewriter().on('p', { element: (token: Token) => void token.append('!') })
      const response = rewriter.transform(new Response(readable as BodyInit))
      const writer = writable.getWriter()
      for (const part of ['<p>', 'one', '</p>', '<p>', 'two', '</p>'])
        await writer.write(new TextEncoder().encode(part))
      await writer.close()
      equal(await response.text(), '<p>one!</p><p>two!</p>')
    },
  ],
  [
    '211',
    'HTMLRewriter: a charset that nobody knows is refused',
    () => {
      const headers = { 'content-type': 'text/html; charset=invalid' }
      return throwsText(
        'Parser error: Unknown character encoding has been provided.',
        () => void new HTMLRewriter().on('*', {}).transform(new Response('x', { headers })),
        'TypeError',
      )
    },
  ],
  [
    '212',
    'HTMLRewriter: an iterator of attributes ends once they are changed',
    async () => {
      for (const change of ['setAttribute', 'removeAttribute']) {
        const seen: unknown[] = []
        const handle = async (token: Token): Promise<void> => {
          const attributes = token.attributes[Symbol.iterator]()
          seen.push(attributes.next().value)
          ;(token as object as Record<string, Args>)[change]?.('b', '2')
          await throwsText(
            'The attributes of this element have been modified',
            () => attributes.next(),
            'TypeError',
          )
          seen.push([...token.attributes].length)
        }
        const rewriter = new HTMLRewriter().on('p', { element: handle })
        await rewriter.transform(new Response('<p a="1" b="1">x</p>')).text()
        equal(seen, [['a', '1'], change === 'setAttribute' ? 2 : 1])
      }
    },
  ],
])
