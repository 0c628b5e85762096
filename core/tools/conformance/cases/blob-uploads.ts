/** Cases about copies, multipart uploads and signed URLs of blobs. */
import type { BlobPart, BlobUpload } from '../../../bindings/blob-upload.ts'
import { equal, ok, pattern, sha256, throwsCode } from '../assert.ts'
import { type InsideTools, insideCases } from '../case.ts'
import { isUnmoorError } from '../../../errors.ts'

const PART = 5 * 1024 * 1024
const needs = 'blob.multipart' as const

async function unsupported({ env, key }: InsideTools): Promise<void> {
  await throwsCode('Unsupported', () => env.blob.startUpload(key()), { capability: 'blob.multipart' })
}

/**
 * Uploads the parts `numbers` of a multipart upload, in this order. The last of its `count` parts has three
 * bytes, all others have `PART` bytes.
 */
async function upload(
  { env }: InsideTools,
  to: BlobUpload,
  numbers: readonly number[],
  count: number,
): Promise<BlobPart[]> {
  const parts: BlobPart[] = []
  for (const number of numbers) parts.push(await env.blob.uploadPart(to, number, partOf(number, count)))
  return parts
}

function partOf(number: number, count: number): Uint8Array<ArrayBuffer> {
  return filled(number === count ? 3 : PART, number)
}

/** Returns test bytes that differ for each `seed`. */
function filled(size: number, seed: number): Uint8Array<ArrayBuffer> {
  const bytes = pattern(size)
  bytes[0] = seed
  return bytes
}

export const blobUploadCases = insideCases('blob', [
  {
    id: 'blob-40',
    contract:
      'A copy has the bytes and metadata of its source, and takes conditions of a put; a missing source ' +
      'is NotFound with kind blob.',
    async run({ env, key }) {
      const metadata = { contentType: 'text/plain', customMetadata: { owner: 'J\u00f6rg' } }
      await env.blob.put(key('a'), 'content', metadata)
      const copied = await env.blob.copy(key('a'), key('b'), { ifNoneMatch: '*' })
      equal(
        [copied.key, copied.size, copied.customMetadata, copied.httpMetadata],
        [key('b'), 7, { owner: 'J\u00f6rg' }, { contentType: 'text/plain' }],
        'info',
      )
      await env.blob.put(key('a'), 'changed')
      equal(await (await env.blob.get(key('b')))?.text(), 'content', 'text')
      await throwsCode('PreconditionFailed', () => env.blob.copy(key('a'), key('b'), { ifNoneMatch: '*' }))
      await throwsCode('NotFound', () => env.blob.copy(key('none'), key('c')), { kind: 'blob' })
      await throwsCode('InvalidArgument', () => env.blob.copy('', key('c')))
      equal(await env.blob.head(key('c')), null, 'missing')
    },
  },
  {
    id: 'blob-41',
    contract:
      'Parts that were uploaded in any order, one of them twice, become one blob with its metadata at ' +
      'the end; before it the old blob is there.',
    exclusive: 'heavy',
    seconds: 60,
    needs,
    without: unsupported,
    async run(tools) {
      const { env, key } = tools
      await env.blob.put(key(), 'old')
      // The multipart upload is serialised, as another request may continue it.
      const started = JSON.parse(
        JSON.stringify(
          await env.blob.startUpload(key(), { contentType: 'video/mp4', customMetadata: { n: '1' } }),
        ),
      ) as BlobUpload
      await env.blob.uploadPart(started, 2, filled(PART, 9))
      const parts = await upload(tools, started, [3, 1, 2], 3)
      equal(
        parts.map(({ part, size }) => [part, size]),
        [
          [3, 3],
          [1, PART],
          [2, PART],
        ],
        'parts',
      )
      equal(await (await env.blob.get(key()))?.text(), 'old', 'text before the end')
      const done = await env.blob.completeUpload(started, parts)
      equal(
        [done.key, done.size, done.httpMetadata, done.customMetadata],
        [key(), 2 * PART + 3, { contentType: 'video/mp4' }, { n: '1' }],
        'info',
      )
      const whole = new Uint8Array(2 * PART + 3)
      for (const number of [1, 2, 3]) whole.set(partOf(number, 3), (number - 1) * PART)
      equal(
        await sha256((await (await env.blob.get(key()))?.bytes()) ?? new Uint8Array()),
        await sha256(whole),
        'SHA-256',
      )
      equal((await env.blob.head(key()))?.etag, done.etag, 'etag')
      await env.blob.delete(key())
    },
  },
  {
    id: 'blob-42',
    contract:
      'A part under 5 MiB that is not the last, parts of different lengths, a number that is none, no ' +
      'parts, and a part that was replaced are InvalidArgument; number 10,001 is LimitExceeded.',
    exclusive: 'heavy',
    seconds: 60,
    needs,
    without: unsupported,
    async run(tools) {
      const { env, key } = tools
      const started = await env.blob.startUpload(key())
      const small = [
        await env.blob.uploadPart(started, 1, 'small'),
        await env.blob.uploadPart(started, 2, 'last'),
      ]
      await throwsCode('InvalidArgument', () => env.blob.completeUpload(started, small))
      const [large] = (await upload(tools, started, [1], 2)) as [BlobPart]
      const longer = await env.blob.uploadPart(started, 2, filled(PART + 1, 2))
      await throwsCode('InvalidArgument', () => env.blob.completeUpload(started, [large, longer]))
      await throwsCode('InvalidArgument', () => env.blob.completeUpload(started, [large, large]))
      await throwsCode('InvalidArgument', () => env.blob.completeUpload(started, []))
      // The multipart upload is completed with an outdated etag: a later upload of the same part number has
      // replaced that part.
      await throwsCode('InvalidArgument', () =>
        env.blob.completeUpload(started, [large, { ...(small[1] as BlobPart) }]),
      )
      for (const number of [0, -1, 1.5, '1' as never])
        await throwsCode('InvalidArgument', () => env.blob.uploadPart(started, number, 'x'))
      await throwsCode('LimitExceeded', () => env.blob.uploadPart(started, 10_001, 'x'), {
        limit: 'blob.parts',
        actual: 10_001,
        max: 10_000,
      })
      await throwsCode('InvalidArgument', () => env.blob.uploadPart(started, 1, ''))
      await throwsCode('InvalidArgument', () => env.blob.uploadPart({ key: key() } as BlobUpload, 1, 'x'))
      equal(await env.blob.head(key()), null, 'head')
      await env.blob.abortUpload(started)
    },
  },
  {
    id: 'blob-43',
    contract:
      'An upload that was aborted leaves nothing: no blob, and no further part or end; aborting again ' +
      'is fine.',
    needs,
    without: unsupported,
    async run({ env, key }) {
      const started = await env.blob.startUpload(key())
      const part = await env.blob.uploadPart(started, 1, 'content')
      await env.blob.abortUpload(started)
      equal(
        [await env.blob.head(key()), (await env.blob.list({ prefix: key() })).blobs.length],
        [null, 0],
        'blob',
      )
      await throwsCode('NotFound', () => env.blob.uploadPart(started, 2, 'more'), { kind: 'upload' })
      await throwsCode('NotFound', () => env.blob.completeUpload(started, [part]), { kind: 'upload' })
      await env.blob.abortUpload(started)
      equal(await env.blob.head(key()), null, 'head')
    },
  },
  {
    id: 'blob-44',
    contract:
      'An upload that is completed twice is one blob: the second end is NotFound, or gives the same; a ' +
      'later abort leaves the blob.',
    needs,
    without: unsupported,
    async run({ env, key }) {
      const started = await env.blob.startUpload(key())
      const part = await env.blob.uploadPart(started, 1, 'content')
      const { etag } = await env.blob.completeUpload(started, [part])
      const again = await env.blob.completeUpload(started, [part]).catch((error: unknown) => error)
      ok(
        isUnmoorError(again, 'NotFound') || (again as { etag?: string }).etag === etag,
        `it gave ${String(again)}`,
      )
      await env.blob.abortUpload(started)
      equal(await (await env.blob.get(key()))?.text(), 'content', 'text')
    },
  },
  {
    id: 'blob-45',
    contract: 'Of a put and the end of an upload at once one blob stays, whole and with its own metadata.',
    needs,
    without: unsupported,
    async run({ env, key }) {
      const started = await env.blob.startUpload(key(), { customMetadata: { from: 'upload' } })
      const part = await env.blob.uploadPart(started, 1, 'content of upload')
      await Promise.all([
        env.blob.completeUpload(started, [part]),
        env.blob.put(key(), 'content of put', { customMetadata: { from: 'put' } }),
      ])
      const found = await env.blob.get(key())
      equal(await found?.text(), `content of ${found?.customMetadata['from']}`, 'text')
    },
  },
  {
    id: 'blob-46',
    contract:
      'A signed URL reads or writes its blob without the app; where the store has none it is Unsupported.',
    needs: 'blob.signedUrls',
    // The case about signed URLs runs on targets without them too: a driver may have them where the target's
    // default has not.
    without: signedUrls,
    run: signedUrls,
  },
  {
    id: 'blob-47',
    contract: 'A signed URL is refused once its time is over: it reads nothing, and writes nothing.',
    needs: 'blob.signedUrls',
    without: expiry,
    run: expiry,
  },
])

async function signedUrls(tools: InsideTools): Promise<void> {
  const { env, key } = tools
  await env.blob.put(key(), 'content')
  await throwsCode('InvalidArgument', () => env.blob.signedUrl(key(), { expiresIn: 0 }))
  await throwsCode('InvalidArgument', () =>
    env.blob.signedUrl(key(), { expiresIn: 60, method: 'DELETE' as 'GET' }),
  )
  await throwsCode('LimitExceeded', () => env.blob.signedUrl(key(), { expiresIn: 604_801 }), {
    limit: 'blob.signedUrl',
    max: 604_800,
  })
  const url = await signedUrl(tools, 60)
  if (url === undefined) return
  const read = await fetch(url)
  equal([read.status, await read.text()], [200, 'content'], 'read')
  const written = await fetch(await env.blob.signedUrl(key('new'), { expiresIn: 60, method: 'PUT' }), {
    method: 'PUT',
    body: 'written',
  })
  await written.text()
  equal([written.status, await (await env.blob.get(key('new')))?.text()], [200, 'written'], 'written')
}

async function expiry(tools: InsideTools): Promise<void> {
  const { env, key } = tools
  await env.blob.put(key(), 'content')
  // The signed URL is valid for two seconds, since signatures are dated in whole seconds.
  const url = await signedUrl(tools, 2)
  if (url === undefined) return
  const write = await env.blob.signedUrl(key(), { expiresIn: 2, method: 'PUT' })
  const fresh = await fetch(url)
  equal([fresh.status, await fresh.text()], [200, 'content'], 'at first')
  await new Promise((resolve) => setTimeout(resolve, 3100))
  for (const [what, late] of [
    ['read', await fetch(url)],
    ['written', await fetch(write, { method: 'PUT', body: 'late' })],
  ] as const) {
    await late.text()
    equal(late.status, 403, `${what} after its time`)
  }
  equal(await (await env.blob.get(key()))?.text(), 'content', 'text')
}

/** Returns a signed URL for reading a blob; undefined if the store reports that it has none. */
async function signedUrl({ env, key }: InsideTools, expiresIn: number): Promise<string | undefined> {
  try {
    return await env.blob.signedUrl(key(), { expiresIn })
  } catch (error) {
    ok(
      isUnmoorError(error, 'Unsupported') && error.details.capability === 'blob.signedUrls',
      `it is ${String(error)}`,
    )
    return undefined
  }
}
