import { equal, ok, pattern, sha256, streamOfChunks, throwsCode } from '../assert.ts'
import { insideCases } from '../case.ts'

export const blobConditionCases = insideCases('blob', [
  {
    id: 'blob-15',
    contract:
      'A range together with ifMatch: the part where the etag is current, PreconditionFailed where it ' +
      'is not.',
    async run({ env, key }) {
      const { etag } = await env.blob.put(key(), '0123456789')
      equal(
        await (await env.blob.get(key(), { range: { offset: 1, length: 2 }, ifMatch: etag }))?.text(),
        '12',
        'part',
      )
      await env.blob.put(key(), 'abcdefghij')
      await throwsCode('PreconditionFailed', () =>
        env.blob.get(key(), { range: { offset: 1, length: 2 }, ifMatch: etag }),
      )
    },
  },
  {
    id: 'blob-16',
    contract:
      'put with ifMatch replaces the blob with that etag; with a stale one, or where there is none, it ' +
      'is PreconditionFailed and changes nothing.',
    async run({ env, key }) {
      const first = await env.blob.put(key(), 'one')
      const second = await env.blob.put(key(), 'two', { ifMatch: first.etag })
      ok(second.etag !== first.etag, 'the etag changes')
      await throwsCode('PreconditionFailed', () => env.blob.put(key(), 'three', { ifMatch: first.etag }))
      equal(await (await env.blob.get(key()))?.text(), 'two', 'text')
      await throwsCode('PreconditionFailed', () => env.blob.put(key('missing'), 'x', { ifMatch: first.etag }))
      equal(await env.blob.head(key('missing')), null, 'missing')
    },
  },
  {
    id: 'blob-17',
    contract:
      'put with ifNoneMatch "*" stores where there is nothing, else it is PreconditionFailed; other ' +
      'conditions are InvalidArgument.',
    async run({ env, key }) {
      await env.blob.put(key(), 'one', { ifNoneMatch: '*' })
      await throwsCode('PreconditionFailed', () => env.blob.put(key(), 'two', { ifNoneMatch: '*' }))
      equal(await (await env.blob.get(key()))?.text(), 'one', 'text')
      await throwsCode('InvalidArgument', () => env.blob.put(key(), 'x', { ifNoneMatch: 'etag' as '*' }))
      await throwsCode('InvalidArgument', () =>
        env.blob.put(key(), 'x', { ifNoneMatch: '*', ifMatch: 'etag' }),
      )
    },
  },
  {
    id: 'blob-18',
    contract: 'Twenty concurrent creations with ifNoneMatch "*" have exactly one winner, whose blob stays.',
    async run({ env, key }) {
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          try {
            await env.blob.put(key(), `writer ${index}`, { ifNoneMatch: '*' })
            return index
          } catch (error) {
            await throwsCode('PreconditionFailed', () => Promise.reject(error))
            return undefined
          }
        }),
      )
      const winners = outcomes.filter((outcome) => outcome !== undefined)
      equal(winners.length, 1, 'winners')
      equal(await (await env.blob.get(key()))?.text(), `writer ${winners[0]}`, 'text')
    },
  },
  {
    id: 'blob-19',
    contract: 'Twenty writers that compare and swap a counter by ifMatch lose no update.',
    exclusive: 'heavy',
    seconds: 60,
    async run({ env, key }) {
      await env.blob.put(key(), JSON.stringify({ count: 0 }))
      const increment = async (writer: number): Promise<void> => {
        for (;;) {
          const blob = await env.blob.get(key())
          const { count } = (await blob?.json<{ count: number }>()) ?? { count: Number.NaN }
          try {
            // The nonce makes each blob's content unique, since equal content may have an equal etag.
            await env.blob.put(
              key(),
              JSON.stringify({ count: count + 1, writer, nonce: crypto.randomUUID() }),
              { ifMatch: blob?.etag ?? '' },
            )
            return
          } catch (error) {
            await throwsCode('PreconditionFailed', () => Promise.reject(error))
          }
        }
      }
      await Promise.all(Array.from({ length: 20 }, (_, writer) => increment(writer)))
      equal((await (await env.blob.get(key()))?.json<{ count: number }>())?.count, 20, 'count')
    },
  },
  {
    id: 'blob-20',
    contract:
      'get with the present etag in ifNoneMatch gives no body and says notModified; with another one, ' +
      'the blob.',
    async run({ env, key }) {
      const { etag } = await env.blob.put(key(), 'text', { customMetadata: { a: 'b' } })
      const same = await env.blob.get(key(), { ifNoneMatch: etag })
      equal(
        [same?.notModified, same?.body, same?.etag, same?.size, { ...same?.customMetadata }],
        [true, null, etag, 4, { a: 'b' }],
        'not modified',
      )
      const changed = await env.blob.get(key(), { ifNoneMatch: `${etag}x` })
      equal([changed?.notModified, await changed?.text()], [false, 'text'], 'modified')
      equal(await env.blob.get(key('missing'), { ifNoneMatch: etag }), null, 'missing')
    },
  },
  {
    id: 'blob-21',
    contract:
      'The etag is the same in put, head, get and list, without quotes, and changes when the content does.',
    async run({ env, key }) {
      const one = await env.blob.put(key(), 'one')
      ok(one.etag.length > 0 && !one.etag.includes('"'), `etag ${one.etag}`)
      equal(
        [
          (await env.blob.head(key()))?.etag,
          (await env.blob.get(key()))?.etag,
          (await env.blob.list({ prefix: key() })).blobs[0]?.etag,
        ],
        [one.etag, one.etag, one.etag],
        'etags',
      )
      const two = await env.blob.put(key(), 'two')
      ok(two.etag !== one.etag, 'the etag changes with the content')
    },
  },
  {
    id: 'blob-22',
    contract:
      'A declared SHA-256 that is right stores the blob; a wrong one is ChecksumMismatch and stores nothing.',
    async run({ env, key }) {
      await env.blob.put(key(), 'text', { sha256: (await sha256('text')).toUpperCase() })
      const wrong = await sha256('other')
      await throwsCode('ChecksumMismatch', () => env.blob.put(key(), 'changed', { sha256: wrong }))
      await throwsCode('ChecksumMismatch', () =>
        env.blob.put(key('stream'), streamOfChunks([pattern(10)]), { sha256: wrong }),
      )
      await throwsCode('InvalidArgument', () => env.blob.put(key(), 'changed', { sha256: 'abc' }))
      equal(await (await env.blob.get(key()))?.text(), 'text', 'text')
      equal(await env.blob.head(key('stream')), null, 'stream')
    },
  },
])
