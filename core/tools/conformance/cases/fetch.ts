/** Cases about the answers that the app fetches, and about the requests that an upstream receives. */
import { equal, ok } from '../assert.ts'
import { wireCases, type WireTools } from '../case.ts'
import { type Echo, UPSTREAM_TEXT } from '../upstream.ts'

interface Facts {
  status: number
  ok: boolean
  redirected: boolean
  url: string
  change: string
  headers: [string, string][]
  hasBody: boolean
  text: string
}

async function facts({ fetch }: WireTools, path: string, more = ''): Promise<Facts & { own: Headers }> {
  const found = (await (
    await fetch(`/do/fetched-facts?p=${encodeURIComponent(path)}${more}`)
  ).json()) as Facts
  return { ...found, own: new Headers(found.headers) }
}

/**
 * Test value of a header: every character from U+0080 to U+00FF, between two letters so that none of them is
 * trimmed.
 */
const LATIN1 = `a${Array.from({ length: 128 }, (_, index) => String.fromCharCode(128 + index)).join('')}b`

async function sent({ fetch }: WireTools, path: string): Promise<Echo & { own: Headers }> {
  const answer = await fetch(path)
  equal(answer.status, 200, path)
  const echo = (await answer.json()) as Echo
  return { ...echo, own: new Headers(echo.headers) }
}

function utf8(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('')
}

export const fetchCases = wireCases('fetch', [
  {
    id: 'fetch-30',
    contract: 'A decoded answer has neither content-encoding nor content-length, and all else.',
    upstream: true,
    async run(tools) {
      for (const coding of ['gzip', 'br']) {
        const x = await facts(tools, `/answer?coding=${coding}&h=x-kept:yes`)
        equal(
          [x.status, x.ok, x.redirected, x.hasBody, x.text],
          [200, true, false, true, UPSTREAM_TEXT],
          coding,
        )
        equal(
          ['content-encoding', 'content-length', 'x-kept'].map((name) => x.own.get(name)),
          [null, null, 'yes'],
          coding,
        )
        equal(new URL(x.url).pathname, '/answer', 'url')
      }
    },
  },
  {
    id: 'fetch-31',
    contract: 'An answer without a coding keeps its content-length.',
    upstream: true,
    async run(tools) {
      const { own, text } = await facts(tools, '/answer')
      equal([own.get('content-length'), text], [String(utf8(UPSTREAM_TEXT).length), UPSTREAM_TEXT], 'answer')
    },
  },
  {
    id: 'fetch-32',
    contract: 'The headers of a fetched answer are immutable, decoded or not.',
    upstream: true,
    async run(tools) {
      for (const query of ['', '?coding=gzip'])
        equal((await facts(tools, `/answer${query}`)).change, 'TypeError', query)
    },
  },
  {
    id: 'fetch-33',
    contract: 'A decoded answer knows its URL and whether it was redirected.',
    upstream: true,
    async run(tools) {
      const x = await facts(tools, `/redirect?to=${encodeURIComponent('/answer?coding=gzip')}`)
      equal([x.redirected, x.text], [true, UPSTREAM_TEXT], 'answer')
      equal(new URL(x.url).search, '?coding=gzip', 'url')
    },
  },
  {
    id: 'fetch-86',
    contract: 'redirect: "error" takes an answer and refuses a redirect with a TypeError, as a Request too.',
    upstream: true,
    async run(tools) {
      const outcomes = async (path: string): Promise<unknown> =>
        (await tools.fetch(`/do/redirect-error?p=${encodeURIComponent(path)}`)).json()
      const texts = Array.from({ length: 6 }, () => UPSTREAM_TEXT)
      equal(await outcomes('/answer'), ['error', true, ...texts], 'an answer')
      const errors = Array.from({ length: 5 }, () => 'TypeError')
      equal(
        await outcomes(`/redirect?to=${encodeURIComponent('/answer')}`),
        ['error', true, ...errors, UPSTREAM_TEXT],
        'a redirect',
      )
    },
  },
  {
    id: 'fetch-34',
    contract: 'The answer to a HEAD keeps its content-encoding and content-length, and has no body.',
    upstream: true,
    async run(tools) {
      const x = await facts(tools, '/answer?coding=gzip&length=123', '&method=HEAD')
      equal(
        [x.own.get('content-encoding'), x.own.get('content-length'), x.text],
        ['gzip', '123', ''],
        'answer',
      )
    },
  },
  {
    id: 'fetch-35',
    contract: 'fetch asks for compressed answers.',
    upstream: true,
    async run(tools) {
      const answer = await tools.fetch('/do/fetched/same?p=/echo')
      const { headers } = (await answer.json()) as Echo
      ok(
        /\bgzip\b/.test(new Headers(headers).get('accept-encoding') ?? ''),
        `accept-encoding: ${show(headers)}`,
      )
    },
  },
  {
    id: 'fetch-36',
    contract:
      'An Accept-Encoding of the app goes out as it is; what comes compressed all the same is decoded.',
    upstream: true,
    async run(tools) {
      const echo = await tools.fetch('/do/fetched/same?p=/echo&accept=identity')
      equal(new Headers(((await echo.json()) as Echo).headers).get('accept-encoding'), 'identity', 'sent')
      const x = await facts(tools, '/answer?coding=gzip', '&accept=identity')
      equal([x.own.get('content-encoding'), x.text], [null, UPSTREAM_TEXT], 'answer')
    },
  },
  {
    id: 'fetch-37',
    contract: 'An empty body with a coding is an empty answer.',
    upstream: true,
    async run(tools) {
      for (const form of ['same', 'body', 'text']) {
        const path = encodeURIComponent('/answer?body=&label=gzip')
        const answer = await tools.raw({ path: `/do/fetched/${form}?p=${path}` })
        equal([answer.status, answer.body.length, answer.complete], [200, 0, true], form)
      }
    },
  },
  {
    id: 'fetch-38',
    contract: 'A body that is not what its label says fails for the app, and never comes as a whole answer.',
    upstream: true,
    async run(tools) {
      ok((await facts(tools, '/answer?label=gzip')).text.startsWith('failed'), 'text() fails')
      for (const form of ['same', 'body', 'pipe', 'text'])
        await isBroken(tools, `/do/fetched/${form}?p=${encodeURIComponent('/answer?label=gzip')}`)
    },
  },
  {
    id: 'fetch-39',
    contract: 'An answer that ends before its length fails for the app, and never comes as a whole answer.',
    upstream: true,
    async run(tools) {
      ok((await facts(tools, '/answer?length=5000')).text.startsWith('failed'), 'text() fails')
      for (const form of ['same', 'body', 'pipe', 'text'])
        await isBroken(tools, `/do/fetched/${form}?p=${encodeURIComponent('/answer?length=5000')}`)
    },
  },
  {
    id: 'fetch-40',
    contract: 'Header values of an upstream pass on byte by byte, U+0080 to U+00FF.',
    upstream: true,
    async run(tools) {
      for (const form of ['same', 'body', 'text', 'pipe', 'clone', 'headers'])
        for (const coding of ['', '&coding=gzip']) {
          const path = `/answer?h=${encodeURIComponent(`x-value:${LATIN1}`)}${coding}`
          const answer = await tools.raw({ path: `/do/fetched/${form}?p=${encodeURIComponent(path)}` })
          equal(new Headers(answer.headers).get('x-value'), LATIN1, `${form}${coding}`)
        }
    },
  },
  {
    id: 'fetch-41',
    contract: 'They do where the first byte of the body comes late, too.',
    upstream: true,
    async run(tools) {
      for (const form of ['same', 'body', 'pipe']) {
        const gate = tools.key(form)
        const path = `/answer?length=none&gate=${gate}&h=${encodeURIComponent(`x-value:${LATIN1}`)}`
        const connection = await tools.open({ path: `/do/fetched/${form}?p=${encodeURIComponent(path)}` })
        // On targets that stream answers, the head arrives before the upstream's gate opens.
        if (tools.capabilities['response.streaming']) await connection.sees('\r\n\r\n', 20)
        await tools.openUpstream(gate)
        equal(new Headers((await connection.response()).headers).get('x-value'), LATIN1, form)
      }
    },
  },
  {
    id: 'fetch-42',
    contract: 'Header values that the app sends with fetch leave as one byte each, U+0080 to U+00FF.',
    upstream: true,
    async run(tools) {
      const { own } = await sent(tools, `/do/send/bytes?h=${encodeURIComponent(LATIN1)}`)
      equal(own.get('x-sent'), LATIN1, 'value')
    },
  },
  {
    id: 'fetch-43',
    contract: 'A stream as the body of a request may hold text, ArrayBuffers and views of any kind.',
    upstream: true,
    async run(tools) {
      for (const more of ['', '?request']) {
        const { method, body } = await sent(
          tools,
          `/do/send/text,empty,buffer,words,floats,view,bytes${more}`,
        )
        equal([method, body], ['POST', utf8('<Zoë><buffer><16><double><view><bytes>')], more)
      }
    },
  },
  {
    id: 'fetch-90',
    contract: 'A known body goes out with its own content-length, whatever the headers say.',
    upstream: true,
    async run(tools) {
      const answer = await tools.fetch('/do/send-length', { method: 'POST', body: 'passed on' })
      const seen = (await answer.json()) as Record<string, Echo>
      const found = Object.entries(seen).map(([name, { method, headers, body }]) => {
        const length = new Headers(headers).get('content-length')
        return [name, method, body, method === 'GET' ? (length ?? '0') : length]
      })
      equal(
        found,
        [
          ['no body, headers passed on', 'GET', '', '0'],
          ['a POST without a body', 'POST', '', '0'],
          ['a longer text, headers passed on', 'PUT', 'passed on!', '10'],
          ['a shorter text', 'POST', '', '0'],
          ['bytes of a Request', 'POST', 'passed on', '9'],
          ['a Request of a Request', 'POST', 'passed on', '9'],
          ['a form', 'POST', 'text=passed+on', '14'],
          ['the body of the request, no headers', 'POST', 'passed on', '9'],
          ['the request, to another place', 'POST', 'passed on', '9'],
          ['the body of an answer', 'POST', 'answer', '6'],
        ],
        'requests',
      )
    },
  },
  {
    id: 'fetch-91',
    contract: "A fetch that gets no answer fails with a TypeError, an aborted one with the signal's reason.",
    upstream: true,
    async run(tools) {
      const reasons = ['reason', 'reason', 'reason']
      equal(
        await (await tools.fetch('/do/fetch-fails')).json(),
        { nobody: 'TypeError', aborted: reasons, before: reasons },
        'errors',
      )
    },
  },
])

function show(value: unknown): string {
  return JSON.stringify(value)
}

/** Fails if the client receives a complete answer with status 200. */
async function isBroken(tools: WireTools, path: string): Promise<void> {
  const answer = await tools.raw({ path }).catch(() => undefined)
  ok(answer === undefined || answer.status >= 500 || !answer.complete, `${path} came whole`)
  equal((await tools.fetch('/after')).status, 200, 'the next request')
}
