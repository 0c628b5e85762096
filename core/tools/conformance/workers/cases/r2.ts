import { ok, pattern } from '../../assert.ts'
import { type WorkerCase, workerCases } from '../case.ts'
import { equal, thrown, throwsText } from './tools.ts'

/** MD5 of the text `hello`, in hex. */
const HELLO = '5d41402abc4b2a76b9719d911017c592'
const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)

export const R2: WorkerCase[] = workerCases('r2', [
  [
    '01',
    'head and get of a missing key are null',
    async ({ env, key }) => equal([await env.BUCKET.head(key()), await env.BUCKET.get(key())], [null, null]),
  ],
  [
    '02',
    'put gives the object that it stored',
    async ({ env, key }) => {
      const object = await env.BUCKET.put(key(), 'hello')
      equal([object.key, object.size, object.etag, object.httpEtag], [key(), 5, HELLO, `"${HELLO}"`])
      ok(
        object.uploaded instanceof Date && Math.abs(Date.now() - object.uploaded.getTime()) < 60_000,
        'uploaded is now',
      )
      ok(typeof object.version === 'string' && object.version !== '', 'a version')
    },
  ],
  [
    '03',
    'get gives the body as text',
    async ({ env, key }) => {
      await env.BUCKET.put(key(), 'hello')
      const object = await env.BUCKET.get(key())
      equal([object?.key, object?.size, object?.etag, await object?.text()], [key(), 5, HELLO, 'hello'])
    },
  ],
  [
    '04',
    'get as json, bytes, array buffer and blob',
    async ({ env, key }) => {
      await env.BUCKET.put(key(), '{"a":1}', { httpMetadata: { contentType: 'application/json' } })
      equal(await (await env.BUCKET.get(key()))?.json(), { a: 1 })
      equal(await (await env.BUCKET.get(key()))?.bytes(), bytesOf('{"a":1}'))
      equal(await (await env.BUCKET.get(key()))?.arrayBuffer(), bytesOf('{"a":1}').buffer)
      const blob = await (await env.BUCKET.get(key()))?.blob()
      equal([blob?.type, blob?.size], ['application/json', 7])
    },
  ],
  [
    '05',
    'get as a stream',
    async ({ env, key }) => {
      await env.BUCKET.put(key(), pattern(100_000))
      const object = await env.BUCKET.get(key())
      ok(object?.body instanceof ReadableStream, 'a stream')
      equal(new Uint8Array(await new Response(object.body).arrayBuffer()), pattern(100_000))
    },
  ],
  [
    '06',
    'a body can be read once',
    async ({ env, key }) => {
      await env.BUCKET.put(key(), 'hello')
      const object = await env.BUCKET.get(key())
      equal(object?.bodyUsed, false)
      await object?.text()
      equal(object?.bodyUsed, true)
      await throwsText('Body has already been used.', () => object?.text(), 'TypeError')
    },
  ],
  [
    '07',
    'put takes bytes, a view of a part, a Blob and null',
    async ({ env, key }) => {
      const bodies = {
        buffer: bytesOf('abc').buffer,
        view: bytesOf('xabc').subarray(1),
        blob: new Blob(['abc']) as never,
        text: 'abc',
      }
      for (const [name, body] of Object.entries(bodies)) {
        await env.BUCKET.put(key(name), body)
        equal(await (await env.BUCKET.get(key(name)))?.text(), 'abc', name)
      }
      equal((await env.BUCKET.put(key('null'), null)).size, 0)
    },
  ],
  [
    '08',
    'put takes a stream of known length',
    async ({ env, key, request }) => {
      const { readable, writable } = new (
        globalThis as unknown as {
          FixedLengthStream: new (length: number) => TransformStream<Uint8Array, Uint8Array>
        }
      ).FixedLengthStream(3)
      const writer = writable.getWriter()
      const written = writer.write(bytesOf('abc')).then(() => writer.close())
      const object = await env.BUCKET.put(key(), readable as never)
      await written
      equal([object.size, await (await env.BUCKET.get(key()))?.text()], [3, 'abc'])
      const body = request.clone().body
      const copy = await env.BUCKET.put(key('request'), body as never)
      ok(copy.size > 10, 'the body of a request')
    },
  ],
  [
    '09',
    'a stream of 3 MB',
    async ({ env, key }) => {
      const bytes = pattern(3_000_000)
      await env.BUCKET.put(key(), new Response(bytes).body as never)
      const object = await env.BUCKET.get(key())
      equal(new Uint8Array((await object?.arrayBuffer()) as ArrayBuffer), bytes)
      equal(object?.size, 3_000_000)
    },
  ],
  [
    '10',
    'put refuses a number',
    async ({ env, key }) => {
      await throwsText(/./, () => env.BUCKET.put(key(), 7 as never), 'TypeError')
    },
  ],
  [
    '11',
    'HTTP metadata comes back',
    async ({ env, key }) => {
      const httpMetadata = {
        contentType: 'text/plain',
        contentLanguage: 'de',
        contentDisposition: 'attachment; filename="a.txt"',
        contentEncoding: 'identity',
        cacheControl: 'max-age=60',
        cacheExpiry: new Date(1_900_000_000_000),
      }
      await env.BUCKET.put(key(), 'hello', { httpMetadata })
      equal((await env.BUCKET.head(key()))?.httpMetadata, httpMetadata)
    },
  ],
  [
    '12',
    'HTTP metadata from Headers',
    async ({ env, key }) => {
      const headers = new Headers({
        'content-type': 'a/b',
        'cache-control': 'no-cache',
        expires: 'Wed, 21 Oct 2037 07:28:00 GMT',
        'content-language': 'de',
        'x-other': 'y',
      })
      const { httpMetadata } = await env.BUCKET.put(key(), '', { httpMetadata: headers as never })
      equal(httpMetadata, {
        contentType: 'a/b',
        contentLanguage: 'de',
        cacheControl: 'no-cache',
        cacheExpiry: new Date('2037-10-21T07:28:00.000Z'),
      })
    },
  ],
  [
    '13',
    'without HTTP metadata it is empty',
    async ({ env, key }) => {
      await env.BUCKET.put(key(), 'hello')
      const object = await env.BUCKET.head(key())
      equal([object?.httpMetadata, object?.customMetadata], [{}, {}])
    },
  ],
  [
    '14',
    'writeHttpMetadata sets headers',
    async ({ env, key }) => {
      await env.BUCKET.put(key(), 'x', {
        httpMetadata: { contentType: 'text/x', cacheControl: 'no-store', cacheExpiry: new Date(1e12) },
      })
      const headers = new Headers({ 'x-kept': '1' })
      ;(await env.BUCKET.get(key()))?.writeHttpMetadata(headers as never)
      equal(
        [...headers],
        [
          ['cache-control', 'no-store'],
          ['content-type', 'text/x'],
          ['expires', 'Sun, 09 Sep 2001 01:46:40 GMT'],
          ['x-kept', '1'],
        ],
      )
    },
  ],
  [
    '15',
    'custom metadata comes back',
    async ({ env, key }) => {
      await env.BUCKET.put(key(), 'hello', { customMetadata: { name: 'ü', other: '1' } })
      equal((await env.BUCKET.get(key()))?.customMetadata, { name: 'ü', other: '1' })
    },
  ],
  [
    '16',
    'custom metadata that is too large is refused',
    async ({ env, key }) => {
      const error = await thrown(() =>
        env.BUCKET.put(key(), 'a', { customMetadata: { big: 'y'.repeat(9000) } }),
      )
      equal(error.message, 'put: Your metadata headers exceed the maximum allowed metadata size. (10012)')
      equal(await env.BUCKET.head(key()), null)
    },
  ],
  [
    '17',
    'put replaces content and metadata together',
    async ({ env, key }) => {
      await env.BUCKET.put(key(), 'one', { customMetadata: { a: '1' } })
      const first = await env.BUCKET.head(key())
      await env.BUCKET.put(key(), 'two')
      const second = await env.BUCKET.get(key())
      equal([second?.customMetadata, await second?.text()], [{}, 'two'])
      ok(first?.version !== second?.version && first?.etag !== second?.etag, 'another version and etag')
    },
  ],
  [
    '18',
    'MD5 is there by default',
    async ({ env, key }) => {
      await env.BUCKET.put(key(), 'hello')
      const object = await env.BUCKET.head(key())
      equal(object?.checksums.toJSON(), { md5: HELLO })
      equal(new Uint8Array(object?.checksums.md5 as ArrayBuffer).length, 16)
    },
  ],
  [
    '19',
    'a checksum that holds is kept',
    async ({ env, key }) => {
      const digest = await crypto.subtle.digest('SHA-256', bytesOf('hello'))
      await env.BUCKET.put(key(), 'hello', { sha256: digest })
      equal((await env.BUCKET.head(key()))?.checksums.sha256, digest)
      equal((await env.BUCKET.put(key('md5'), 'hello', { md5: HELLO })).etag, HELLO)
    },
  ],
  [
    '20',
    'sha1, sha384 and sha512',
    async ({ env, key }) => {
      for (const [name, web] of [
        ['sha1', 'SHA-1'],
        ['sha384', 'SHA-384'],
        ['sha512', 'SHA-512'],
      ] as const) {
        const digest = await crypto.subtle.digest(web, bytesOf('hello'))
        equal((await env.BUCKET.put(key(name), 'hello', { [name]: digest })).checksums[name], digest, name)
      }
    },
  ],
  [
    '21',
    'a checksum that does not hold stores nothing and says both',
    async ({ env, key }) => {
      const error = await thrown(() => env.BUCKET.put(key(), 'hello', { md5: '0'.repeat(32) }))
      equal(
        error.message,
        `put: The MD5 checksum you specified did not match what we received.\nYou provided a MD5 ` +
          `checksum with value: ${'0'.repeat(32)}\nActual MD5 was: ${HELLO} (10037)`,
      )
      equal(await env.BUCKET.head(key()), null)
      await throwsText('put: The SHA-1 checksum you specified did not match', () =>
        env.BUCKET.put(key(), 'hello', { sha1: new Uint8Array(20) }),
      )
    },
  ],
  [
    '22',
    'two checksums, and malformed ones, are TypeErrors',
    async ({ env, key }) => {
      await throwsText(
        'You cannot specify multiple hashing algorithms.',
        () => env.BUCKET.put(key(), 'a', { md5: new Uint8Array(16), sha1: new Uint8Array(20) }),
        'TypeError',
      )
      await throwsText(
        'MD5 is 32 hex characters, not 4',
        () => env.BUCKET.put(key(), 'a', { md5: '0001' }),
        'TypeError',
      )
    },
  ],
  [
    '23',
    'delete one, several, and what is not there',
    async ({ env, key }) => {
      for (const name of ['a', 'b', 'c']) await env.BUCKET.put(key(name), 'x')
      equal(await env.BUCKET.delete(key('a')), undefined)
      await env.BUCKET.delete([key('b'), key('c'), key('never')])
      for (const name of ['a', 'b', 'c']) equal(await env.BUCKET.head(key(name)), null)
      await env.BUCKET.delete([])
    },
  ],
  [
    '24',
    'a key of 1,024 bytes is fine, a longer one is refused',
    async ({ env, key }) => {
      await env.BUCKET.put(key().padEnd(1024, 'k'), 'x')
      await throwsText('put: The specified object name is not valid. (10020)', () =>
        env.BUCKET.put(key().padEnd(1025, 'k'), 'x'),
      )
    },
  ],
  [
    '25',
    'keys with slashes, spaces, percent, umlauts and emoji',
    async ({ env, key }) => {
      for (const name of ['a/b//c', 'a b+c', 'a%2Fb', 'ä/😀', 'a?b#c', './x', 'a"b\\']) {
        await env.BUCKET.put(key(name), name)
        equal(await (await env.BUCKET.get(key(name)))?.text(), name)
      }
    },
  ],
  [
    '26',
    'head has no body and all the rest',
    async ({ env, key }) => {
      await env.BUCKET.put(key(), 'hello', { customMetadata: { a: 'b' } })
      const head = (await env.BUCKET.head(key())) as object
      equal(['body' in head, 'text' in head], [false, false])
    },
  ],
])
