import { ok } from '../../assert.ts'
import { type WorkerCase, workerCases } from '../case.ts'
import { equal, thrown, throwsText } from './tools.ts'

const ODD_NAMES = {
  userId: '1',
  id: 'lower',
  ID: 'upper',
  'ü €': 'ö\n\u0085',
  'with space.and.dot': '  kept  ',
  '': 'no name',
  'unmoor-r2': 'a name like any',
}

export const R2_METADATA: WorkerCase[] = workerCases('r2', [
  [
    '100',
    'custom metadata keeps names of any kind, and those that differ by case alone',
    async ({ env, key }) => {
      const put = await env.BUCKET.put(key(), 'x', { customMetadata: ODD_NAMES })
      equal(put.customMetadata, ODD_NAMES)
      equal((await env.BUCKET.head(key()))?.customMetadata, ODD_NAMES)
      equal((await env.BUCKET.get(key()))?.customMetadata, ODD_NAMES)
      const listed = await env.BUCKET.list({ prefix: key(), include: ['customMetadata'] })
      equal(listed.objects[0]?.customMetadata, ODD_NAMES)
    },
  ],
  [
    '101',
    'an upload in parts keeps such names',
    async ({ env, key }) => {
      const upload = await env.BUCKET.createMultipartUpload(key(), {
        customMetadata: ODD_NAMES,
        httpMetadata: { contentDisposition: 'inline; filename="€.txt"' },
      })
      const again = env.BUCKET.resumeMultipartUpload(key(), upload.uploadId)
      const object = await again.complete([await again.uploadPart(1, 'abc')])
      equal(object.customMetadata, ODD_NAMES)
      const head = await env.BUCKET.head(key())
      equal(
        [head?.customMetadata, head?.httpMetadata, head?.size],
        [ODD_NAMES, { contentDisposition: 'inline; filename="€.txt"' }, 3],
      )
    },
  ],
  [
    '102',
    'custom metadata that is no text becomes one',
    async ({ env, key }) => {
      await env.BUCKET.put(key(), 'x', { customMetadata: { n: 5, yes: true, none: null } as never })
      equal((await env.BUCKET.head(key()))?.customMetadata, { n: '5', yes: 'true', none: 'null' })
    },
  ],
  [
    '103',
    'HTTP metadata keeps text that is no ASCII',
    async ({ env, key }) => {
      const httpMetadata = {
        contentType: 'text/plain',
        contentDisposition: 'attachment; filename="Übersicht €.txt"',
        contentLanguage: 'de',
      }
      await env.BUCKET.put(key(), 'x', { httpMetadata })
      const object = await env.BUCKET.get(key())
      equal(object?.httpMetadata, httpMetadata)
      const headers = new Headers()
      object?.writeHttpMetadata(headers as never)
      ok(headers.get('content-disposition')?.startsWith('attachment; filename="') === true, 'it is a header')
    },
  ],
  [
    '104',
    'cacheExpiry is a Date or its milliseconds',
    async ({ env, key }) => {
      await env.BUCKET.put(key(), 'x', { httpMetadata: { cacheExpiry: 1_900_000_000_000.7 as never } })
      const expiry = (await env.BUCKET.head(key()))?.httpMetadata?.cacheExpiry
      equal([expiry instanceof Date, expiry?.getTime()], [true, 1_900_000_000_000])
      for (const [wrong, message] of [
        ['2030-01-01', "Incorrect type for the 'cacheExpiry' field on 'HttpMetadata'"],
        [null, "Incorrect type for the 'cacheExpiry' field on 'HttpMetadata'"],
        [Number.NaN, 'The value cannot be converted because it is not a valid Date.'],
        [new Date('x'), 'The value cannot be converted because it is not a valid Date.'],
      ] as const)
        await throwsText(
          message,
          () => env.BUCKET.put(key(), 'x', { httpMetadata: { cacheExpiry: wrong as never } }),
          'TypeError',
        )
    },
  ],
  [
    '105',
    'an upload in parts refuses metadata that is too large before the first part',
    async ({ env, key }) => {
      const error = await thrown(() =>
        env.BUCKET.createMultipartUpload(key(), { customMetadata: { Big: 'y'.repeat(9000) } }),
      )
      ok(error.message.includes('metadata'), error.message)
    },
  ],
  [
    '106',
    'keys that are numbers and URLs are texts',
    async ({ env, key }) => {
      const number = Number(`2${Date.now()}`)
      const url = new URL(`http://x/${key()}`)
      for (const odd of [number, url] as never[]) {
        equal((await env.BUCKET.put(odd, 'body')).key, String(odd))
        equal(await (await env.BUCKET.get(odd))?.text(), 'body')
        equal((await env.BUCKET.head(String(odd)))?.key, String(odd))
      }
      await env.BUCKET.delete(number as never)
      await env.BUCKET.delete([url] as never)
      equal([await env.BUCKET.head(String(number)), await env.BUCKET.head(url.href)], [null, null])
      await throwsText('Cannot convert a Symbol', () => env.BUCKET.head(Symbol('a') as never), 'TypeError')
    },
  ],
  [
    '107',
    'limits of lists are whole numbers of what they are given as',
    async ({ env, key }) => {
      for (const name of ['a', 'b', 'c']) await env.BUCKET.put(key(name), 'x')
      const count = async (limit: unknown): Promise<number> =>
        (await env.BUCKET.list({ prefix: key(''), limit: limit as never })).objects.length
      equal([await count('1'), await count(2.9), await count(undefined)], [1, 2, 3])
      for (const wrong of ['x', null, 0.5]) await throwsText('(10022)', () => count(wrong))
      await throwsText("'prefix' field on 'ListOptions'", () => env.BUCKET.list({ prefix: 9 as never }))
    },
  ],
  [
    '108',
    'ranges and numbers of parts may be texts',
    async ({ env, key }) => {
      await env.BUCKET.put(key(), 'hello')
      const read = async (range: object): Promise<string | undefined> =>
        (await env.BUCKET.get(key(), { range: range as never }))?.text()
      equal([await read({ offset: '1', length: '2' }), await read({ suffix: '2' })], ['el', 'lo'])
      await throwsText('must be an integer', () => read({ offset: 1.7, length: 2 }), 'RangeError')
      const upload = await env.BUCKET.createMultipartUpload(key('parts'))
      const part = await upload.uploadPart('1' as never, 'abc')
      equal(part.partNumber, 1)
      equal((await upload.complete([{ partNumber: '1' as never, etag: part.etag }])).size, 3)
    },
  ],
])
