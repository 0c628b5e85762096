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
import type { BlobObject } from '../../../bindings/blob-object.ts'

const MIB = 1024 * 1024

export const blobCases = insideCases('blob', [
  {
    id: 'blob-01',
    contract: 'A missing blob is null for head and get, and its removal succeeds.',
    async run({ env, key }) {
      equal(await env.blob.head(key()), null, 'head')
      equal(await env.blob.get(key()), null, 'get')
      await env.blob.delete(key())
      await env.blob.delete([key('a'), key('b')])
      await env.blob.delete([])
    },
  },
  {
    id: 'blob-02',
    contract: 'An empty blob is a blob of size 0, not a missing one.',
    async run({ env, key }) {
      const put = await env.blob.put(key(), '')
      equal(put.size, 0, 'size')
      equal((await env.blob.head(key()))?.size, 0, 'head')
      const got = await env.blob.get(key())
      equal(await got?.text(), '', 'text')
      equal(got?.notModified, false, 'notModified')
    },
  },
  {
    id: 'blob-03',
    contract: 'Blobs of 1 byte, and just under, at and over 5 MiB come back with the same SHA-256.',
    exclusive: 'heavy',
    seconds: 60,
    async run({ env, key }) {
      for (const size of [1, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1]) {
        const bytes = pattern(size)
        equal((await env.blob.put(key(), bytes)).size, size, 'size')
        const got = await (await env.blob.get(key()))?.arrayBuffer()
        equal(got?.byteLength, size, 'bytes')
        equal(await sha256(got as ArrayBuffer), await sha256(bytes), `sha256 of ${size} bytes`)
      }
      await env.blob.delete(key())
    },
  },
  {
    id: 'blob-04',
    contract: 'Strings, buffers, views and Blobs can be put; anything else is InvalidArgument.',
    async run({ env, key }) {
      const text = async (): Promise<string | undefined> => (await env.blob.get(key()))?.text()
      await env.blob.put(key(), 'é')
      equal(await text(), 'é', 'string')
      await env.blob.put(key(), pattern(256).buffer)
      equal(await (await env.blob.get(key()))?.bytes(), pattern(256), 'buffer')
      await env.blob.put(key(), new Uint8Array(pattern(100).buffer, 50, 7))
      equal(await (await env.blob.get(key()))?.bytes(), pattern(100).slice(50, 57), 'view')
      await env.blob.put(key(), new Blob(['a', 'b']))
      equal(await text(), 'ab', 'Blob')
      for (const bad of [undefined, null, 5, {}])
        await throwsCode('InvalidArgument', () => env.blob.put(key(), bad as string))
      await throwsCode('InvalidArgument', () => env.blob.put(key(), 'half \ud83d'))
      equal(await text(), 'ab', 'after refusals')
    },
  },
  {
    id: 'blob-05',
    contract: 'A stream of unknown length can be put, larger than one part of a multipart upload too.',
    exclusive: 'heavy',
    seconds: 60,
    async run({ env, key }) {
      const chunk = pattern(700_000)
      for (const count of [0, 1, 9]) {
        const chunks = Array.from({ length: count }, () => chunk)
        const put = await env.blob.put(key(), streamOfChunks(chunks))
        equal(put.size, count * chunk.length, 'size')
        const got = await (await env.blob.get(key()))?.arrayBuffer()
        equal(
          await sha256(got as ArrayBuffer),
          await sha256(await new Blob(chunks).arrayBuffer()),
          `sha256 of ${count} chunks`,
        )
      }
      await env.blob.delete(key())
    },
  },
  {
    id: 'blob-06',
    contract: 'A body whose stream fails half-way is Aborted; the old blob stays, a new one is absent.',
    async run({ env, key }) {
      await env.blob.put(key('old'), 'old')
      await throwsCode('Aborted', () => env.blob.put(key('old'), brokenStream(pattern(100_000))))
      await throwsCode('Aborted', () => env.blob.put(key('new'), brokenStream(pattern(100_000))))
      equal(await (await env.blob.get(key('old')))?.text(), 'old', 'old blob')
      equal(await env.blob.head(key('new')), null, 'new blob')
    },
  },
  {
    id: 'blob-07',
    contract: 'A reader that stops early harms nothing: later reads of the blob are whole.',
    async run({ env, key }) {
      await env.blob.put(key(), pattern(2 * MIB))
      for (let round = 0; round < 5; round++) {
        const got = (await env.blob.get(key())) as BlobObject
        const reader = (got.body as ReadableStream<Uint8Array>).getReader()
        await reader.read()
        await reader.cancel()
      }
      equal((await (await env.blob.get(key()))?.bytes())?.length, 2 * MIB, 'bytes')
    },
  },
  {
    id: 'blob-08',
    contract: 'A signal that is aborted before, or during a put, is Aborted and stores nothing.',
    async run({ env, key }) {
      await throwsCode('Aborted', () => env.blob.put(key(), 'x', { signal: AbortSignal.abort() }))
      await throwsCode('Aborted', () => env.blob.get(key(), { signal: AbortSignal.abort() }))
      const controller = new AbortController()
      const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
        pull(stream) {
          stream.enqueue(pattern(1000))
          controller.abort()
          return new Promise(() => {})
        },
      })
      await throwsCode('Aborted', () => env.blob.put(key(), body, { signal: controller.signal }))
      equal(await env.blob.head(key()), null, 'head')
    },
  },
  {
    id: 'blob-09',
    contract:
      'A key of 1,024 bytes of UTF-8 is stored, one of 1,025 is LimitExceeded; "", "." and ".." are ' +
      'InvalidArgument.',
    async run({ env, key }) {
      const longest = key('').padEnd(1024, 'k')
      await env.blob.put(longest, 'x')
      equal((await env.blob.head(longest))?.key, longest, 'key')
      await throwsCode('LimitExceeded', () => env.blob.put(`${longest}k`, 'x'), {
        limit: 'blob.key',
        actual: 1025,
        max: 1024,
      })
      for (const bad of ['', '.', '..', '\ud800', 5 as never]) {
        await throwsCode('InvalidArgument', () => env.blob.put(bad, 'x'))
        await throwsCode('InvalidArgument', () => env.blob.get(bad))
        await throwsCode('InvalidArgument', () => env.blob.head(bad))
        await throwsCode('InvalidArgument', () => env.blob.delete(['fine', bad]))
      }
    },
  },
  {
    id: 'blob-10',
    contract: 'Odd keys stay distinct: nothing is decoded, normalised or treated as a path of files.',
    async run({ env, key }) {
      const odd = [
        'é',
        'e\u0301',
        '\uff61',
        '😀',
        'line\nbreak',
        '%2F',
        '../a',
        './a',
        'a//b',
        'a',
        'a/b',
        'a/b/',
        'A',
        'con',
        'nul.txt',
        'a.',
        'a ',
        ' a',
        'a+b',
        'a b',
        '?q=1&r',
        '#h',
        '\\x',
        '*',
      ]
      await Promise.all(odd.map((name) => env.blob.put(key(name), name)))
      for (const name of odd) {
        const got = await env.blob.get(key(name))
        equal([got?.key, await got?.text()], [key(name), name], `blob ${JSON.stringify(name)}`)
      }
      const listed = (await env.blob.list({ prefix: key('') })).blobs.map((blob) =>
        blob.key.slice(key('').length),
      )
      equal(listed.toSorted(), odd.toSorted(), 'listed')
    },
  },
  {
    id: 'blob-11',
    contract: 'HTTP and custom metadata, non-ASCII included, are the same in put, head, get and list.',
    async run({ env, key }) {
      const httpMetadata = {
        contentType: 'text/html; charset=utf-8',
        contentLanguage: 'en, de',
        contentDisposition: 'attachment; filename="a.html"',
        contentEncoding: 'identity',
        cacheControl: 'max-age=60',
      }
      const customMetadata = {
        plain: 'value',
        'with-dash_1': 'Zoë 😀 ｡',
        empty: '',
        spaces: ' two  spaces ',
        percent: '100%25 =?utf-8?q?x?=',
      }
      const infos = [
        await env.blob.put(key(), 'x', { httpMetadata, customMetadata }),
        await env.blob.head(key()),
        await env.blob.get(key()),
        (await env.blob.list({ prefix: key() })).blobs[0],
      ]
      for (const [index, info] of infos.entries()) {
        equal(
          [{ ...info?.httpMetadata }, { ...info?.customMetadata }],
          [httpMetadata, customMetadata],
          `metadata of ${['put', 'head', 'get', 'list'][index]}`,
        )
        equal(
          [info?.key, info?.size, info?.etag, info?.uploaded],
          [infos[0]?.key, 1, infos[0]?.etag, infos[1]?.uploaded],
          `facts of ${['put', 'head', 'get', 'list'][index]}`,
        )
      }
      ok(Math.abs((infos[1]?.uploaded.getTime() ?? 0) - Date.now()) < 60_000, 'uploaded is about now')
    },
  },
  {
    id: 'blob-12',
    contract:
      'Custom metadata of 2,048 bytes of names and values is stored, of 2,049 is LimitExceeded; a bad ' +
      'name or value is InvalidArgument.',
    async run({ env, key }) {
      const fits = { a: 'x'.repeat(1023), b: 'y'.repeat(1023) }
      await env.blob.put(key(), 'x', { customMetadata: fits })
      equal({ ...(await env.blob.head(key()))?.customMetadata }, fits, 'metadata')
      await throwsCode(
        'LimitExceeded',
        () => env.blob.put(key(), 'y', { customMetadata: { ...fits, c: '' } }),
        {
          limit: 'blob.metadata',
          actual: 2049,
          max: 2048,
        },
      )
      for (const bad of [{ Upper: 'x' }, { 'a b': 'x' }, { a: 5 as never }, { a: '\ud800' }])
        await throwsCode('InvalidArgument', () => env.blob.put(key(), 'y', { customMetadata: bad }))
      await throwsCode('InvalidArgument', () =>
        env.blob.put(key(), 'y', { contentType: 'text/plain\r\nx: y' }),
      )
      equal(await (await env.blob.get(key()))?.text(), 'x', 'after refusals')
    },
  },
  {
    id: 'blob-13',
    contract: 'Ranges: offset and length, offset alone, suffix; what goes past the end is cut there.',
    async run({ env, key }) {
      await env.blob.put(key(), '0123456789')
      const cases = [
        [{ offset: 2, length: 3 }, '234', 2],
        [{ offset: 7 }, '789', 7],
        [{ suffix: 4 }, '6789', 6],
        [{ offset: 8, length: 100 }, '89', 8],
        [{ suffix: 100 }, '0123456789', 0],
        [{ offset: 0, length: 1 }, '0', 0],
        [{ offset: 9 }, '9', 9],
      ] as const
      for (const [range, text, offset] of cases) {
        const got = await env.blob.get(key(), { range })
        equal(
          [await got?.text(), got?.range, got?.size],
          [text, { offset, length: text.length }, 10],
          `range ${JSON.stringify(range)}`,
        )
      }
      equal((await env.blob.get(key()))?.range, { offset: 0, length: 10 }, 'no range')
    },
  },
  {
    id: 'blob-14',
    contract:
      'A range that begins at or after the end, or is empty, is RangeNotSatisfiable; one that is no ' +
      'whole numbers is InvalidArgument.',
    async run({ env, key }) {
      await env.blob.put(key(), '0123456789')
      for (const range of [
        { offset: 10 },
        { offset: 11, length: 1 },
        { suffix: 0 },
        { offset: 0, length: 0 },
      ])
        await throwsCode('RangeNotSatisfiable', () => env.blob.get(key(), { range }))
      for (const range of [
        { offset: -1 },
        { suffix: 1.5 },
        { offset: 0, length: -1 },
        { offset: '1' as never },
      ])
        await throwsCode('InvalidArgument', () => env.blob.get(key(), { range }))
      equal(await (await env.blob.get(key()))?.text(), '0123456789', 'still there')
    },
  },
  {
    id: 'blob-23',
    contract: 'A body can be read once; reading it again is an error.',
    async run({ env, key }) {
      await env.blob.put(key(), '{"a":1}')
      const got = await env.blob.get(key())
      equal([got?.bodyUsed, await got?.json(), got?.bodyUsed], [false, { a: 1 }, true], 'read once')
      const again = await got?.text().then(
        () => 'read twice',
        () => 'refused',
      )
      equal(again, 'refused', 'second read')
    },
  },
  {
    id: 'blob-24',
    contract: 'A read that has begun gives the old blob whole while it is replaced.',
    async run({ env, key }) {
      const old = pattern(MIB)
      await env.blob.put(key(), old)
      const got = (await env.blob.get(key())) as BlobObject
      const reader = (got.body as ReadableStream<Uint8Array<ArrayBuffer>>).getReader()
      const first = await reader.read()
      await env.blob.put(key(), new Uint8Array(MIB).fill(7))
      const chunks = [first.value as Uint8Array<ArrayBuffer>]
      for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value)
      equal(await new Blob(chunks).arrayBuffer(), old, 'the old bytes')
    },
  },
  {
    id: 'blob-25',
    contract: "Two stores never see each other's blobs.",
    async run({ env, key }) {
      await env.blob.put(key(), 'one')
      equal(await env.otherBlob.head(key()), null, 'in the other')
      await env.otherBlob.put(key(), 'two')
      await env.otherBlob.delete(key())
      equal(await (await env.blob.get(key()))?.text(), 'one', 'text')
      await eventually(async () =>
        equal((await env.otherBlob.list({ prefix: key('') })).blobs.length, 0, 'listed in the other'),
      )
    },
  },
])
