import { equal, eventually, ok, pattern, sleep, streamOfChunks, throwsNamed } from '../assert.ts'
import { insideCases } from '../case.ts'
import type { Cache } from '../../../bindings/cache.ts'

const FRESH = { 'cache-control': 'max-age=600' }

function urlOf(key: string): string {
  return `https://cache.example/${key}`
}

/** Returns the text that the cache holds for `url`; null if there is none. */
async function text(cache: Cache, url: string | Request): Promise<string | null> {
  return (await (await cache.match(url))?.text()) ?? null
}

/**
 * Puts an answer into the cache and reads it back, again and again until it is found, since a cache may lose
 * anything.
 */
async function stored(cache: Cache, url: string, make: () => Response): Promise<Response> {
  let found: Response | undefined
  await eventually(async () => {
    await cache.put(url, make())
    found = await cache.match(url)
    ok(found !== undefined, 'the answer is not in the cache')
  })
  return found as Response
}

export const cacheCases = insideCases('cache', [
  {
    id: 'cache-01',
    contract: 'A miss is undefined.',
    async run({ env, key }) {
      equal(await env.cache.match(urlOf(key())), undefined, 'by text')
      equal(await env.cache.match(new Request(urlOf(key()))), undefined, 'by request')
      equal(await env.cache.match(new URL(urlOf(key()))), undefined, 'by URL')
    },
  },
  {
    id: 'cache-02',
    contract: 'Status, headers and body come back as they were put.',
    async run({ env, key }) {
      const make = (): Response =>
        new Response(pattern(256), {
          status: 203,
          headers: { ...FRESH, 'content-type': 'application/x-test', 'x-own': 'kept', etag: '"tag"' },
        })
      const found = await stored(env.cache, urlOf(key()), make)
      equal(
        [
          found.status,
          found.headers.get('content-type'),
          found.headers.get('x-own'),
          found.headers.get('etag'),
        ],
        [203, 'application/x-test', 'kept', '"tag"'],
        'status and headers',
      )
      equal(await found.arrayBuffer(), pattern(256), 'body')
    },
  },
  {
    id: 'cache-03',
    contract: 'An answer whose max-age has passed is not found.',
    async run({ env, key }) {
      await env.cache.put(urlOf(key()), new Response('short', { headers: { 'cache-control': 'max-age=1' } }))
      await sleep(2200)
      equal(await text(env.cache, urlOf(key())), null, 'after two seconds')
    },
  },
  {
    id: 'cache-04',
    contract: 's-maxage wins over max-age.',
    async run({ env, key }) {
      await env.cache.put(
        urlOf(key('short')),
        new Response('short', { headers: { 'cache-control': 'max-age=600, s-maxage=1' } }),
      )
      const found = await stored(
        env.cache,
        urlOf(key('long')),
        () => new Response('long', { headers: { 'cache-control': 'max-age=0, s-maxage=600' } }),
      )
      equal(await found.text(), 'long', 's-maxage=600')
      await sleep(2200)
      equal(await text(env.cache, urlOf(key('short'))), null, 's-maxage=1')
    },
  },
  {
    id: 'cache-05',
    contract: 'An answer without Cache-Control, or that may be kept for no time, is not stored.',
    async run({ env, key }) {
      await env.cache.put(urlOf(key('none')), new Response('x'))
      await env.cache.put(
        urlOf(key('zero')),
        new Response('x', { headers: { 'cache-control': 'max-age=0' } }),
      )
      await env.cache.put(urlOf(key('public')), new Response('x', { headers: { 'cache-control': 'public' } }))
      for (const name of ['none', 'zero', 'public'])
        equal(await text(env.cache, urlOf(key(name))), null, name)
    },
  },
  {
    id: 'cache-06',
    contract: 'private, no-store, no-cache and Set-Cookie are not stored.',
    async run({ env, key }) {
      for (const directive of ['private', 'no-store', 'no-cache']) {
        await env.cache.put(
          urlOf(key(directive)),
          new Response('x', { headers: { 'cache-control': `${directive}, max-age=600` } }),
        )
        equal(await text(env.cache, urlOf(key(directive))), null, directive)
      }
      await env.cache.put(
        urlOf(key('cookie')),
        new Response('x', { headers: { ...FRESH, 'set-cookie': 'a=b' } }),
      )
      equal(await text(env.cache, urlOf(key('cookie'))), null, 'set-cookie')
    },
  },
  {
    id: 'cache-07',
    contract: 'Putting a 206 is a TypeError.',
    run: ({ env, key }) =>
      throwsNamed('TypeError', () =>
        env.cache.put(urlOf(key()), new Response('x', { status: 206, headers: FRESH })),
      ),
  },
  {
    id: 'cache-08',
    contract: 'Putting for another method than GET is a TypeError; such a request never matches.',
    async run({ env, key }) {
      const post = (): Request => new Request(urlOf(key()), { method: 'POST', body: 'x' })
      await throwsNamed('TypeError', () => env.cache.put(post(), new Response('x', { headers: FRESH })))
      await stored(env.cache, urlOf(key()), () => new Response('x', { headers: FRESH }))
      equal(await env.cache.match(post()), undefined, 'match')
      equal(await env.cache.delete(post()), false, 'delete')
    },
  },
  {
    id: 'cache-09',
    contract: 'Putting an answer with Vary: * is a TypeError.',
    run: ({ env, key }) =>
      throwsNamed('TypeError', () =>
        env.cache.put(urlOf(key()), new Response('x', { headers: { ...FRESH, vary: 'accept, *' } })),
      ),
  },
  {
    id: 'cache-10',
    contract: 'A request for a range gets a 206 with that part.',
    async run({ env, key }) {
      await stored(
        env.cache,
        urlOf(key()),
        () => new Response('0123456789', { headers: { ...FRESH, 'content-length': '10' } }),
      )
      const part = await env.cache.match(new Request(urlOf(key()), { headers: { range: 'bytes=2-4' } }))
      equal(
        [part?.status, part?.headers.get('content-range'), await part?.text()],
        [206, 'bytes 2-4/10', '234'],
        'part',
      )
    },
  },
  {
    id: 'cache-11',
    contract: 'If-None-Match with the stored etag gets a 304 without a body.',
    async run({ env, key }) {
      await stored(env.cache, urlOf(key()), () => new Response('x', { headers: { ...FRESH, etag: '"v1"' } }))
      const same = await env.cache.match(new Request(urlOf(key()), { headers: { 'if-none-match': '"v1"' } }))
      equal([same?.status, await same?.text()], [304, ''], 'same etag')
      equal(
        await text(env.cache, new Request(urlOf(key()), { headers: { 'if-none-match': '"v2"' } })),
        'x',
        'other etag',
      )
    },
  },
  {
    id: 'cache-12',
    contract: 'delete says whether there was something, and it is gone.',
    async run({ env, key }) {
      await stored(env.cache, urlOf(key()), () => new Response('x', { headers: FRESH }))
      equal(await env.cache.delete(urlOf(key())), true, 'first')
      equal(await text(env.cache, urlOf(key())), null, 'match')
      equal(await env.cache.delete(urlOf(key())), false, 'second')
    },
  },
  {
    id: 'cache-13',
    contract: "Two caches never see each other's answers.",
    async run({ env, key }) {
      await stored(env.cache, urlOf(key()), () => new Response('x', { headers: FRESH }))
      equal(await text(env.otherCache, urlOf(key())), null, 'match in the other')
      equal(await env.otherCache.delete(urlOf(key())), false, 'delete in the other')
    },
  },
  {
    id: 'cache-15',
    contract: 'put consumes the body, a clone leaves it usable; a used body is a TypeError.',
    async run({ env, key }) {
      const response = new Response('body', { headers: FRESH })
      await env.cache.put(urlOf(key()), response.clone())
      equal(await response.text(), 'body', 'the original')
      await throwsNamed('TypeError', () => env.cache.put(urlOf(key()), response))
    },
  },
  {
    id: 'cache-16',
    contract: 'The query is part of the key, the fragment is not; an answer can be replaced.',
    async run({ env, key }) {
      await stored(env.cache, `${urlOf(key())}?a=1#fragment`, () => new Response('one', { headers: FRESH }))
      equal(
        [await text(env.cache, `${urlOf(key())}?a=1`), await text(env.cache, `${urlOf(key())}?a=2`)],
        ['one', null],
        'texts',
      )
      await env.cache.put(`${urlOf(key())}?a=1`, new Response('two', { headers: FRESH }))
      equal(await text(env.cache, `${urlOf(key())}?a=1`), 'two', 'replaced')
    },
  },
  {
    id: 'cache-17',
    contract: 'A streamed body of 1 MiB is stored whole, and can be matched more than once.',
    async run({ env, key }) {
      const chunk = pattern(65_536)
      const found = await stored(
        env.cache,
        urlOf(key()),
        () => new Response(streamOfChunks(Array.from({ length: 16 }, () => chunk)), { headers: FRESH }),
      )
      equal((await found.arrayBuffer()).byteLength, 1_048_576, 'size')
      equal((await (await env.cache.match(urlOf(key())))?.arrayBuffer())?.byteLength, 1_048_576, 'size again')
    },
  },
])
