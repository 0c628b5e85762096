import { Cache } from '../../../bindings/cache.ts'
import { cache as declareCache } from '../../../bindings/declarations.ts'
import type { CacheDriver } from '../../../bindings/drivers.ts'
import { type DriverCase, defineCases } from './driver-case.ts'
import { expect } from './expect.ts'
import { type Harness, type OpenOptions, pattern } from './harness.ts'

/**
 * Returns the conformance cases that every cache driver must pass, both when called directly and through the
 * portable Cache class. `ownClock`: answers expire by the backend's clock, which no case can set.
 */
// oxlint-disable-next-line max-lines-per-function -- a list of cases over one harness, as a describe is
export function cacheCases(
  create: () => Promise<Harness<CacheDriver>>,
  { ownClock = false } = {},
): DriverCase[] {
  let harness: Harness<CacheDriver>
  let driver: CacheDriver
  let cache: Cache
  const open = (options: OpenOptions = {}): Promise<CacheDriver> =>
    harness.open({ binding: 'pages', declaration: declareCache(), ...options })
  const { cases, it, skip } = defineCases(
    'cache',
    async () => {
      harness = await create()
      driver = await open()
      cache = new Cache(driver, { binding: 'pages' })
    },
    () => harness.dispose(),
  )
  const itClocked = ownClock ? skip("answers expire by the backend's own clock, which nobody can move") : it

  const url = 'https://app.test/page?a=1'
  const answer = (
    body: string | Uint8Array<ArrayBuffer> | null = 'body',
    headers: Record<string, string> = {},
    status = 200,
  ): Response => new Response(body, { status, headers: { 'cache-control': 'max-age=60', ...headers } })

  it('cache-d01 a miss is undefined', async () => {
    expect(await driver.match(url)).toBeUndefined()
    expect(await cache.match(url)).toBeUndefined()
  })

  it('cache-d02 body, headers and status come back, again and again', async () => {
    await driver.put(
      url,
      new Response('text \u2713', { status: 203, headers: { 'x-one': '1', 'content-type': 'text/plain' } }),
      60,
    )
    for (let round = 0; round < 2; round++) {
      const found = await driver.match(url)
      expect([
        found?.status,
        found?.headers.get('x-one'),
        found?.headers.get('content-type'),
        await found?.text(),
      ]).toEqual([203, '1', 'text/plain', 'text \u2713'])
    }
    for (const other of [
      'https://app.test/page',
      'https://app.test/page?a=1&',
      'http://app.test/page?a=1',
      'https://app.test/PAGE?a=1',
    ])
      expect(await driver.match(other)).toBeUndefined()
  })

  it('cache-d02b bytes of every value, a large body, an empty one, and none', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    const bodyOf = async (): Promise<Uint8Array> =>
      new Uint8Array((await (await driver.match(url))?.arrayBuffer()) ?? new ArrayBuffer(1))
    await driver.put(url, new Response(bytes), 60)
    expect(await bodyOf()).toEqual(bytes)
    await driver.put(url, new Response(pattern(3_000_000)), 60)
    expect(Buffer.compare(await bodyOf(), pattern(3_000_000))).toBe(0)
    await driver.put(url, new Response(''), 60)
    expect(await bodyOf()).toEqual(new Uint8Array())
    await driver.put(url, new Response(null, { status: 204 }), 60)
    const found = await driver.match(url)
    expect([found?.status, found?.body]).toEqual([204, null])
  })

  it('cache-d02c a later put replaces the answer', async () => {
    await driver.put(url, new Response('first', { headers: { 'x-first': '1' } }), 60)
    await driver.put(url, new Response('second', { status: 404 }), 60)
    const found = await driver.match(url)
    expect([found?.status, found?.headers.get('x-first'), await found?.text()]).toEqual([404, null, 'second'])
  })

  itClocked('cache-d03 an answer is gone when its time is over', async () => {
    let now = Date.now()
    const timed = await open({ now: () => now })
    await timed.put(url, new Response('a'), 60)
    now += 59_999
    expect(await (await timed.match(url))?.text()).toBe('a')
    now += 1
    expect(await timed.match(url)).toBeUndefined()
    expect(await timed.delete(url)).toBe(false)
  })

  it('cache-d04 a second is a second, also by the real clock', async () => {
    const before = Date.now()
    await driver.put(url, new Response('a'), 1)
    while ((await driver.match(url)) !== undefined) await new Promise((resolve) => setTimeout(resolve, 50))
    expect(Date.now() - before).toBeGreaterThanOrEqual(990)
  })

  it('cache-d06 what says that it must not be kept is not kept', async () => {
    for (const headers of [
      { 'cache-control': 'private, max-age=60' },
      { 'cache-control': 'no-store' },
      { 'set-cookie': 'a=b' },
      { 'cache-control': 's-maxage=0, max-age=60' },
    ]) {
      await cache.put(url, answer('a', headers))
      expect(await cache.match(url)).toBeUndefined()
    }
    await cache.put(url, new Response('a'))
    expect(await cache.match(url)).toBeUndefined()
  })

  it('cache-d10 a range of a stored answer is 206; cache-11 its etag answers 304', async () => {
    await cache.put(url, answer('0123456789', { etag: '"v1"' }))
    const part = await cache.match(new Request(url, { headers: { range: 'bytes=2-4' } }))
    expect([part?.status, part?.headers.get('content-range'), await part?.text()]).toEqual([
      206,
      'bytes 2-4/10',
      '234',
    ])
    const same = await cache.match(new Request(url, { headers: { 'if-none-match': '"v1"' } }))
    expect([same?.status, same?.body]).toEqual([304, null])
  })

  it('cache-d12 delete tells whether there was one', async () => {
    await driver.put(url, new Response('a'), 60)
    expect([await driver.delete(url), await driver.delete(url), await driver.match(url)]).toEqual([
      true,
      false,
      undefined,
    ])
  })

  it('cache-d13 bindings and apps are apart', async () => {
    await driver.put(url, new Response('a'), 60)
    expect(await (await open({ binding: 'others' })).match(url)).toBeUndefined()
    expect(await (await open({ app: 'foreign' })).match(url)).toBeUndefined()
  })

  it(
    'cache-d16 a second driver shares all entries or none: what it puts and deletes the first sees, or ' +
      'never',
    async () => {
      const second = await open()
      await driver.put(url, new Response('first'), 60)
      const shared = (await second.match(url)) !== undefined
      await second.put(`${url}&b=2`, new Response('second'), 60)
      expect((await driver.match(`${url}&b=2`)) !== undefined).toBe(shared)
      expect(await second.delete(url)).toBe(shared)
      expect((await driver.match(url)) === undefined).toBe(shared)
    },
  )

  it('cache-d14 a stream is read once, and a clone stays usable', async () => {
    const response = new Response(new Blob(['streamed']).stream(), {
      headers: { 'cache-control': 'max-age=60' },
    })
    await cache.put(url, response.clone())
    expect(await response.text()).toBe('streamed')
    expect(await (await cache.match(url))?.text()).toBe('streamed')
  })

  it('cache-d15 a body that fails is no error to the app, and no entry', async () => {
    const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('broke')) })
    await cache.put(url, new Response(broken, { headers: { 'cache-control': 'max-age=60' } }))
    expect(await cache.match(url)).toBeUndefined()
  })
  return cases
}
