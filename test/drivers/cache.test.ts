import { beforeEach, describe, expect, it } from 'vitest'
import { cache } from '../../adapters/drivers/memory/index.ts'
import { secret } from '../../adapters/drivers/env/index.ts'
import { Cache } from '../../core/bindings/cache.ts'
import { cache as declareCache, secret as declareSecret } from '../../core/bindings/declarations.ts'
import type { CacheDriver } from '../../core/bindings/drivers.ts'
import { driverContext } from './contracts/harness.ts'

describe('memory cache driver', () => {
  let now: number
  let driver: CacheDriver
  const open = (maxBytes?: number): CacheDriver =>
    cache(
      maxBytes === undefined ? {} : { maxBytes },
      driverContext({ binding: 'pages', declaration: declareCache(), now: () => now }),
    ) as CacheDriver
  beforeEach(() => {
    now = 1_000_000
    driver = open()
  })

  it('a miss is undefined; a stored answer comes back with status, headers and body, again and again', async () => {
    expect(await driver.match('http://x/a')).toBeUndefined()
    await driver.put(
      'http://x/a',
      new Response(new Uint8Array([0, 255]), {
        status: 203,
        headers: { 'x-one': '1', 'content-type': 'image/png' },
      }),
      60,
    )
    for (let round = 0; round < 2; round++) {
      const response = await driver.match('http://x/a')
      expect([
        response?.status,
        response?.headers.get('x-one'),
        response?.headers.get('content-type'),
      ]).toEqual([203, '1', 'image/png'])
      expect(new Uint8Array((await response?.arrayBuffer()) ?? new ArrayBuffer())).toEqual(
        new Uint8Array([0, 255]),
      )
    }
    expect(await driver.match('http://x/a?')).toBeUndefined()
  })

  it('answers without a body', async () => {
    await driver.put('http://x/a', new Response(null, { status: 204 }), 60)
    const response = await driver.match('http://x/a')
    expect([response?.status, response?.body]).toEqual([204, null])
  })

  it('an answer is gone when its time is over', async () => {
    await driver.put('http://x/a', new Response('a'), 60)
    now += 59_999
    expect(await (await driver.match('http://x/a'))?.text()).toBe('a')
    now += 1
    expect(await driver.match('http://x/a')).toBeUndefined()
    expect(await driver.delete('http://x/a')).toBe(false)
  })

  it('delete tells whether there was one', async () => {
    await driver.put('http://x/a', new Response('a'), 60)
    expect(await driver.delete('http://x/a')).toBe(true)
    expect(await driver.delete('http://x/a')).toBe(false)
    expect(await driver.match('http://x/a')).toBeUndefined()
  })

  it('the least recently used goes when the bytes are over; one too large is not kept', async () => {
    driver = open(3500)
    for (const name of ['a', 'b', 'c']) await driver.put(name, new Response('x'.repeat(1000)), 60)
    await driver.match('a')
    await driver.put('d', new Response('x'.repeat(1000)), 60)
    expect(await driver.match('b')).toBeUndefined()
    for (const name of ['a', 'c', 'd']) expect(await driver.match(name)).toBeDefined()
    await driver.put('a', new Response('x'.repeat(4000)), 60)
    expect(await driver.match('a')).toBeUndefined()
    expect(await driver.match('c')).toBeDefined()
  })

  it('two bindings are apart', async () => {
    await driver.put('http://x/a', new Response('a'), 60)
    expect(await open().match('http://x/a')).toBeUndefined()
  })

  it('a body that fails is no error to the app, and no entry', async () => {
    const portable = new Cache(driver, { binding: 'pages' })
    const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('broke')) })
    await portable.put('http://x/a', new Response(broken, { headers: { 'cache-control': 'max-age=60' } }))
    expect(await portable.match('http://x/a')).toBeUndefined()
  })
})

describe('env secret driver', () => {
  const context = driverContext(
    { binding: 'adminToken', declaration: declareSecret() },
    { variable: (name) => ({ ADMIN_TOKEN: ' a\nb ', OTHER: 'c', EMPTY: '' })[name] },
  )

  it('reads the variable of the binding, or another, untrimmed; null where there is none', async () => {
    expect(await (await secret({}, context)).get()).toBe(' a\nb ')
    expect(await (await secret({ name: 'OTHER' }, context)).get()).toBe('c')
    expect(await (await secret({ name: 'EMPTY' }, context)).get()).toBe('')
    expect(await (await secret({ name: 'NONE' }, context)).get()).toBeNull()
  })
})
