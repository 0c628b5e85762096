/**
 * Conformance cases about an app that passes on a fetched answer: in every form that the API allows, and in
 * every content coding of the upstream server.
 */
import { equal, ok } from '../assert.ts'
import { wireCases, type WireTools } from '../case.ts'
import { PACKED_TEXT } from '../fixture/routes-wire.ts'
import { UPSTREAM_TEXT } from '../upstream.ts'

/** Content codings that every target decodes. */
const DECODED = ['gzip', 'br']
/** Content codings that some targets leave undecoded. */
const OTHERS = ['deflate', 'zstd', 'x-gzip', 'gzip,br']

/** Framings that a case asks the upstream server for: with a content-length, and in chunks. */
const FRAMES = ['exact', 'none']

/**
 * Requests an answer in which the app passes on the upstream's answer in the given form. The client decodes
 * the body as the headers say.
 */
async function passedOn({ fetch }: WireTools, form: string, path: string, more = ''): Promise<Response> {
  return fetch(`/do/fetched/${form}?p=${encodeURIComponent(path)}${more}`)
}

/** Fails unless a client receives the upstream's text decoded, for each of these content codings. */
async function decodes(
  tools: WireTools,
  form: string,
  codings: readonly string[],
  expected = UPSTREAM_TEXT,
): Promise<void> {
  for (const coding of codings) {
    for (const length of FRAMES) {
      const what = `${coding}, content-length ${length}`
      const answer = await passedOn(
        tools,
        form,
        `/answer?coding=${encodeURIComponent(coding)}&length=${length}&h=x-kept:yes&h=etag:"a"`,
        `&key=${tools.key(`${coding}-${length}`)}`,
      )
      const text = await answer.text().catch((error: unknown) => `${answer.status}, then ${String(error)}`)
      equal([answer.status, text], [200, expected], what)
      equal([answer.headers.get('x-kept'), answer.headers.get('etag')], ['yes', '"a"'], `headers, ${what}`)
    }
  }
}

const FORMS: readonly (readonly [id: string, form: string, what: string, expected?: string])[] = [
  ['fetch-01', 'same', 'A fetched answer that the handler returns as it is'],
  ['fetch-02', 'body', 'new Response(x.body, x) of a fetched answer'],
  ['fetch-03', 'text', 'new Response(await x.text(), x) of a fetched answer'],
  ['fetch-04', 'bytes', 'A new Response of its arrayBuffer() with the headers of a fetched answer'],
  ['fetch-05', 'pipe', 'A fetched answer through a TransformStream'],
  ['fetch-06', 'clone', 'A clone of a fetched answer, returned after the answer was read,'],
  ['fetch-07', 'cloned', 'A fetched answer, returned after a clone of it was read,'],
  ['fetch-08', 'clone-body', 'new Response(copy.body, copy) of a clone of a fetched answer'],
  ['fetch-09', 'headers', 'A new Response with a copy of the Headers of a fetched answer'],
  ['fetch-10', 'entries', 'A new Response with the entries of the headers of a fetched answer'],
  ['fetch-11', 'record', 'A new Response with the headers of a fetched answer as a record'],
  ['fetch-12', 'blob', 'new Response(await x.blob(), x) of a fetched answer'],
  [
    'fetch-13',
    'json',
    'Response.json(data, x) with the init of a fetched answer',
    JSON.stringify({ text: UPSTREAM_TEXT }),
  ],
  ['fetch-14', 'tee', 'One branch of a tee of a fetched answer'],
  ['fetch-15', 'added', 'A fetched answer made anew with one more header'],
  ['fetch-16', 'cached', 'A fetched answer that was put into a cache and matched there'],
]

export const fetchedCases = wireCases('fetch', [
  ...FORMS.map(([id, form, what, expected]) => ({
    id,
    contract: `${what} decodes at the client, from gzip and br.`,
    upstream: true,
    run: (tools: WireTools) => decodes(tools, form, DECODED, expected),
  })),
  {
    id: 'fetch-17',
    contract:
      'Fetched answers in deflate, zstd, x-gzip and gzip within br, passed on whole, decode at the client.',
    upstream: true,
    async run(tools) {
      for (const form of ['same', 'body', 'bytes', 'pipe', 'clone', 'cloned', 'headers', 'entries', 'tee'])
        await decodes(tools, form, OTHERS)
    },
  },
  {
    id: 'fetch-18',
    contract: 'Fetched answers in deflate, zstd, x-gzip and gzip within br are decoded for the app.',
    upstream: true,
    async run(tools) {
      for (const form of ['text', 'blob']) await decodes(tools, form, OTHERS)
    },
  },
  {
    id: 'fetch-19',
    contract: 'A transform that changes the length of a fetched answer, decoded before, comes whole.',
    upstream: true,
    async run(tools) {
      for (const coding of DECODED) {
        const answer = await passedOn(tools, 'upper', `/answer?coding=${coding}`)
        equal((await answer.text()).length, UPSTREAM_TEXT.length * 2, coding)
      }
    },
  },
  {
    id: 'fetch-20',
    contract: 'An answer of another app that labels its bytes itself decodes at the client, in every form.',
    async run(tools) {
      for (const form of ['same', 'body', 'text', 'bytes', 'pipe', 'clone', 'cloned', 'headers', 'entries'])
        for (const coding of DECODED) {
          const answer = await passedOn(tools, form, `/do/labelled/${coding}`, '&from=self')
          const text = await answer
            .text()
            .catch((error: unknown) => `${answer.status}, then ${String(error)}`)
          equal([answer.status, text], [200, PACKED_TEXT], `${form}, ${coding}`)
        }
    },
  },
  {
    id: 'fetch-21',
    contract: 'A fetched answer without a coding passes on with its length, byte by byte.',
    upstream: true,
    async run(tools) {
      for (const form of ['same', 'body', 'clone', 'headers']) {
        const answer = await tools.raw({ path: `/do/fetched/${form}?p=/answer` })
        const headers = new Headers(answer.headers)
        equal(
          [answer.status, new TextDecoder().decode(answer.body), headers.get('content-encoding')],
          [200, UPSTREAM_TEXT, null],
          form,
        )
      }
    },
  },
  {
    id: 'fetch-22',
    contract: 'A coding that no platform knows passes on as it is, with its label.',
    upstream: true,
    async run(tools) {
      for (const form of ['same', 'body', 'text', 'pipe', 'clone', 'headers']) {
        const answer = await tools.raw({
          path: `/do/fetched/${form}?p=${encodeURIComponent('/answer?label=x-own')}`,
        })
        equal(
          [new TextDecoder().decode(answer.body), new Headers(answer.headers).get('content-encoding')],
          [UPSTREAM_TEXT, 'x-own'],
          form,
        )
      }
    },
  },
  {
    id: 'fetch-23',
    contract: 'Every Set-Cookie of a compressed answer passes on by itself.',
    upstream: true,
    async run(tools) {
      for (const form of ['same', 'body']) {
        const path = '/answer?coding=gzip&h=set-cookie:a=1; Path=/'
        const answer = await passedOn(tools, form, path)
        equal([answer.headers.getSetCookie(), await answer.text()], [['a=1; Path=/'], UPSTREAM_TEXT], form)
      }
    },
  },
  {
    id: 'fetch-24',
    contract: 'The status of a compressed answer passes on.',
    upstream: true,
    async run(tools) {
      for (const status of [201, 404, 503])
        for (const form of ['same', 'body', 'text']) {
          const answer = await passedOn(tools, form, `/answer?coding=gzip&status=${status}`)
          equal([answer.status, await answer.text()], [status, UPSTREAM_TEXT], `${form}, ${status}`)
        }
    },
  },
  {
    id: 'fetch-25',
    contract: 'The client has the head of a fetched answer before the upstream has sent its first byte.',
    upstream: true,
    needs: 'response.streaming',
    async run(tools) {
      for (const [form, coding] of [
        ['same', ''],
        ['body', ''],
        ['pipe', ''],
        ['same', 'gzip'],
        ['body', 'br'],
      ] as const) {
        const gate = tools.key(`${form}${coding}`)
        const path = `/answer?length=none&gate=${gate}${coding === '' ? '' : `&coding=${coding}`}`
        const connection = await tools.open({ path: `/do/fetched/${form}?p=${encodeURIComponent(path)}` })
        ok(
          await connection.sees('\r\n\r\n', 20),
          `the head of ${form} ${coding} came while the gate was shut`,
        )
        await tools.openUpstream(gate)
        equal((await connection.response()).complete, true, `${form} ${coding}`)
      }
    },
    async without(tools) {
      const gate = tools.key('gate')
      const path = `/answer?length=none&gate=${gate}`
      const connection = await tools.open({ path: `/do/fetched/same?p=${encodeURIComponent(path)}` })
      equal(await connection.sees('\r\n\r\n', 1), false, 'the head came early')
      await tools.openUpstream(gate)
      equal((await connection.response()).complete, true, 'the answer')
    },
  },
])
