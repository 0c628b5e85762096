import { describe, expect, it } from 'vitest'
import { blob } from '../../adapters/drivers/s3/index.ts'
import { type DynamodbOptions, kv, strongKv } from '../../adapters/drivers/dynamodb/index.ts'
import type { BlobDriver, KvDriver, StrongKvDriver } from '../../core/bindings/drivers.ts'
import { awsHarness, awsServers } from './aws-servers.ts'
import { driverContext, failure } from './contracts/harness.ts'
import { kvContract } from './contracts/kv.ts'
import { strongKvContract } from './contracts/strong-kv.ts'

const servers = awsServers()

kvContract('dynamodb over dynalite and fauxqs', async () => awsHarness(servers, (context) => kv({}, context)))
strongKvContract('dynamodb over dynalite and fauxqs', async () =>
  awsHarness(servers, (context) => strongKv({}, context)),
)

describe('dynamodb driver', () => {
  const variable = (name: string): string | undefined => servers.variables()[name]
  const open = (app: string, options: DynamodbOptions = {}, without: readonly string[] = []): KvDriver =>
    kv(
      options,
      driverContext(
        { app, binding: 'things' },
        { variable: (name) => (without.includes(name) ? undefined : variable(name)) },
      ),
    ) as KvDriver
  /** The objects that large values of the app's binding are in. */
  const objects = async (app: string): Promise<string[]> => {
    const bucket = blob(
      { prefix: `${app}/things/.values/` },
      driverContext({ app }, { variable }),
    ) as BlobDriver
    return (await bucket.list({ prefix: '', limit: 1000 })).blobs.map(({ key }) => key)
  }
  const large = (seed: number): Uint8Array<ArrayBuffer> => new Uint8Array(400_000).fill(seed)

  it('leaves no object behind: large, small, large, large, deleted', async () => {
    const things = open('orphans')
    await things.put('a', large(1), {})
    const [first] = await objects('orphans')
    expect(first).toBeDefined()
    await things.put('a', 'small', {})
    expect(await objects('orphans')).toEqual([])
    await things.put('a', large(2), {})
    await things.put('a', large(3), {})
    expect((await objects('orphans')).length).toBe(1)
    expect(Buffer.compare((await things.get('a', 'bytes'))?.value as Uint8Array, large(3))).toBe(0)
    await things.put('b', 'é'.repeat(200_000), { metadata: '1' })
    expect((await objects('orphans')).length).toBe(2)
    expect(await things.get('b', 'text')).toEqual({
      value: 'é'.repeat(200_000),
      metadata: '1',
      expiration: undefined,
    })
    await things.delete('a')
    await things.delete('b')
    await things.delete('b')
    expect(await objects('orphans')).toEqual([])
  })

  it('gives a reader one whole value while others overwrite it, large and small', async () => {
    const things = open('race')
    await things.put('a', large(0), {})
    const writing = new AbortController()
    const writers = [1, 2].map(async (writer) => {
      for (let round = 0; round < 15; round++)
        await things.put('a', round % 3 === 0 ? new Uint8Array(10).fill(writer) : large(writer + round), {})
    })
    const readers = [1, 2, 3].map(async () => {
      while (!writing.signal.aborted) {
        const value = (await things.get('a', 'bytes'))?.value as Uint8Array
        expect([10, 400_000]).toContain(value.byteLength)
        expect(Buffer.compare(value, Buffer.alloc(value.byteLength, value[0]))).toBe(0)
      }
    })
    await Promise.all(writers)
    writing.abort()
    await Promise.all(readers)
    await things.delete('a')
    expect(await objects('race')).toEqual([])
  })

  it('gets 100 values of 300 KB, which DynamoDB answers in parts', async () => {
    const things = open('many')
    const keys = Array.from({ length: 100 }, (_, index) => `k${index}`)
    for (let start = 0; start < 100; start += 10)
      await Promise.all(
        keys
          .slice(start, start + 10)
          .map((key, index) => things.put(key, new Uint8Array(300_000).fill(start + index), {})),
      )
    const found = await things.getMany?.(keys, 'bytes')
    expect(found?.size).toBe(100)
    expect(keys.map((key) => (found?.get(key)?.value as Uint8Array | undefined)?.[299_999])).toEqual(
      keys.map((_, index) => index),
    )
  })

  it('without a bucket refuses what does not fit, and says what to do', async () => {
    const things = open('bare', {}, ['UNMOOR_BUCKET'])
    await things.put('a', 'small', {})
    const error = await failure(things.put('a', large(1), {}), 'LimitExceeded')
    expect(error.message).toContain('UNMOOR_BUCKET')
    expect((await things.get('a', 'text'))?.value).toBe('small')
    // The largest that is kept inline, with the longest key and metadata.
    const key = 'k'.repeat(512)
    await things.put(key, new Uint8Array(350 * 1024).fill(7), {
      metadata: JSON.stringify('m'.repeat(1022)),
      expiration: 4_000_000_000,
    })
    expect((await things.get(key, 'bytes'))?.value).toHaveLength(350 * 1024)
  })

  it('strong: large values come and go with their versions, and an item of before has one', async () => {
    const before = open('strong')
    await before.put('a', 'old', {})
    const things = strongKv(
      {},
      driverContext({ app: 'strong', binding: 'things' }, { variable }),
    ) as StrongKvDriver
    const first = await things.getWithVersion('a', 'text')
    expect(first).toMatchObject({ value: 'old', version: expect.stringMatching(/./) })
    expect(await things.putIf('a', large(1), {}, null)).toBeNull()
    expect(await objects('strong')).toEqual([])
    const second = await things.putIf('a', large(1), {}, first?.version ?? '')
    expect((await objects('strong')).length).toBe(1)
    expect(await things.putIf('a', large(2), {}, first?.version ?? '')).toBeNull()
    const third = await things.putIf('a', large(3), {}, second)
    expect((await objects('strong')).length).toBe(1)
    expect(Buffer.compare((await things.getWithVersion('a', 'bytes'))?.value as Uint8Array, large(3))).toBe(0)
    expect(await things.deleteIf('a', second ?? '')).toBe(false)
    expect(await things.deleteIf('a', third ?? '')).toBe(true)
    expect(await objects('strong')).toEqual([])
    await things.put('a', large(4), {})
    await things.put('a', 'small', {})
    expect(await objects('strong')).toEqual([])
  })

  it('names a table that is not there, and a variable that is missing', async () => {
    const things = open('x', { table: 'nowhere' })
    const error = await failure(Promise.resolve(things.get('a', 'text')), 'NotFound')
    expect(error.message).toContain('table "nowhere"')
    expect(error.details.kind).toBe('table')
    expect(() => open('x', {}, ['UNMOOR_TABLE'])).toThrow('UNMOOR_TABLE')
    expect(() => open('x', {}, ['AWS_REGION'])).toThrow('AWS_REGION')
    expect(() => open('x', {}, ['AWS_SECRET_ACCESS_KEY'])).toThrow('AWS_SECRET_ACCESS_KEY')
    expect(() => open('x', { shards: 0 })).toThrow('shards')
  })
})
