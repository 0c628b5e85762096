/** Lists by a delimiter, beside a plain reading of what they should give. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { blob as fsBlob } from '../../adapters/drivers/fs/index.ts'
import { blob as memoryBlob } from '../../adapters/drivers/memory/index.ts'
import { blob as postgresBlob } from '../../adapters/drivers/postgres/index.ts'
import { listPage } from '../../adapters/drivers/shared/blob-list.ts'
import type { BlobDriver, BlobRecord } from '../../core/bindings/drivers.ts'
import { listAll } from '../../core/tools/conformance/drivers/blob-list.ts'
import { driverContext } from './contracts/harness.ts'
import { folderHarness } from './folder.ts'
import { admin, postgresAnswers, postgresHarness } from './postgres-server.ts'

const answers = await postgresAnswers('lists by a delimiter on Postgres')
afterAll(() => admin.end())

interface Listing {
  prefix: string
  delimiter: string
  startAfter?: string
  limit: number
}

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)
const inOrder = (texts: Iterable<string>): string[] =>
  [...new Set(texts)].toSorted((a, b) => Buffer.compare(bytes(a), bytes(b)))

/** Every key and group, from the definition. */
function expected(keys: readonly string[], { prefix, delimiter, startAfter }: Listing): object {
  const left = keys.filter(
    (key) =>
      key.startsWith(prefix) &&
      (startAfter === undefined || Buffer.compare(bytes(key), bytes(startAfter)) > 0),
  )
  const groupOf = (key: string): string | undefined => {
    const at = key.indexOf(delimiter, prefix.length)
    return at < 0 ? undefined : key.slice(0, at + delimiter.length)
  }
  return {
    keys: inOrder(left.filter((key) => groupOf(key) === undefined)),
    prefixes: inOrder(left.flatMap((key) => groupOf(key) ?? [])),
  }
}

/** Few letters, so that keys share much; the last code points, which have no successor, among them. */
const letters = fc.constantFrom('a', 'b', '/', '//', 'é', '\ud7ff', '\ue000', '\u{10ffff}', '%', '\\')
const text = (minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.array(letters, { minLength, maxLength }).map((parts) => parts.join(''))
const listing: fc.Arbitrary<Listing> = fc
  .record({
    prefix: text(0, 2),
    delimiter: text(1, 2),
    startAfter: fc.option(text(1, 4), { nil: undefined }),
    limit: fc.constantFrom(1, 2, 3, 1000),
  })
  .map(({ startAfter, ...rest }) => (startAfter === undefined ? rest : { ...rest, startAfter }))

const KEYS = inOrder(fc.sample(text(1, 6), { seed: 16, numRuns: 300 }))

async function agrees(driver: BlobDriver): Promise<void> {
  for (const key of KEYS) await driver.put(key, bytes('v'), { httpMetadata: {}, customMetadata: {} })
  await fc.assert(
    fc.asyncProperty(listing, async (options) => {
      expect(await listAll(driver, options)).toEqual(expected(KEYS, options))
    }),
    { seed: 16, numRuns: 60 },
  )
}

describe('lists by a delimiter', () => {
  it('memory: pages agree with a list of all keys', async () =>
    agrees(await memoryBlob({}, driverContext({}))))

  it('fs: pages agree with a list of all keys', async () => {
    const harness = await folderHarness((options, context) => fsBlob(options, context))
    await agrees(await harness.open({}))
    await harness.dispose()
  })

  it('fs: other work has its turn while a page of many groups is read', async () => {
    const harness = await folderHarness((options, context) => fsBlob({ ...options, durable: false }, context))
    const driver = await harness.open({})
    const names = Array.from({ length: 120 }, (_, index) => `group-${index}/blob`)
    await Promise.all(
      names.map((name) => driver.put(name, bytes('x'), { httpMetadata: {}, customMetadata: {} })),
    )
    let turned = false
    const listing = driver.list({ prefix: '', delimiter: '/', limit: 1000 })
    setImmediate(() => (turned = true))
    expect((await listing).prefixes).toHaveLength(120)
    expect(turned).toBe(true)
    await harness.dispose()
  })

  it.skipIf(!answers)('postgres: pages agree with a list of all keys', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'unmoor-groups-'))
    const harness = postgresHarness<BlobDriver>((options, context) =>
      postgresBlob({ ...options, bytes: { driver: 'fs', path: folder } }, context),
    )
    await agrees(await harness.open({}))
    await harness.dispose()
    await rm(folder, { recursive: true })
  })

  it('read about as many records as they show, whatever is in the groups', async () => {
    const records: BlobRecord[] = inOrder(
      Array.from({ length: 20_000 }, (_, index) =>
        index % 200 === 0 ? `key-${index}` : `group-${index % 100}/${index}`,
      ),
    ).map((key) => ({ key, size: 1, etag: '', uploaded: 0, httpMetadata: {}, customMetadata: {} }))
    let read = 0
    const page = await listPage(
      { prefix: '', delimiter: '/', limit: 1000 },
      {
        scan({ from, inclusive }, count) {
          const begin = records.findIndex(({ key }) => {
            const order = Buffer.compare(bytes(key), bytes(from))
            return inclusive ? order >= 0 : order > 0
          })
          const some = begin < 0 ? [] : records.slice(begin, begin + count)
          read += some.length
          return some
        },
      },
    )
    expect([page.blobs.length, page.prefixes.length]).toEqual([100, 100])
    expect(read).toBeLessThan(2 * 200)
  })
})
