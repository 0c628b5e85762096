import { ok } from '../../assert.ts'
import { type WorkerCase, workerCases } from '../case.ts'
import { equal, throwsText } from './tools.ts'

interface WorkersCaches {
  default: WorkersCache
  open(name: string): Promise<WorkersCache>
}
interface WorkersCache {
  match(input: string | Request, options?: { ignoreMethod?: boolean }): Promise<Response | undefined>
  put(input: string | Request, response: Response): Promise<void>
  delete(input: string | Request, options?: { ignoreMethod?: boolean }): Promise<boolean>
}
export const all = (): WorkersCaches => caches as unknown as WorkersCaches
const store = (): WorkersCache => all().default
const url = (key: string): string => `http://example.com/${key}`
const fresh = (body: BodyInit | null, headers: Record<string, string> = {}, status = 200): Response =>
  new Response(body, { status, headers: { 'cache-control': 'max-age=60', ...headers } })

/** Resolves to true if the Workers cache stores an answer with these headers. */
async function keeps(key: string, headers: Record<string, string>): Promise<boolean> {
  await store().put(url(key), new Response('a', { headers }))
  return (await store().match(url(key))) !== undefined
}

export const CACHE: WorkerCase[] = workerCases('cache', [
  ['01', 'a miss is undefined', async ({ key }) => equal(await store().match(url(key())), undefined)],
  [
    '02',
    'put and match',
    async ({ key }) => {
      equal(await store().put(url(key()), fresh('hello', { 'x-own': 'yes' })), undefined)
      const found = await store().match(url(key()))
      equal(
        [
          found?.status,
          await found?.text(),
          found?.headers.get('x-own'),
          found?.headers.get('cf-cache-status'),
        ],
        [200, 'hello', 'yes', 'HIT'],
      )
    },
  ],
  [
    '03',
    'by a Request',
    async ({ key }) => {
      await store().put(new Request(url(key())), fresh('hello'))
      equal(await (await store().match(new Request(url(key()))))?.text(), 'hello')
    },
  ],
  [
    '04',
    'the query counts, the fragment does not',
    async ({ key }) => {
      await store().put(url(key()), fresh('hello'))
      equal((await store().match(`${url(key())}#part`))?.status, 200)
      equal(await store().match(`${url(key())}?a=b`), undefined)
    },
  ],
  [
    '05',
    'other methods than GET match only with ignoreMethod',
    async ({ key }) => {
      await store().put(url(key()), fresh('hello'))
      const post = (): Request => new Request(url(key()), { method: 'POST', body: 'x' })
      equal(await store().match(post()), undefined)
      equal((await store().match(post(), { ignoreMethod: true }))?.status, 200)
    },
  ],
  [
    '06',
    'put of another method is refused',
    async ({ key }) =>
      throwsText(
        'Cannot cache response to non-GET request.',
        () => store().put(new Request(url(key()), { method: 'POST', body: 'x' }), fresh('a')),
        'TypeError',
      ),
  ],
  [
    '07',
    'put of a 206 is refused',
    async ({ key }) =>
      throwsText(
        'Cannot cache response to a range request (206 Partial Content).',
        () => store().put(url(key()), fresh('a', {}, 206)),
        'TypeError',
      ),
  ],
  [
    '08',
    'put with Vary: * is refused',
    async ({ key }) =>
      throwsText(
        "Cannot cache response with 'Vary: *' header.",
        () => store().put(url(key()), fresh('a', { vary: '*' })),
        'TypeError',
      ),
  ],
  [
    '09',
    'another Vary is kept',
    async ({ key }) => {
      await store().put(url(key()), fresh('a', { vary: 'accept' }))
      equal((await store().match(url(key())))?.status, 200)
    },
  ],
  [
    '10',
    'a body that was used is refused',
    async ({ key }) => {
      const response = fresh('a')
      await response.text()
      await throwsText(/used|read/, () => store().put(url(key()), response), 'TypeError')
    },
  ],
  [
    '11',
    'no-store, private and no freshness are not kept',
    async ({ key }) => {
      equal(
        [
          await keeps(key('a'), { 'cache-control': 'no-store' }),
          await keeps(key('b'), { 'cache-control': 'private, max-age=60' }),
          await keeps(key('c'), {}),
        ],
        [false, false, false],
      )
    },
  ],
  [
    '12',
    's-maxage goes before max-age; Expires counts',
    async ({ key }) => {
      equal(await keeps(key('a'), { 'cache-control': 's-maxage=60, max-age=0' }), true)
      equal(await keeps(key('b'), { expires: new Date(Date.now() + 60_000).toUTCString() }), true)
    },
  ],
  [
    '13',
    'an answer that sets a cookie is not kept',
    async ({ key }) =>
      equal(await keeps(key(), { 'cache-control': 'max-age=60', 'set-cookie': 'a=b' }), false),
  ],
  [
    '14',
    'with private=Set-Cookie it is kept without the cookie',
    async ({ key }) => {
      await store().put(
        url(key()),
        new Response('a', {
          headers: { 'cache-control': 'private=Set-Cookie, max-age=60', 'set-cookie': 'a=b' },
        }),
      )
      const found = await store().match(url(key()))
      equal([found?.status, found?.headers.get('set-cookie')], [200, null])
    },
  ],
  [
    '15',
    'If-None-Match gives 304',
    async ({ key }) => {
      await store().put(url(key()), fresh('hello', { etag: '"e"' }))
      const found = await store().match(new Request(url(key()), { headers: { 'if-none-match': '"e"' } }))
      equal([found?.status, await found?.text()], [304, ''])
    },
  ],
  [
    '16',
    'Range gives 206',
    async ({ key }) => {
      await store().put(url(key()), fresh('hello', { 'content-length': '5' }))
      const found = await store().match(new Request(url(key()), { headers: { range: 'bytes=1-2' } }))
      equal(
        [found?.status, await found?.text(), found?.headers.get('content-range')],
        [206, 'el', 'bytes 1-2/5'],
      )
    },
  ],
  [
    '17',
    'a 404 with freshness is kept',
    async ({ key }) => {
      await store().put(url(key()), fresh('none', {}, 404))
      const found = await store().match(url(key()))
      equal([found?.status, await found?.text()], [404, 'none'])
    },
  ],
  [
    '18',
    'delete tells whether there was one',
    async ({ key }) => {
      await store().put(url(key()), fresh('a'))
      equal(
        [await store().delete(url(key())), await store().delete(url(key())), await store().match(url(key()))],
        [true, false, undefined],
      )
    },
  ],
  [
    '19',
    'delete by another method needs ignoreMethod',
    async ({ key }) => {
      await store().put(url(key()), fresh('a'))
      equal(await store().delete(new Request(url(key()), { method: 'POST', body: 'x' })), false)
    },
  ],
  [
    '20',
    'a named cache is another one',
    async ({ key }) => {
      const named = await all().open('named')
      await named.put(url(key()), fresh('named'))
      equal(await (await named.match(url(key())))?.text(), 'named')
      equal(await store().match(url(key())), undefined)
      equal(await (await (await all().open('named')).match(url(key())))?.text(), 'named')
    },
  ],
  [
    '21',
    'bytes come back',
    async ({ key }) => {
      await store().put(url(key()), fresh(new Uint8Array([0, 255, 1])))
      equal(
        new Uint8Array((await (await store().match(url(key())))?.arrayBuffer()) as ArrayBuffer),
        new Uint8Array([0, 255, 1]),
      )
    },
  ],
  [
    '22',
    'put replaces',
    async ({ key }) => {
      for (const text of ['1', '2']) await store().put(url(key()), fresh(text))
      equal(await (await store().match(url(key())))?.text(), '2')
    },
  ],
  [
    '23',
    'a clone is put, and the answer goes on',
    async ({ key }) => {
      const response = fresh('both')
      await store().put(url(key()), response.clone())
      equal([await response.text(), await (await store().match(url(key())))?.text()], ['both', 'both'])
    },
  ],
  [
    '24',
    'a match can be read by several',
    async ({ key }) => {
      await store().put(url(key()), fresh('many'))
      const found = await Promise.all([1, 2, 3].map(async () => (await store().match(url(key())))?.text()))
      equal(found, ['many', 'many', 'many'])
      ok(found.length === 3, 'three')
    },
  ],
])
