import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { blob } from '../../adapters/drivers/s3/index.ts'
import type { BlobDriver } from '../../core/bindings/drivers.ts'
import { awsHarness, awsServers } from './aws-servers.ts'
import { blobContract } from './contracts/blob.ts'
import { expectGaps, failure, type Gaps, type Harness } from './contracts/harness.ts'

const MIB = 1024 * 1024
const bytes = (size: number, seed = 1): Uint8Array<ArrayBuffer> =>
  new Uint8Array(createHash('shake256', { outputLength: size }).update(String(seed)).digest())
const none = { httpMetadata: {}, customMetadata: {} }

async function read(driver: BlobDriver, key: string): Promise<Uint8Array> {
  const found = await driver.get(key, {})
  return new Uint8Array(await new Response(found?.body as BodyInit).arrayBuffer())
}

type Chunk = Uint8Array<ArrayBuffer>

function streamOf(chunks: Iterable<Chunk> | AsyncIterable<Chunk>): ReadableStream<Chunk> {
  const source = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]()
  return new ReadableStream<Chunk>({
    async pull(controller) {
      const { done, value } = await source.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
  })
}

/** What the driver does over one of the servers that stand in for S3. */
// oxlint-disable-next-line max-lines-per-function -- a list of cases, as a describe is
export function testS3Blob(s3: 'fauxqs' | 'moto', gaps: Gaps): void {
  expectGaps(gaps)
  const servers = awsServers({ s3, drivers: { files: { driver: 's3' } } })
  let harness: Harness<BlobDriver>
  let driver: BlobDriver
  beforeEach(async () => {
    harness = awsHarness(servers, (context) => blob({}, context))
    driver = await harness.open()
  })
  afterEach(() => harness.dispose())

  blobContract(`s3 over ${s3}`, async () => awsHarness(servers, (context) => blob({}, context)), { gaps })

  it('keeps keys that URLs would resolve away, in order', async () => {
    const keys = [
      '.hidden',
      './a',
      '../a',
      'a/..',
      'a/../b',
      'a/.',
      'a/.~',
      'a/.~b',
      'a.b',
      '\u007f',
      '\u007f~',
      '\u007f!x',
      'a+b',
      "a'()*!b",
      'a%2Fb',
      'a\\b',
      'a?b#c',
    ]
    for (const key of keys) await driver.put(key, new TextEncoder().encode(key), none)
    const { blobs } = await driver.list({ prefix: '', limit: 1000 })
    expect(blobs.map((record) => record.key)).toEqual(
      keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    )
    for (const key of keys) expect(Buffer.from(await read(driver, key)).toString()).toBe(key)
    expect((await driver.list({ prefix: 'a/.', limit: 1000 })).blobs.map((record) => record.key)).toEqual([
      'a/.',
      'a/..',
      'a/../b',
      'a/.~',
      'a/.~b',
    ])
    await driver.delete(keys)
    expect((await driver.list({ prefix: '', limit: 1000 })).blobs).toEqual([])
  })

  it('keeps keys of 1,024 bytes below its own prefix', async () => {
    const keys = [
      `${'k'.repeat(1023)}a`,
      `${'k'.repeat(1023)}b`,
      '\u{1f600}'.repeat(256),
      `${'d/'.repeat(511)}xy`,
    ]
    for (const key of keys)
      await driver.put(key, new TextEncoder().encode(key), { httpMetadata: {}, customMetadata: { a: '1' } })
    for (const key of keys) expect(Buffer.from(await read(driver, key)).toString()).toBe(key)
    const { blobs } = await driver.list({ prefix: 'k', limit: 10 })
    expect(blobs.map((record) => record.key)).toEqual(keys.slice(0, 2))
    expect(blobs[0]?.customMetadata).toEqual({ a: '1' })
    expect(
      (await driver.list({ prefix: keys[0] as string, limit: 10 })).blobs.map((record) => record.key),
    ).toEqual([keys[0]])
  })

  it('keeps metadata in any language, with control characters, empty, and 2,048 bytes of it', async () => {
    const customMetadata = {
      plain: 'a b',
      accents: 'Zürich – 東京 😀',
      empty: '',
      lines: 'a\nb\r\n\tc\0',
      spaces: '  x ',
      word: '=?UTF-8?B?eA==?=',
      percent: '%utf8%100%',
      quoted: '"a", b;c',
    }
    await driver.put('m', bytes(3), {
      httpMetadata: {
        contentType: 'text/plain; charset=utf-8',
        cacheControl: 'max-age=60',
        contentDisposition: 'attachment; filename="a.txt"',
        contentLanguage: 'de',
      },
      customMetadata,
    })
    const record = await driver.head('m')
    expect(record?.customMetadata).toEqual(customMetadata)
    expect(record?.httpMetadata).toEqual({
      contentType: 'text/plain; charset=utf-8',
      cacheControl: 'max-age=60',
      contentDisposition: 'attachment; filename="a.txt"',
      contentLanguage: 'de',
    })
    expect((await driver.get('m', {}))?.record.customMetadata).toEqual(customMetadata)
    expect((await driver.list({ prefix: '', limit: 1 })).blobs[0]?.customMetadata).toEqual(customMetadata)
    const full = { k: 'v'.repeat(2047) }
    await driver.put('m', bytes(3), { httpMetadata: {}, customMetadata: full })
    expect((await driver.head('m'))?.customMetadata).toEqual(full)
    expect((await driver.head('m'))?.httpMetadata).toEqual({})
  })

  it('gives a body with a content encoding as it was stored', async () => {
    const zipped = new Uint8Array(gzipSync('x'.repeat(1000)))
    await driver.put('z', zipped, {
      httpMetadata: { contentEncoding: 'gzip', contentType: 'text/plain' },
      customMetadata: {},
    })
    expect(Buffer.compare(await read(driver, 'z'), zipped)).toBe(0)
    expect((await driver.head('z'))?.httpMetadata.contentEncoding).toBe('gzip')
  })

  it.each([0, 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 20 * MIB])(
    'stores %i bytes, and a stream of as many',
    async (size) => {
      const content = bytes(size)
      const sha256 = createHash('sha256').update(content).digest('hex')
      const put = await driver.put('a', content, { ...none, sha256 })
      expect(put.size).toBe(size)
      expect((await driver.head('a'))?.etag).toBe(put.etag)
      expect(Buffer.compare(await read(driver, 'a'), content)).toBe(0)
      const pieces = function* () {
        for (let offset = 0; offset < size; offset += 1_000_003)
          yield content.slice(offset, offset + 1_000_003)
      }
      const streamed = await driver.put('b', streamOf(pieces()), { ...none, sha256 })
      expect(streamed.size).toBe(size)
      expect(Buffer.compare(await read(driver, 'b'), content)).toBe(0)
      await failure(
        driver.put('b', streamOf(pieces()), {
          ...none,
          sha256: sha256.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
        }),
        'ChecksumMismatch',
      )
      expect((await driver.head('b'))?.etag).toBe(streamed.etag)
    },
  )

  it('leaves the old blob where a long stream fails or is aborted', async () => {
    const old = await driver.put('a', bytes(10), none)
    const failing = async function* () {
      for (let part = 0; part < 3; part++) yield bytes(6 * MIB, part)
      throw new Error('source broke')
    }
    expect((await failure(driver.put('a', streamOf(failing()), none), 'Aborted')).cause).toMatchObject({
      message: 'source broke',
    })
    const abort = new AbortController()
    const endless = async function* () {
      for (let part = 0; ; part++) {
        if (part === 3) abort.abort(new Error('enough'))
        yield bytes(6 * MIB, part)
      }
    }
    await failure(driver.put('a', streamOf(endless()), { ...none, signal: abort.signal }), 'Aborted')
    const silent = new ReadableStream<Uint8Array<ArrayBuffer>>({})
    await failure(driver.put('a', silent, { ...none, signal: AbortSignal.timeout(50) }), 'Aborted')
    expect((await driver.head('a'))?.etag).toBe(old.etag)
  })

  it('leaves the old blob where a long stream has the wrong condition', async () => {
    const old = await driver.put('a', bytes(10), none)
    const long = (): ReadableStream<Uint8Array<ArrayBuffer>> =>
      streamOf([bytes(9 * MIB, 7), bytes(9 * MIB, 8)])
    await failure(driver.put('a', long(), { ...none, ifNoneMatch: '*' }), 'PreconditionFailed')
    await failure(driver.put('a', long(), { ...none, ifMatch: 'stale' }), 'PreconditionFailed')
    await failure(driver.put('missing', long(), { ...none, ifMatch: 'stale' }), 'PreconditionFailed')
    expect((await driver.head('a'))?.etag).toBe(old.etag)
    expect(await driver.head('missing')).toBeNull()
    await driver.put('a', long(), { ...none, ifMatch: old.etag })
    expect((await driver.head('a'))?.size).toBe(18 * MIB)
  })

  it('has one winner among 20 creators, and loses no update among 20 writers that compare and swap', async () => {
    await failure(driver.put('missing', bytes(1), { ...none, ifMatch: 'stale' }), 'PreconditionFailed')
    const created = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        driver.put('once', bytes(5, index), { ...none, ifNoneMatch: '*' }),
      ),
    )
    expect(created.filter(({ status }) => status === 'fulfilled').length).toBe(1)
    await driver.put('counter', new TextEncoder().encode('{"n":0}'), none)
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        for (;;) {
          const found = await driver.get('counter', {})
          const { n } = (await new Response(found?.body as BodyInit).json()) as { n: number }
          const next = new TextEncoder().encode(JSON.stringify({ n: n + 1, nonce: Math.random() }))
          const done = await driver.put('counter', next, { ...none, ifMatch: found?.record.etag }).then(
            () => true,
            (error: { code?: string }) => {
              if (error.code !== 'PreconditionFailed' && error.code !== 'Conflict') throw error
              return false
            },
          )
          if (done) return
        }
      }),
    )
    expect(JSON.parse(Buffer.from(await read(driver, 'counter')).toString())).toMatchObject({ n: 20 })
  })

  it('groups by any delimiter, over pages', async () => {
    const keys = ['a', 'a/b', 'a/.c', 'a/.d/e', 'b/.c', 'b~c', 'b~d', 'c', 'c!1', 'c!2', '.a/b', '.a.b']
    for (const key of keys) await driver.put(key, bytes(1), none)
    const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    for (const delimiter of ['/', '.', '/.', './', '.c', '~', '!', 'a/.', '//']) {
      for (const prefix of ['', 'a', 'a/', '.']) {
        const wanted: string[] = []
        for (const key of sorted.filter((one) => one.startsWith(prefix))) {
          const cut = key.indexOf(delimiter, prefix.length)
          const name = cut < 0 ? key : key.slice(0, cut + delimiter.length)
          if (wanted.at(-1) !== name) wanted.push(name)
        }
        for (const limit of [1, 2, 1000]) {
          const got: string[] = []
          let cursor: string | undefined
          do {
            const page = await driver.list({ prefix, delimiter, cursor, limit })
            got.push(
              ...[...page.blobs.map((record) => record.key), ...page.prefixes].sort((a, b) =>
                Buffer.compare(Buffer.from(a), Buffer.from(b)),
              ),
            )
            cursor = page.cursor
          } while (cursor !== undefined)
          expect({ delimiter, prefix, limit, got }).toEqual({ delimiter, prefix, limit, got: wanted })
        }
      }
    }
  })

  it('tells of a bucket that is not there, and frees connections of bodies that nobody reads', async () => {
    const other = await blob(
      { bucket: 'unmoor-missing' },
      {
        binding: 'files',
        app: 'x',
        declaration: { kind: 'blob' },
        now: Date.now,
        variable: (name) => servers.variables()[name],
      },
    )
    expect((await failure(Promise.resolve(other.put('a', bytes(1), none)), 'NotFound')).details.kind).toBe(
      'bucket',
    )
    await failure(Promise.resolve(other.get('a', {})), 'NotFound')
    await driver.put('big', bytes(5 * MIB), none)
    for (let round = 0; round < 100; round++) {
      const found = await driver.get('big', {})
      await (found?.body as ReadableStream | undefined)?.cancel()
    }
    expect((await driver.head('big'))?.size).toBe(5 * MIB)
  })
}
