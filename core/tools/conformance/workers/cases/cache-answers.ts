import { ok } from '../../assert.ts'
import { type WorkerCase, type WorkerTools, workerCases } from '../case.ts'
import { all } from './cache.ts'
import { equal } from './tools.ts'

const cache = (): ReturnType<typeof all>['default'] => all().default

const MODIFIED = 'Wed, 21 Oct 2020 07:28:00 GMT'
const stored = (body = 'hello world', headers: Record<string, string> = {}): Response =>
  new Response(body, {
    headers: { 'cache-control': 'max-age=100', 'last-modified': MODIFIED, etag: '"abc"', ...headers },
  })

/** Returns the answer of the Workers cache to a request with these headers. */
async function asked(
  { key }: WorkerTools,
  headers: Record<string, string>,
  response: Response = stored(),
): Promise<Response> {
  const url = `http://cache.example/${key()}`
  await cache().put(url, response)
  const found = await cache().match(new Request(url, { headers }))
  return found ?? new Response('none', { status: 599 })
}

const withKey = (url: string, cacheKey: string): Request =>
  new Request(url, { cf: { cacheKey } } as RequestInit)
const textOf = async (request: Request | string): Promise<string | undefined> =>
  (await cache().match(request))?.text()

export const CACHE_ANSWERS: WorkerCase[] = workerCases('cache', [
  [
    '40',
    'cf.cacheKey of a request is the key of its answer',
    async ({ key }) => {
      const url = `http://cache.example/${key()}`
      const [one, two] = [withKey(url, key('k 1')), withKey(url, key('K 1'))]
      await cache().put(one, stored('one'))
      await cache().put(two, stored('two'))
      equal([await textOf(one), await textOf(two), await textOf(url)], ['one', 'two', undefined])
      equal(await textOf(withKey('http://cache.example/another', key('k 1'))), 'one')
      equal([await cache().delete(one), await textOf(one), await textOf(two)], [true, undefined, 'two'])
    },
  ],
  [
    '41',
    'a cacheKey that is a URL is the key of that URL',
    async ({ key }) => {
      const request = withKey(`http://cache.example/${key()}`, `http://cache.example/${key('other')}`)
      await cache().put(request, stored('one'))
      equal([await textOf(request), await textOf(`http://cache.example/${key('other')}`)], ['one', 'one'])
    },
  ],
  [
    '42',
    'copies of a request keep its cf',
    async ({ request }) => {
      const made = withKey('http://cache.example/', 'k') as Request & { cf?: object }
      const copies = [made.clone(), new Request(made), new Request(made, { headers: { a: 'b' } })]
      for (const copy of copies as (Request & { cf?: object })[]) equal(copy.cf, { cacheKey: 'k' })
      const other = new Request(made, { cf: { cacheKey: 'x' } } as RequestInit) as Request & { cf?: object }
      equal(
        [other.cf, (new Request('http://x/') as Request & { cf?: object }).cf],
        [{ cacheKey: 'x' }, undefined],
      )
      equal([made instanceof Request, made.constructor === Request], [true, true])
      class Own extends Request {}
      equal([new Own('http://x/') instanceof Own, new Own('http://x/') instanceof Request], [true, true])
      const incoming = new Request(request.clone()) as Request & { cf?: object }
      equal(incoming.cf, (request as Request & { cf?: object }).cf)
    },
  ],
  [
    '43',
    'If-Modified-Since: 304 where nothing changed since',
    async (tools) => {
      const status = async (since: string): Promise<number> =>
        (await asked(tools, { 'if-modified-since': since })).status
      equal(
        [
          await status(MODIFIED),
          await status('Wed, 21 Oct 2026 07:28:00 GMT'),
          await status('Wed, 21 Oct 2010 07:28:00 GMT'),
          await status('junk'),
        ],
        [304, 304, 200, 200],
      )
      const answer = await asked(tools, { 'if-modified-since': MODIFIED })
      equal([answer.headers.get('etag'), await answer.text()], ['"abc"', ''])
    },
  ],
  [
    '44',
    'If-None-Match: weak etags, lists and the star',
    async (tools) => {
      for (const tags of ['"abc"', 'W/"abc"', '"x", "abc"', '*'])
        equal((await asked(tools, { 'if-none-match': tags })).status, 304, tags)
      equal((await asked(tools, { 'if-none-match': '"x"' })).status, 200)
    },
  ],
  [
    '45',
    'an answer has its age, from that which it came with',
    async (tools) => {
      ok(/^\d$/.test((await asked(tools, {})).headers.get('age') ?? ''), 'a small number')
      const age = Number((await asked(tools, {}, stored('x', { age: '7' }))).headers.get('age'))
      ok(age >= 7 && age < 17, `an age of ${age}`)
    },
  ],
  [
    '46',
    'a range that cannot be read, or lies outside, is a 416',
    async (tools) => {
      for (const range of ['junk', 'bytes=x-y', 'bytes=5-2', 'items=0-1', 'bytes=100-', 'bytes=0-1, 100-']) {
        const answer = await asked(tools, { range })
        equal([answer.status, answer.headers.get('content-range')], [416, 'bytes */11'], range)
      }
    },
  ],
  [
    '47',
    'ranges of one part, in any case and with spaces',
    async (tools) => {
      for (const [range, text, place] of [
        ['bytes=2-4', 'llo', '2-4'],
        ['BYTES= 2 - 4', 'llo', '2-4'],
        ['bytes=-3', 'rld', '8-10'],
        ['bytes=8-100', 'rld', '8-10'],
      ] as const) {
        const answer = await asked(tools, { range })
        equal(
          [answer.status, answer.headers.get('content-range'), await answer.text()],
          [206, `bytes ${place}/11`, text],
          range,
        )
      }
    },
  ],
  [
    '48',
    'several ranges are parts of one body',
    async (tools) => {
      const answer = await asked(tools, { range: 'bytes=0-1,3-4' })
      const type = answer.headers.get('content-type') ?? ''
      const boundary = /^multipart\/byteranges; boundary=(.+)$/.exec(type)?.[1] ?? 'none'
      const part = (place: string, text: string): string =>
        `--${boundary}\r\nContent-Type: text/plain;charset=UTF-8\r\n` +
        `Content-Range: bytes ${place}/11\r\n\r\n${text}\r\n`
      equal(
        [answer.status, await answer.text()],
        [206, `${part('0-1', 'he')}${part('3-4', 'lo')}--${boundary}--`],
      )
    },
  ],
])
