import { createHash } from 'node:crypto'
import { utf8, utf8Text } from '../../../bindings/bytes.ts'
import type { BlobDriver, BlobPutOptions, BlobRange } from '../../../bindings/drivers.ts'
import { defineListCases, listAll } from './blob-list.ts'
import { type DriverCase, defineCases } from './driver-case.ts'
import { expect } from './expect.ts'
import { byteOrder, failure, type Harness, pattern, STRANGE_KEYS } from './harness.ts'

type Body = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>

const MIB = 1024 * 1024

/**
 * Returns a stream of `size` patterned bytes in chunks, of unknown length, to be stored as a blob; it fails
 * after `failAt` bytes.
 */
function streamed(
  size: number,
  {
    chunk = 64 * 1024,
    failAt = Infinity,
    onCancel,
  }: { chunk?: number; failAt?: number; onCancel?: () => void } = {},
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const bytes = pattern(size)
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= failAt) return controller.error(new Error('the source broke'))
      if (at >= size) return controller.close()
      controller.enqueue(bytes.slice(at, at + chunk))
      at += chunk
    },
    cancel: onCancel ?? (() => {}),
  })
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

const RANGES: readonly (readonly [string, BlobRange, string, { offset: number; length: number }])[] = [
  ['offset and length', { offset: 2, length: 3 }, '234', { offset: 2, length: 3 }],
  ['offset only', { offset: 7 }, '789', { offset: 7, length: 3 }],
  ['a suffix', { suffix: 4 }, '6789', { offset: 6, length: 4 }],
  ['a suffix over the size', { suffix: 100 }, '0123456789', { offset: 0, length: 10 }],
  ['a length past the end', { offset: 8, length: 100 }, '89', { offset: 8, length: 2 }],
  ['the last byte', { offset: 9, length: 1 }, '9', { offset: 9, length: 1 }],
]

/** Returns the conformance cases that every blob driver must pass. */
// oxlint-disable-next-line max-lines-per-function -- a list of cases over one harness, as a describe is
export function blobCases(create: () => Promise<Harness<BlobDriver>>): DriverCase[] {
  let harness: Harness<BlobDriver>
  let blobs: BlobDriver
  const { cases, it } = defineCases(
    'blob',
    async () => {
      harness = await create()
      blobs = await harness.open()
    },
    () => harness.dispose(),
  )

  const put = (
    key: string,
    body: Body | string,
    options: Partial<BlobPutOptions> = {},
  ): ReturnType<BlobDriver['put']> =>
    blobs.put(key, typeof body === 'string' ? utf8(body) : body, {
      httpMetadata: {},
      customMetadata: {},
      ...options,
    })
  const read = async (key: string, range?: BlobRange): Promise<Uint8Array> => {
    const found = await blobs.get(key, { range })
    if (!found?.body) return expect.fail(`${key} has no body`)
    return new Uint8Array(await new Response(found.body).arrayBuffer())
  }
  /** Hashes a stored blob chunk by chunk, so that the largest one is never held whole in memory. */
  const digest = async (key: string): Promise<string> => {
    const hash = createHash('sha256')
    const found = await blobs.get(key, {})
    for await (const chunk of new Response(found?.body).body ?? []) hash.update(chunk)
    return hash.digest('hex')
  }
  const text = async (key: string, range?: BlobRange): Promise<string> => utf8Text(await read(key, range))
  it('blob-d01 a missing blob: head and get are null, delete is fine', async () => {
    expect(await blobs.head('nothing')).toBeNull()
    expect(await blobs.get('nothing', {})).toBeNull()
    await blobs.delete(['nothing', 'nor this'])
  })

  it('blob-d02 an empty blob', async () => {
    const record = await put('empty', '')
    expect(record.size).toBe(0)
    expect(await text('empty')).toBe('')
    expect((await blobs.head('empty'))?.size).toBe(0)
  })

  for (const size of [1, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 100 * MIB]) {
    it(
      `blob-d03/${size} ${size} bytes, from bytes and from a stream without a length`,
      { timeout: 120_000, load: size > 10 * MIB },
      async () => {
        const bytes = pattern(size)
        for (const body of [bytes, streamed(size)]) {
          expect((await put('a', body)).size).toBe(size)
          expect(await digest('a')).toBe(sha256(bytes))
          await blobs.delete(['a'])
        }
      },
    )
  }

  it('blob-d04 a source that fails half-way leaves the old blob, or none', async () => {
    await put('old', 'old content')
    await failure(put('old', streamed(6 * MIB, { failAt: 5.5 * MIB })), 'Aborted')
    await failure(put('new', streamed(MIB, { failAt: MIB / 2 })), 'Aborted')
    expect(await text('old')).toBe('old content')
    expect(await blobs.head('new')).toBeNull()
    expect((await blobs.list({ prefix: '', limit: 10 })).blobs.map((blob) => blob.key)).toEqual(['old'])
  })

  it('blob-d05 an abort during the put leaves the old blob and cancels the source', async () => {
    await put('a', 'old')
    const controller = new AbortController()
    let cancelled = false
    let sent = 0
    const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
      async pull(stream) {
        stream.enqueue(pattern(64 * 1024))
        if (++sent === 3) controller.abort(new Error('changed my mind'))
        await new Promise((resolve) => setTimeout(resolve, 5))
      },
      cancel: () => void (cancelled = true),
    })
    await failure(put('a', endless, { signal: controller.signal }), 'Aborted')
    expect(cancelled).toBe(true)
    expect(await text('a')).toBe('old')
  })

  it('blob-d06 a read that is cancelled frees what it held', async () => {
    await put('a', streamed(4 * MIB))
    for (let round = 0; round < 20; round++) {
      const body = (await blobs.get('a', {}))?.body
      if (body instanceof ReadableStream) {
        const reader = body.getReader()
        await reader.read()
        await reader.cancel()
      }
    }
    expect((await read('a')).byteLength).toBe(4 * MIB)
  })

  it('blob-d07 a blob replaced or deleted while it is read: the reader has the old one whole', async () => {
    await put('a', pattern(4 * MIB))
    const body = (await blobs.get('a', {}))?.body as Body
    await put('a', 'new')
    await blobs.delete(['a'])
    expect(sha256(new Uint8Array(await new Response(body).arrayBuffer()))).toBe(sha256(pattern(4 * MIB)))
    expect(await blobs.head('a')).toBeNull()
  })

  it('blob-d08 strange keys, and keys of 1,024 bytes, stay distinct', async () => {
    const keys = [...STRANGE_KEYS, 'k'.repeat(1024), 'x/'.repeat(512), '\u{1f600}'.repeat(256)]
    for (const key of keys) await put(key, `value of ${key}`)
    for (const key of keys) expect(await text(key), JSON.stringify(key)).toBe(`value of ${key}`)
    expect((await listAll(blobs, { limit: 1000 })).keys).toEqual(byteOrder(keys))
  })

  it('blob-d09 metadata is the same from put, head, get and list, and is replaced with the blob', async () => {
    const httpMetadata = {
      contentType: 'text/plain; charset=utf-8',
      contentLanguage: 'de',
      contentDisposition: 'attachment; filename="a b.txt"',
      contentEncoding: 'identity',
      cacheControl: 'max-age=60',
    }
    const customMetadata = { owner: 'J\u00f6rg \u{1f600}', empty: '', 'with-dash_1': 'a, b; c="d"' }
    const record = await put('a', 'content', { httpMetadata, customMetadata })
    expect(record).toMatchObject({ key: 'a', size: 7, httpMetadata, customMetadata })
    expect(Math.abs(record.uploaded - Date.now())).toBeLessThan(60_000)
    expect(await blobs.head('a')).toMatchObject({
      key: 'a',
      size: 7,
      etag: record.etag,
      httpMetadata,
      customMetadata,
    })
    expect((await blobs.get('a', {}))?.record).toMatchObject({
      etag: record.etag,
      httpMetadata,
      customMetadata,
    })
    expect((await blobs.list({ prefix: '', limit: 1 })).blobs[0]).toMatchObject({
      key: 'a',
      size: 7,
      etag: record.etag,
      httpMetadata,
      customMetadata,
    })
    await put('a', 'content')
    expect(await blobs.head('a')).toMatchObject({ customMetadata: {} })
  })

  it('blob-d10 2,048 bytes of metadata', async () => {
    const customMetadata = { k: 'x'.repeat(2047) }
    await put('a', 'v', { customMetadata })
    expect((await blobs.head('a'))?.customMetadata).toEqual(customMetadata)
  })

  for (const [what, range, expected, resolved] of RANGES) {
    it(`blob-d11/${what.replaceAll(' ', '-')} a range: ${what}`, async () => {
      await put('a', '0123456789')
      expect(await text('a', range)).toBe(expected)
      expect((await blobs.get('a', { range }))?.range).toEqual(resolved)
    })
  }

  it('blob-d12 a range of a large blob', async () => {
    await put('a', pattern(3 * MIB))
    expect(sha256(await read('a', { offset: MIB + 1, length: MIB }))).toBe(
      sha256(pattern(3 * MIB).slice(MIB + 1, 2 * MIB + 1)),
    )
  })

  it('blob-d13 a range that holds nothing is RangeNotSatisfiable', async () => {
    await put('a', '0123456789')
    await put('empty', '')
    await failure(blobs.get('a', { range: { offset: 10 } }), 'RangeNotSatisfiable')
    await failure(blobs.get('a', { range: { offset: 100, length: 1 } }), 'RangeNotSatisfiable')
    await failure(blobs.get('empty', { range: { suffix: 1 } }), 'RangeNotSatisfiable')
  })

  it('blob-d14 conditional gets', async () => {
    const { etag } = await put('a', '0123456789')
    expect(await blobs.get('a', { ifNoneMatch: etag })).toMatchObject({ body: null, record: { etag } })
    expect((await blobs.get('a', { ifNoneMatch: 'another' }))?.body).not.toBeNull()
    expect((await blobs.get('a', { ifMatch: etag }))?.body).not.toBeNull()
    expect(await blobs.get('a', { ifNoneMatch: etag, range: { offset: 1, length: 2 } })).toMatchObject({
      body: null,
    })
    await failure(blobs.get('a', { ifMatch: 'another' }), 'PreconditionFailed')
    expect(await blobs.get('nothing', { ifMatch: etag })).toBeNull()
  })

  it('blob-d15 conditional puts', async () => {
    const { etag } = await put('a', 'one', { ifNoneMatch: '*' })
    await failure(put('a', 'two', { ifNoneMatch: '*' }), 'PreconditionFailed')
    const second = await put('a', 'two', { ifMatch: etag })
    await failure(put('a', 'three', { ifMatch: etag }), 'PreconditionFailed')
    await failure(put('nothing', 'x', { ifMatch: etag }), 'PreconditionFailed')
    expect(await text('a')).toBe('two')
    expect(second.etag).not.toBe(etag)
    expect(await blobs.head('nothing')).toBeNull()
  })

  it('blob-d16 20 creates at once: one wins', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => put('race', `content ${index}`, { ifNoneMatch: '*' })),
    )
    const winners = outcomes.flatMap((outcome, index) => (outcome.status === 'fulfilled' ? [index] : []))
    expect(winners.length).toBe(1)
    expect(await text('race')).toBe(`content ${winners[0]}`)
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        expect((outcome.reason as { code?: string }).code).toMatch(/^(PreconditionFailed|Conflict)$/)
  })

  it(
    'blob-d17 a counter by compare and swap loses no update, 20 at once over two drivers',
    { timeout: 120_000 },
    async () => {
      const second = await harness.open()
      await put('counter', '0 start')
      const increment = async (driver: BlobDriver, id: number): Promise<void> => {
        for (;;) {
          const found = await driver.get('counter', {})
          const [count] = (await new Response(found?.body).text()).split(' ')
          try {
            // The id in the blob's text is a nonce: equal content would have an equal etag.
            await driver.put('counter', utf8(`${Number(count) + 1} ${id}`), {
              httpMetadata: {},
              customMetadata: {},
              ifMatch: found?.record.etag,
            })
            return
          } catch (error) {
            if (!['PreconditionFailed', 'Conflict'].includes((error as { code: string }).code)) throw error
          }
        }
      }
      await Promise.all(Array.from({ length: 20 }, (_, id) => increment(id % 2 === 0 ? blobs : second, id)))
      expect(await text('counter')).toMatch(/^20 /)
    },
  )

  it('blob-d18 etags change with the content', async () => {
    const first = await put('a', 'one')
    const second = await put('a', 'two')
    expect(second.etag).not.toBe(first.etag)
    expect(first.etag).not.toContain('"')
    expect((await blobs.head('a'))?.etag).toBe(second.etag)
  })

  it('blob-d19 a wrong checksum stores nothing, a right one does; from bytes and streams', async () => {
    await put('a', 'old')
    const wrong = sha256(utf8('other'))
    await failure(put('a', 'new', { sha256: wrong }), 'ChecksumMismatch')
    await failure(put('b', streamed(100_000), { sha256: wrong }), 'ChecksumMismatch')
    expect(await text('a')).toBe('old')
    expect(await blobs.head('b')).toBeNull()
    await put('b', streamed(100_000), { sha256: sha256(pattern(100_000)) })
    expect((await blobs.head('b'))?.size).toBe(100_000)
  })

  defineListCases(it, {
    get blobs() {
      return blobs
    },
    put,
  })

  it('blob-d26 bindings and apps do not see each other', async () => {
    const other = await harness.open({ binding: 'others' })
    const foreign = await harness.open({ app: 'foreign' })
    await put('mine', 'v')
    await other.put('theirs', utf8('v'), { httpMetadata: {}, customMetadata: {} })
    expect((await blobs.list({ prefix: '', limit: 10 })).blobs.map((blob) => blob.key)).toEqual(['mine'])
    expect((await other.list({ prefix: '', limit: 10 })).blobs.map((blob) => blob.key)).toEqual(['theirs'])
    expect((await foreign.list({ prefix: '', limit: 10 })).blobs).toEqual([])
  })

  it('blob-d27 puts of one key at once: the last to be kept is whole', async () => {
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        put('same', pattern(100_000, index + 1), { customMetadata: { n: String(index) } }),
      ),
    )
    const record = await blobs.head('same')
    expect(sha256(await read('same'))).toBe(sha256(pattern(100_000, Number(record?.customMetadata['n']) + 1)))
  })

  it(
    'blob-d28 an upload in parts goes on in another process, and its end is all or nothing',
    { timeout: 120_000 },
    async () => {
      const second = await harness.open()
      if (blobs.uploads === undefined || second.uploads === undefined) return 'the driver has no uploads'
      await put('a', 'old')
      const metadata = { httpMetadata: { contentType: 'video/mp4' }, customMetadata: { n: '1' } }
      const id = await blobs.uploads.start('a', metadata)
      const other = await blobs.uploads.start('a', metadata)
      const [first, last] = [pattern(5 * MIB, 1), pattern(1000, 2)]
      const parts = [
        { part: 1, etag: await second.uploads.put('a', id, 1, first) },
        { part: 2, etag: await blobs.uploads.put('a', id, 2, last) },
      ]
      expect((await listAll(blobs, { limit: 10 })).keys).toEqual(['a'])
      await failure(second.uploads.complete('a', other, parts), 'InvalidArgument')
      expect(await text('a')).toBe('old')
      const record = await second.uploads.complete('a', id, parts)
      expect(record).toMatchObject({ key: 'a', size: 5 * MIB + 1000, ...metadata })
      expect(sha256(await read('a'))).toBe(sha256(Buffer.concat([first, last])))
      expect(await blobs.head('a')).toMatchObject({ etag: record.etag, ...metadata })
      expect((await failure(blobs.uploads.put('a', id, 3, last), 'NotFound')).details.kind).toBe('upload')
      await blobs.uploads.abort('a', other)
      await blobs.uploads.abort('a', id)
      expect((await blobs.head('a'))?.etag).toBe(record.etag)
    },
  )

  it('blob-d29 signed URLs read and write one blob each, whatever its key, and nothing after their time', async () => {
    if (blobs.signedUrl === undefined) return 'the driver has no signedUrl'
    const keys = ['a', 'a/b c+d%20\u00e9\u{1f600}?#&=.txt', "it's (1)!*", '../up', 'k'.repeat(1024)]
    const url = blobs.signedUrl.bind(blobs)
    const sign = (seconds: number): Promise<[key: string, read: string, write: string][]> =>
      Promise.all(
        keys.map(async (key) => [key, await url(key, 'GET', seconds), await url(key, 'PUT', seconds)]),
      )
    for (const [key, reading, write] of await sign(300)) {
      const written = await fetch(write, { method: 'PUT', body: `written ${key}` })
      expect([written.status, await written.text()]).toEqual([200, ''])
      const answer = await fetch(reading)
      expect([answer.status, await answer.text()], key).toEqual([200, `written ${key}`])
    }
    const short = await sign(1)
    // Signed URLs expire at whole seconds, so the wait exceeds two of them.
    await new Promise((resolve) => setTimeout(resolve, 2100))
    for (const [key, reading, write] of short) {
      for (const late of [await fetch(reading), await fetch(write, { method: 'PUT', body: 'late' })]) {
        await late.text()
        expect(late.status, key).toBe(403)
      }
      expect(await text(key)).toBe(`written ${key}`)
    }
  })
  return cases
}
