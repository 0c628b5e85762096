import { ok, pattern, streamOfChunks } from '../../assert.ts'
import { type WorkerCase, workerCases } from '../case.ts'
import { equal, throwsText } from './tools.ts'

const LONG = 'k'.repeat(513)
const now = (): number => Math.floor(Date.now() / 1000)

export const KV: WorkerCase[] = workerCases('kv', [
  ['01', 'a key that is not there is null', async ({ env, key }) => equal(await env.KV.get(key()), null)],
  [
    '02',
    'put and get text',
    async ({ env, key }) => {
      await env.KV.put(key(), 'hello')
      equal(await env.KV.get(key()), 'hello')
    },
  ],
  [
    '03',
    'text of every plane comes back',
    async ({ env, key }) => {
      await env.KV.put(key('ü€😀'), 'ä€😀\u0000')
      equal(await env.KV.get(key('ü€😀')), 'ä€😀\u0000')
    },
  ],
  [
    '04',
    'type json',
    async ({ env, key }) => {
      await env.KV.put(key(), JSON.stringify({ a: [1, null] }))
      equal(await env.KV.get(key(), 'json'), { a: [1, null] })
      equal(await env.KV.get(key(), { type: 'json' }), { a: [1, null] })
    },
  ],
  [
    '05',
    'type arrayBuffer',
    async ({ env, key }) => {
      await env.KV.put(key(), pattern(300))
      const value = await env.KV.get(key(), 'arrayBuffer')
      ok(value instanceof ArrayBuffer, 'an ArrayBuffer')
      equal(new Uint8Array(value), pattern(300))
    },
  ],
  [
    '06',
    'type stream',
    async ({ env, key }) => {
      await env.KV.put(key(), 'streamed')
      const value = await env.KV.get(key(), 'stream')
      ok(value instanceof ReadableStream, 'a stream')
      equal(await new Response(value).text(), 'streamed')
    },
  ],
  [
    '07',
    'a missing key is null in every type',
    async ({ env, key }) => {
      for (const type of ['text', 'json', 'arrayBuffer', 'stream'] as const)
        equal(await env.KV.get(key(), type as 'text'), null)
    },
  ],
  [
    '08',
    'json that is none is a SyntaxError',
    async ({ env, key }) => {
      await env.KV.put(key(), '{not json')
      await throwsText(/JSON/, () => env.KV.get(key(), 'json'), 'SyntaxError')
    },
  ],
  [
    '09',
    'an unknown type is a TypeError',
    async ({ env, key }) => {
      await env.KV.put(key(), 'a')
      await throwsText('Unknown response type', () => env.KV.get(key(), 'xml' as 'text'), 'TypeError')
    },
  ],
  [
    '10',
    'put takes an ArrayBuffer, a view of a part, and a stream',
    async ({ env, key }) => {
      await env.KV.put(key('buffer'), new TextEncoder().encode('buffer').buffer)
      await env.KV.put(key('view'), new TextEncoder().encode('a view').subarray(2))
      await env.KV.put(
        key('stream'),
        streamOfChunks([new TextEncoder().encode('str'), new TextEncoder().encode('eam')]) as never,
      )
      equal(
        [await env.KV.get(key('buffer')), await env.KV.get(key('view')), await env.KV.get(key('stream'))],
        ['buffer', 'view', 'stream'],
      )
    },
  ],
  [
    '11',
    'put refuses objects that are neither bytes nor a stream',
    async ({ env, key }) => {
      for (const value of [{ a: 1 }, [1]])
        await throwsText(
          'KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values',
          () => env.KV.put(key(), value as never),
          'TypeError',
        )
    },
  ],
  [
    '12',
    'an empty value is there',
    async ({ env, key }) => {
      await env.KV.put(key(), '')
      equal(await env.KV.get(key()), '')
    },
  ],
  [
    '13',
    'put replaces value and metadata together',
    async ({ env, key }) => {
      await env.KV.put(key(), 'a', { metadata: { n: 1 } })
      await env.KV.put(key(), 'b')
      equal(await env.KV.getWithMetadata(key()), { value: 'b', metadata: null, cacheStatus: null })
    },
  ],
  [
    '14',
    'delete, also of a key that is not there',
    async ({ env, key }) => {
      await env.KV.put(key(), 'a')
      equal(await env.KV.delete(key()), undefined)
      equal(await env.KV.get(key()), null)
      await env.KV.delete(key())
    },
  ],
  [
    '15',
    'getWithMetadata gives both',
    async ({ env, key }) => {
      await env.KV.put(key(), 'v', { metadata: { list: ['a', 1, null], text: 'ü' } })
      equal(await env.KV.getWithMetadata(key()), {
        value: 'v',
        metadata: { list: ['a', 1, null], text: 'ü' },
        cacheStatus: null,
      })
    },
  ],
  [
    '16',
    'getWithMetadata of a missing key is null and null',
    async ({ env, key }) =>
      equal(await env.KV.getWithMetadata(key()), { value: null, metadata: null, cacheStatus: null }),
  ],
  [
    '17',
    'getWithMetadata in the type asked for',
    async ({ env, key }) => {
      await env.KV.put(key(), '{"a":1}', { metadata: 'm' })
      equal(await env.KV.getWithMetadata(key(), 'json'), {
        value: { a: 1 },
        metadata: 'm',
        cacheStatus: null,
      })
      const { value } = await env.KV.getWithMetadata(key(), { type: 'stream' })
      equal(await new Response(value as unknown as ReadableStream).text(), '{"a":1}')
    },
  ],
  [
    '18',
    'metadata may be any JSON value',
    async ({ env, key }) => {
      for (const [index, metadata] of ['text', 0, false, [1, 2], { a: null }].entries()) {
        await env.KV.put(key(String(index)), 'v', { metadata })
        equal((await env.KV.getWithMetadata(key(String(index)))).metadata, metadata)
      }
    },
  ],
  [
    '19',
    'an empty key is refused by every method',
    async ({ env }) => {
      for (const work of [
        () => env.KV.get(''),
        () => env.KV.put('', 'a'),
        () => env.KV.delete(''),
        () => env.KV.getWithMetadata(''),
      ])
        await throwsText('Key name cannot be empty.', work, 'TypeError')
    },
  ],
  [
    '20',
    'the keys . and .. are refused',
    async ({ env }) => {
      await throwsText('"." is not allowed as a key name.', () => env.KV.get('.'), 'TypeError')
      await throwsText('".." is not allowed as a key name.', () => env.KV.put('..', 'a'), 'TypeError')
    },
  ],
  [
    '21',
    'a key over 512 bytes is refused with its length',
    async ({ env }) => {
      await throwsText(
        'KV GET failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512.',
        () => env.KV.get(LONG),
      )
      await throwsText(
        'KV PUT failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512.',
        () => env.KV.put(LONG, 'a'),
      )
      await throwsText(
        'KV DELETE failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512.',
        () => env.KV.delete(LONG),
      )
    },
  ],
  [
    '22',
    'a key of 512 bytes is fine, by bytes and not by letters',
    async ({ env, key }) => {
      const name = key().padEnd(512, 'x')
      await env.KV.put(name, 'a')
      equal(await env.KV.get(name), 'a')
      await throwsText('UTF-8 encoded length of 514', () => env.KV.get('ü'.repeat(257)))
    },
  ],
  [
    '23',
    'a value over 25 MiB is refused',
    async ({ env, key }) => {
      await throwsText('KV PUT failed: 413 Value length of 26214401 exceeds limit of 26214400.', () =>
        env.KV.put(key(), new Uint8Array(25 * 1024 * 1024 + 1)),
      )
      equal(await env.KV.get(key()), null)
    },
  ],
  [
    '24',
    'metadata over 1,024 bytes is refused',
    async ({ env, key }) => {
      await throwsText('KV PUT failed: 413 Metadata length of 1025 exceeds limit of 1024.', () =>
        env.KV.put(key(), 'a', { metadata: 'm'.repeat(1023) }),
      )
      await env.KV.put(key(), 'a', { metadata: 'm'.repeat(1022) })
    },
  ],
  [
    '25',
    'a time to live under 60 s is refused',
    async ({ env, key }) => {
      await throwsText(
        'KV PUT failed: 400 Invalid expiration_ttl of 59. Expiration TTL must be at least 60.',
        () => env.KV.put(key(), 'a', { expirationTtl: 59 }),
      )
      await throwsText(
        'KV PUT failed: 400 Invalid expiration_ttl of 0. Please specify integer greater than 0.',
        () => env.KV.put(key(), 'a', { expirationTtl: 0 }),
      )
    },
  ],
  [
    '26',
    'an expiration in the past, or within 60 s, is refused',
    async ({ env, key }) => {
      await throwsText(
        'Please specify integer greater than the current number of seconds since the UNIX epoch.',
        () => env.KV.put(key(), 'a', { expiration: now() - 10 }),
      )
      await throwsText('Expiration times must be at least 60 seconds in the future.', () =>
        env.KV.put(key(), 'a', { expiration: now() + 30 }),
      )
    },
  ],
  [
    '27',
    'expirationTtl and expiration show in a list',
    async ({ env, key }) => {
      const at = now()
      await env.KV.put(key('a'), 'a', { expirationTtl: 100 })
      await env.KV.put(key('b'), 'b', { expiration: at + 500 })
      const after = now()
      const { keys } = await env.KV.list({ prefix: key('') })
      const expiration = keys[0]?.expiration ?? 0
      ok(
        expiration >= at + 99 && expiration <= after + 101,
        `expiration ${expiration} is 100 s after the put, between ${at} and ${after}`,
      )
      equal(keys[1]?.expiration, at + 500)
    },
  ],
  [
    '28',
    'a value with a time to live can be read',
    async ({ env, key }) => {
      await env.KV.put(key(), 'a', { expirationTtl: 60 })
      equal(await env.KV.get(key()), 'a')
    },
  ],
  [
    '41',
    'a cacheTtl under 30 s is refused',
    async ({ env, key }) =>
      throwsText('KV GET failed: 400 Invalid cache_ttl of 10. Cache TTL must be at least 30.', () =>
        env.KV.get(key(), { cacheTtl: 10 }),
      ),
  ],
  [
    '42',
    'a cacheTtl of 60 s reads',
    async ({ env, key }) => {
      await env.KV.put(key(), 'a')
      equal(await env.KV.get(key(), { type: 'text', cacheTtl: 60 }), 'a')
    },
  ],
  [
    '43',
    'a stream that fails stores nothing',
    async ({ env, key }) => {
      await env.KV.put(key(), 'old')
      const { readable, writable } = new TransformStream()
      const writer = writable.getWriter()
      const put = env.KV.put(key(), readable as never)
      put.catch(() => {})
      await writer.write(new TextEncoder().encode('half'))
      await writer.abort(new Error('broken')).catch(() => {})
      await throwsText(/./, () => put)
      equal(await env.KV.get(key()), 'old')
    },
  ],
  [
    '44',
    'keys with slashes, spaces, percent and question marks',
    async ({ env, key }) => {
      for (const name of ['a/b/../c', 'a b', 'a%2Fb', 'a?b=c#d', '//', 'a\tb']) {
        await env.KV.put(key(name), name)
        equal(await env.KV.get(key(name)), name)
      }
    },
  ],
  [
    '45',
    'a value of 1 MB',
    async ({ env, key }) => {
      await env.KV.put(key(), pattern(1_000_000))
      const value = (await env.KV.get(key(), 'arrayBuffer')) as ArrayBuffer
      equal(new Uint8Array(value), pattern(1_000_000))
    },
  ],
  [
    '46',
    'a cursor that is none starts from the beginning, or is refused; an empty one starts from the beginning',
    async ({ env, key }) => {
      await env.KV.put(key('a'), '1')
      equal((await env.KV.list({ prefix: key(''), cursor: '' })).keys.length, 1)
    },
  ],
])
