import {
  brokenStream,
  equal,
  eventually,
  ok,
  pattern,
  sha256,
  streamOfChunks,
  throwsCode,
} from '../assert.ts'
import { insideCases } from '../case.ts'
import { names } from './kv-tools.ts'

const MAX_VALUE = 25 * 1024 * 1024

export const kvCases = insideCases('kv', [
  {
    id: 'kv-01',
    contract: 'Text comes back as it was put.',
    async run({ env, key, settles }) {
      await env.kv.put(key(), 'hello, Zoë 😀')
      await settles(() => env.kv.get(key()), 'hello, Zoë 😀')
      await settles(() => env.kv.get(key('missing')), null)
    },
  },
  {
    id: 'kv-02',
    contract: 'An empty value is an empty string, not null.',
    async run({ env, key, settles }) {
      await env.kv.put(key(), '')
      await settles(() => env.kv.get(key()), '')
      await settles(() => env.kv.get(key(), 'arrayBuffer'), new ArrayBuffer(0))
    },
  },
  {
    id: 'kv-03',
    contract: 'Bytes 0 to 255 come back as an ArrayBuffer, also from a view of a larger buffer.',
    async run({ env, key, settles }) {
      await env.kv.put(key('buffer'), pattern(256).buffer)
      await env.kv.put(key('view'), new Uint8Array(pattern(300).buffer, 10, 20))
      await settles(() => env.kv.get(key('buffer'), 'arrayBuffer'), pattern(256))
      await settles(() => env.kv.get(key('view'), 'arrayBuffer'), pattern(300).slice(10, 30))
    },
  },
  {
    id: 'kv-04',
    contract: 'A stream can be put, and read as a stream.',
    async run({ env, key, settles }) {
      const chunks = [pattern(1000), pattern(70_000), pattern(1)]
      await env.kv.put(key(), streamOfChunks(chunks))
      const expected = await new Blob(chunks).arrayBuffer()
      await settles(async () => {
        const stream = await env.kv.get(key(), 'stream')
        return stream === null ? null : new Response(stream).arrayBuffer()
      }, expected)
    },
  },
  {
    id: 'kv-05',
    contract: 'JSON is parsed; a value that is none is InvalidArgument with a SyntaxError as its cause.',
    async run({ env, key, settles }) {
      await env.kv.put(key('json'), '{"a":[1,null,"é"]}')
      await env.kv.put(key('text'), '{oops')
      await settles(() => env.kv.get(key('json'), 'json'), { a: [1, null, 'é'] })
      await settles(() => env.kv.get(key('text')), '{oops')
      const error = await throwsCode('InvalidArgument', () => env.kv.get(key('text'), 'json'))
      equal((error.cause as Error).name, 'SyntaxError', 'cause')
    },
  },
  {
    id: 'kv-06',
    contract: 'Odd keys stay distinct: nothing is decoded, normalised or treated as a path.',
    async run({ env, key, settles }) {
      const odd = [
        'é',
        'e\u0301',
        '\uff61',
        '😀',
        'nul\0',
        'line\nbreak',
        '%2F',
        '../a',
        'a//b',
        'a/b',
        'a/b/',
        'A/b',
        "'quote",
        '"double',
        'a b',
        'a+b',
        '?q=1',
        '#h',
        '\\',
        '*',
        '%',
        '_',
      ]
      await Promise.all(odd.map((name) => env.kv.put(key(name), name)))
      for (const name of odd) await settles(() => env.kv.get(key(name)), name)
      await eventually(async () => equal((await names(env.kv, key(''))).toSorted(), odd.toSorted(), 'listed'))
    },
  },
  {
    id: 'kv-07',
    contract: 'The keys "", "." and "..", and what is no string, are InvalidArgument in every method.',
    async run({ env }) {
      for (const bad of ['', '.', '..', 5 as never, undefined as never]) {
        await throwsCode('InvalidArgument', () => env.kv.get(bad))
        await throwsCode('InvalidArgument', () => env.kv.put(bad, 'x'))
        await throwsCode('InvalidArgument', () => env.kv.delete(bad))
        await throwsCode('InvalidArgument', () => env.kv.getWithMetadata(bad))
        await throwsCode('InvalidArgument', () => env.kv.getMany(['fine', bad]))
      }
    },
  },
  {
    id: 'kv-08',
    contract: 'A key, value or prefix with half of a surrogate pair is InvalidArgument.',
    async run({ env, key, settles }) {
      await throwsCode('InvalidArgument', () => env.kv.put(key('\ud800'), 'x'))
      await throwsCode('InvalidArgument', () => env.kv.get(key('\udc00')))
      await throwsCode('InvalidArgument', () => env.kv.put(key(), 'half \ud83d'))
      await throwsCode('InvalidArgument', () => env.kv.list({ prefix: '\ud83d' }))
      await settles(() => env.kv.get(key()), null)
    },
  },
  {
    id: 'kv-09',
    contract: 'A key of 512 bytes of UTF-8 is stored, one of 513 is LimitExceeded.',
    async run({ env, key, settles }) {
      const start = key('')
      const longest = start + 'é'.repeat((512 - start.length) >> 1) + 'x'.repeat((512 - start.length) & 1)
      await env.kv.put(longest, 'x')
      await settles(() => env.kv.get(longest), 'x')
      await throwsCode('LimitExceeded', () => env.kv.put(`${longest}x`, 'x'), {
        limit: 'kv.key',
        actual: 513,
        max: 512,
      })
      await throwsCode('LimitExceeded', () => env.kv.get(`${longest}x`), { limit: 'kv.key' })
    },
  },
  {
    id: 'kv-10',
    contract:
      'A value of 25 MiB is stored whole; one byte more is LimitExceeded and leaves the old value, also ' +
      'from a stream without a length.',
    exclusive: 'heavy',
    seconds: 60,
    async run({ env, key, settles }) {
      const largest = pattern(MAX_VALUE)
      const digest = await sha256(largest)
      await env.kv.put(key(), largest)
      await eventually(async () => {
        const stored = await env.kv.get(key(), 'arrayBuffer')
        equal(stored?.byteLength, MAX_VALUE, 'size')
        equal(await sha256(stored as ArrayBuffer), digest, 'sha256')
      })
      await env.kv.put(key('old'), 'old')
      await throwsCode('LimitExceeded', () => env.kv.put(key('old'), new Uint8Array(MAX_VALUE + 1)), {
        limit: 'kv.value',
        max: MAX_VALUE,
      })
      const mebibyte = pattern(1024 * 1024)
      const chunks = [...Array.from({ length: 25 }, () => mebibyte), pattern(1)]
      await throwsCode('LimitExceeded', () => env.kv.put(key('old'), streamOfChunks(chunks)), {
        limit: 'kv.value',
      })
      await settles(() => env.kv.get(key('old')), 'old')
      await env.kv.delete(key())
    },
  },
  {
    id: 'kv-11',
    contract:
      'Metadata of 1,024 bytes of JSON is stored, of 1,025 is LimitExceeded and leaves the old entry.',
    async run({ env, key, settles }) {
      const fits = 'm'.repeat(1022)
      await env.kv.put(key(), 'x', { metadata: fits })
      await settles(() => env.kv.getWithMetadata(key()), { value: 'x', metadata: fits, expiration: null })
      await throwsCode('LimitExceeded', () => env.kv.put(key(), 'y', { metadata: `${fits}m` }), {
        limit: 'kv.metadata',
        actual: 1025,
        max: 1024,
      })
      await throwsCode('LimitExceeded', () => env.kv.put(key(), 'y', { metadata: 'é'.repeat(512) }), {
        limit: 'kv.metadata',
      })
      await throwsCode('InvalidArgument', () => env.kv.put(key(), 'y', { metadata: () => 1 }))
      await throwsCode('InvalidArgument', () => env.kv.put(key(), 'y', { metadata: 1n }))
      await settles(() => env.kv.get(key()), 'x')
    },
  },
  {
    id: 'kv-12',
    contract: 'Falsy metadata comes back as it was put, in get and list; none is null.',
    async run({ env, key, settles }) {
      const values: unknown[] = [0, '', false, { nested: [1, 'é'] }]
      await Promise.all(values.map((metadata, index) => env.kv.put(key(`m${index}`), 'x', { metadata })))
      await env.kv.put(key('none'), 'x')
      for (const [index, metadata] of values.entries()) {
        await settles(async () => (await env.kv.getWithMetadata(key(`m${index}`))).metadata, metadata)
      }
      await settles(() => env.kv.getWithMetadata(key('none')), {
        value: 'x',
        metadata: null,
        expiration: null,
      })
      const listed = (await env.kv.list({ prefix: key('') })).keys
      equal(
        listed.map(({ metadata }) => metadata),
        [...values, null],
        'listed metadata, null where none was put',
      )
    },
  },
  {
    id: 'kv-13',
    contract:
      'A ttl under 60 s is InvalidArgument, never rounded up; so is one that is no whole number, or a ' +
      'ttl together with an expiration.',
    async run({ env, key, settles }) {
      for (const ttl of [59, 0, -1, 60.5, Number.NaN, '60' as never])
        await throwsCode('InvalidArgument', () => env.kv.put(key(), 'x', { ttl }))
      await throwsCode('InvalidArgument', () =>
        env.kv.put(key(), 'x', { ttl: 60, expiration: Math.floor(Date.now() / 1000) + 100 }),
      )
      await settles(() => env.kv.get(key()), null)
      await env.kv.put(key(), 'x', { ttl: 60 })
      await settles(() => env.kv.get(key()), 'x')
    },
  },
  {
    id: 'kv-14',
    contract:
      'An expiration in the past, or less than 60 s from now, is InvalidArgument; one beyond 32 bits ' +
      '(January 2038) is LimitExceeded.',
    async run({ env, key }) {
      const now = Math.floor(Date.now() / 1000)
      for (const expiration of [now - 1000, now, now + 50, 1, 0])
        await throwsCode('InvalidArgument', () => env.kv.put(key(), 'x', { expiration }))
      for (const options of [{ expiration: 2 ** 31 }, { ttl: 2 ** 31 }])
        await throwsCode('LimitExceeded', () => env.kv.put(key(), 'x', options))
      await env.kv.put(key(), 'x', { expiration: 2 ** 31 - 1 })
    },
  },
  {
    id: 'kv-16',
    contract: 'A put without ttl and metadata clears those of the entry before.',
    async run({ env, key, settles }) {
      await env.kv.put(key(), 'x', { ttl: 3600, metadata: 'm' })
      await eventually(async () =>
        ok((await env.kv.getWithMetadata(key())).expiration, 'the expiration is there'),
      )
      await env.kv.put(key(), 'y')
      await settles(() => env.kv.getWithMetadata(key()), { value: 'y', metadata: null, expiration: null })
      equal((await env.kv.list({ prefix: key() })).keys[0]?.expiration, null, 'expiration in the list')
    },
  },
  {
    id: 'kv-17',
    contract:
      'The expiration is reported in whole seconds by get and list, from a ttl and from an expiration.',
    async run({ env, key }) {
      const now = Math.floor(Date.now() / 1000)
      await env.kv.put(key('at'), 'x', { expiration: now + 1000 })
      await env.kv.put(key('ttl'), 'x', { ttl: 500 })
      const after = Math.floor(Date.now() / 1000)
      await eventually(async () => {
        equal((await env.kv.getWithMetadata(key('at'))).expiration, now + 1000, 'expiration')
        const { expiration } = await env.kv.getWithMetadata(key('ttl'))
        // The tolerance of ten seconds in the expiration covers the clock difference of two machines.
        const inTime = (expiration as number) >= now + 490 && (expiration as number) <= after + 510
        ok(
          Number.isInteger(expiration) && inTime,
          `expiration ${expiration} is 500 s after the put, between ${now} and ${after}`,
        )
        const [at, ttl] = (await env.kv.list({ prefix: key('') })).keys
        equal([at?.expiration, ttl?.expiration], [now + 1000, expiration], 'listed')
      })
    },
  },
  {
    id: 'kv-23',
    contract: 'Deleting a missing key succeeds, once and again; a deleted key is gone from get and list.',
    async run({ env, key, settles }) {
      await env.kv.delete(key())
      await env.kv.put(key(), 'x', { metadata: 1 })
      await settles(() => env.kv.get(key()), 'x')
      await env.kv.delete(key())
      await env.kv.delete(key())
      await settles(() => env.kv.getWithMetadata(key()), { value: null, metadata: null, expiration: null })
      await eventually(async () => equal(await names(env.kv, key('')), [], 'list'))
    },
  },
  {
    id: 'kv-25',
    contract: 'Fifty concurrent puts of one key leave one of their values, whole and with its own metadata.',
    async run({ env, key }) {
      const value = (index: number): string =>
        `${index}:`.padEnd(2000, String.fromCharCode(97 + (index % 26)))
      await Promise.all(
        Array.from({ length: 50 }, (_, index) => env.kv.put(key(), value(index), { metadata: index })),
      )
      await eventually(async () => {
        const stored = await env.kv.getWithMetadata<number>(key())
        ok(stored.metadata !== null, 'there is an entry')
        equal(stored.value, value(stored.metadata), 'the value that belongs to the metadata')
      })
    },
  },
  {
    id: 'kv-26',
    contract: 'A put whose stream fails half-way is Aborted and leaves the old value.',
    async run({ env, key, settles }) {
      await env.kv.put(key(), 'old')
      await throwsCode('Aborted', () => env.kv.put(key(), brokenStream(pattern(1000))))
      await throwsCode('Aborted', () => env.kv.put(key('new'), brokenStream(pattern(1000))))
      await settles(() => env.kv.get(key()), 'old')
      await settles(() => env.kv.get(key('new')), null)
    },
  },
  {
    id: 'kv-27',
    contract:
      'A value that grows over and shrinks under 400 KB (an item of DynamoDB) is always the last one put.',
    exclusive: 'heavy',
    async run({ env, key, settles }) {
      for (const size of [500_000, 10, 350_001, 409_600, 3, 1_000_000]) {
        await env.kv.put(key(), pattern(size), { metadata: size })
        await settles(async () => (await env.kv.getWithMetadata(key())).metadata, size)
        equal(await env.kv.get(key(), 'arrayBuffer'), pattern(size), `value of ${size}`)
      }
      await env.kv.delete(key())
      await settles(() => env.kv.get(key()), null)
    },
  },
  {
    id: 'kv-29',
    contract:
      'A value that is no text, bytes or stream is InvalidArgument; so is an unknown type of reading.',
    async run({ env, key, settles }) {
      for (const bad of [undefined, null, 5, {}, [], true])
        await throwsCode('InvalidArgument', () => env.kv.put(key(), bad as string))
      await throwsCode('InvalidArgument', () => env.kv.get(key(), 'xml' as 'text'))
      await settles(() => env.kv.get(key()), null)
    },
  },
  {
    id: 'kv-30',
    contract: 'Text put is readable as bytes, and bytes put are readable as text.',
    async run({ env, key, settles }) {
      await env.kv.put(key('text'), 'é')
      await env.kv.put(key('bytes'), new Uint8Array([0xef, 0xbb, 0xbf, 0xc3, 0xa9]))
      await settles(() => env.kv.get(key('text'), 'arrayBuffer'), new Uint8Array([0xc3, 0xa9]))
      await settles(() => env.kv.get(key('bytes')), '\ufeffé')
    },
  },
])
