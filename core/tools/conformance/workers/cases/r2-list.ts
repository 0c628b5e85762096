import { ok, pattern } from '../../assert.ts'
import { type WorkerCase, type WorkerTools, workerCases } from '../case.ts'
import { equal, throwsText } from './tools.ts'

async function fill({ env, key }: WorkerTools, names: readonly string[]): Promise<void> {
  for (const name of names)
    await env.BUCKET.put(key(name), name, {
      httpMetadata: { contentType: 'x/y' },
      customMetadata: { name: 'm' },
    })
}

const PART = 5 * 1024 * 1024

export const R2_LIST: WorkerCase[] = workerCases('r2', [
  [
    '70',
    'list by prefix, in order',
    async (tools) => {
      await fill(tools, ['b', 'a', 'c'])
      const list = await tools.env.BUCKET.list({ prefix: tools.key('') })
      equal(
        [list.objects.map((object) => object.key), list.truncated, list.delimitedPrefixes],
        [['a', 'b', 'c'].map(tools.key), false, []],
      )
    },
  ],
  [
    '71',
    'list leaves metadata out unless asked',
    async (tools) => {
      await fill(tools, ['a'])
      const [object] = (await tools.env.BUCKET.list({ prefix: tools.key('') })).objects
      equal([object?.httpMetadata, object?.customMetadata, object?.size], [{}, {}, 1])
    },
  ],
  [
    '72',
    'list includes what is asked for',
    async (tools) => {
      await fill(tools, ['a'])
      const [both] = (
        await tools.env.BUCKET.list({ prefix: tools.key(''), include: ['httpMetadata', 'customMetadata'] })
      ).objects
      equal([both?.httpMetadata, both?.customMetadata], [{ contentType: 'x/y' }, { name: 'm' }])
      const [one] = (await tools.env.BUCKET.list({ prefix: tools.key(''), include: ['customMetadata'] }))
        .objects
      equal([one?.httpMetadata, one?.customMetadata], [{}, { name: 'm' }])
    },
  ],
  [
    '73',
    'list with a delimiter groups',
    async (tools) => {
      await fill(tools, ['a', 'b/1', 'b/2', 'c/d/1', 'e'])
      const list = await tools.env.BUCKET.list({ prefix: tools.key(''), delimiter: '/' })
      equal(
        [list.objects.map((object) => object.key), list.delimitedPrefixes],
        [['a', 'e'].map(tools.key), ['b/', 'c/'].map(tools.key)],
      )
    },
  ],
  [
    '74',
    'list in pages',
    async (tools) => {
      await fill(tools, ['a', 'b', 'c', 'd', 'e'])
      const keys: string[] = []
      let cursor: string | undefined
      let pages = 0
      do {
        const page = (await tools.env.BUCKET.list({
          prefix: tools.key(''),
          limit: 2,
          ...(cursor === undefined ? {} : { cursor }),
        })) as {
          objects: { key: string }[]
          truncated: boolean
          cursor?: string
        }
        keys.push(...page.objects.map((object) => object.key))
        equal(page.truncated, page.cursor !== undefined)
        cursor = page.cursor
        pages++
      } while (cursor !== undefined)
      equal([keys, pages], [['a', 'b', 'c', 'd', 'e'].map(tools.key), 3])
    },
  ],
  [
    '75',
    'list startAfter',
    async (tools) => {
      await fill(tools, ['a', 'b', 'c'])
      equal(
        (await tools.env.BUCKET.list({ prefix: tools.key(''), startAfter: tools.key('a') })).objects.map(
          (object) => object.key,
        ),
        ['b', 'c'].map(tools.key),
      )
    },
  ],
  [
    '76',
    'list of nothing',
    async ({ env, key }) => {
      const list = await env.BUCKET.list({ prefix: key() })
      equal([list.objects, list.truncated, list.delimitedPrefixes], [[], false, []])
    },
  ],
  [
    '77',
    'a limit of 0 or over 1,000 is refused',
    async ({ env }) => {
      for (const limit of [0, 1001])
        await throwsText('list: MaxKeys params must be positive integer <= 1000. (10022)', () =>
          env.BUCKET.list({ limit }),
        )
    },
  ],
  [
    '78',
    'objects of a list have etag, size, uploaded and version',
    async (tools) => {
      await fill(tools, ['a'])
      const [object] = (await tools.env.BUCKET.list({ prefix: tools.key('') })).objects
      const head = await tools.env.BUCKET.head(tools.key('a'))
      equal(
        [object?.etag, object?.size, object?.version, object?.uploaded.getTime()],
        [head?.etag, head?.size, head?.version, head?.uploaded.getTime()],
      )
    },
  ],
  [
    '79',
    'delimiter and pages together see each group once',
    async (tools) => {
      await fill(tools, ['a/1', 'a/2', 'b', 'c/1'])
      const seen: string[] = []
      let cursor: string | undefined
      do {
        const page = (await tools.env.BUCKET.list({
          prefix: tools.key(''),
          delimiter: '/',
          limit: 1,
          ...(cursor === undefined ? {} : { cursor }),
        })) as {
          objects: { key: string }[]
          delimitedPrefixes: string[]
          cursor?: string
        }
        seen.push(...page.objects.map((object) => object.key), ...page.delimitedPrefixes)
        cursor = page.cursor
      } while (cursor !== undefined)
      equal(seen, ['a/', 'b', 'c/'].map(tools.key))
    },
  ],
  [
    '85',
    'an upload in parts',
    async ({ env, key }) => {
      const upload = await env.BUCKET.createMultipartUpload(key(), {
        customMetadata: { a: 'b' },
        httpMetadata: { contentType: 'x/y' },
      })
      equal([upload.key, typeof upload.uploadId], [key(), 'string'])
      const first = await upload.uploadPart(1, pattern(PART))
      const second = await upload.uploadPart(2, 'the tail')
      equal(await env.BUCKET.head(key()), null)
      const object = await upload.complete([first, second])
      equal(
        [object.key, object.size, object.customMetadata, object.httpMetadata],
        [key(), PART + 8, { a: 'b' }, { contentType: 'x/y' }],
      )
      ok(object.etag.endsWith('-2'), `the etag ${object.etag} tells the number of parts`)
      equal(await (await env.BUCKET.get(key(), { range: { suffix: 8 } }))?.text(), 'the tail')
    },
  ],
  [
    '86',
    'an upload is resumed by its id',
    async ({ env, key }) => {
      const { uploadId } = await env.BUCKET.createMultipartUpload(key())
      const upload = env.BUCKET.resumeMultipartUpload(key(), uploadId)
      equal([upload.key, upload.uploadId], [key(), uploadId])
      const part = await upload.uploadPart(1, 'all of it')
      await env.BUCKET.resumeMultipartUpload(key(), uploadId).complete([part])
      equal(await (await env.BUCKET.get(key()))?.text(), 'all of it')
    },
  ],
  [
    '87',
    'a part that is uploaded again counts by its last etag',
    async ({ env, key }) => {
      const upload = await env.BUCKET.createMultipartUpload(key())
      await upload.uploadPart(1, 'one')
      const again = await upload.uploadPart(1, 'two')
      await upload.complete([again])
      equal(await (await env.BUCKET.get(key()))?.text(), 'two')
    },
  ],
  [
    '88',
    'parts that were not uploaded, or have another etag, cannot be completed',
    async ({ env, key }) => {
      const upload = await env.BUCKET.createMultipartUpload(key())
      const part = await upload.uploadPart(1, 'one')
      const text = 'completeMultipartUpload: One or more of the specified parts could not be found. (10025)'
      await throwsText(text, () => upload.complete([{ partNumber: 1, etag: 'other' }]))
      await throwsText(text, () => upload.complete([part, { partNumber: 2, etag: part.etag }]))
      await upload.abort()
    },
  ],
  [
    '89',
    'parts but the last must have 5 MiB',
    async ({ env, key }) => {
      const upload = await env.BUCKET.createMultipartUpload(key())
      const parts = [await upload.uploadPart(1, 'small'), await upload.uploadPart(2, 'small')]
      await throwsText(
        'completeMultipartUpload: Your proposed upload is smaller than the minimum allowed object size. ' +
          '(10011)',
        () => upload.complete(parts),
      )
      await upload.abort()
    },
  ],
  [
    '90',
    'part numbers are from 1 to 10,000',
    async ({ env, key }) => {
      const upload = await env.BUCKET.createMultipartUpload(key())
      for (const number of [0, 10_001])
        await throwsText(
          `Part number must be between 1 and 10000 (inclusive). Actual value was: ${number}`,
          () => upload.uploadPart(number, 'x'),
          'TypeError',
        )
      await upload.abort()
    },
  ],
  [
    '91',
    'an upload that was aborted is gone; aborting again is fine',
    async ({ env, key }) => {
      const upload = await env.BUCKET.createMultipartUpload(key())
      await upload.uploadPart(1, 'x')
      await upload.abort()
      await upload.abort()
      await throwsText('uploadPart: The specified multipart upload does not exist. (10024)', () =>
        upload.uploadPart(2, 'x'),
      )
      equal(await env.BUCKET.head(key()), null)
    },
  ],
  [
    '92',
    'an unknown upload',
    async ({ env, key }) =>
      throwsText('uploadPart: The specified multipart upload does not exist. (10024)', () =>
        env.BUCKET.resumeMultipartUpload(key(), 'none').uploadPart(1, 'x'),
      ),
  ],
  [
    '93',
    'parts under way do not show in a list',
    async ({ env, key }) => {
      const upload = await env.BUCKET.createMultipartUpload(key('a'))
      await upload.uploadPart(1, 'x')
      equal((await env.BUCKET.list({ prefix: key('') })).objects, [])
      await upload.abort()
    },
  ],
  [
    '94',
    'an object in parts replaces one that was there',
    async ({ env, key }) => {
      await env.BUCKET.put(key(), 'old', { customMetadata: { a: '1' } })
      const upload = await env.BUCKET.createMultipartUpload(key())
      await upload.complete([await upload.uploadPart(1, 'new')])
      const object = await env.BUCKET.get(key())
      equal([await object?.text(), object?.customMetadata], ['new', {}])
    },
  ],
])
