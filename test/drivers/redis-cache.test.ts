import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cache } from '../../adapters/drivers/redis/index.ts'
import { Cache } from '../../core/bindings/cache.ts'
import { cacheContract } from './contracts/cache.ts'
import { driverContext } from './contracts/harness.ts'
import { redisHarness, redisInstalled, type RedisServer, startRedis } from './redis-server.ts'

let server: RedisServer
if (!redisInstalled) console.warn('redis cache driver: skipped, redis-server is not installed')

describe.runIf(redisInstalled)('with a server', () => {
  beforeAll(async () => {
    server = await startRedis(['--appendonly', 'no'])
  })
  afterAll(() => server.stop())

  cacheContract('redis', () => redisHarness(server.url, (options, context) => cache(options, context)))

  it('a body over maxBytes is not kept', async () => {
    const driver = await cache({ url: server.url, maxBytes: 10 }, driverContext({}))
    const portable = new Cache(driver, { binding: 'pages' })
    const put = (body: string): Promise<void> => portable.put('http://x/a', new Response(body, { headers: { 'cache-control': 'max-age=60' } }))
    await put('0123456789')
    expect(await (await portable.match('http://x/a'))?.text()).toBe('0123456789')
    await put('0123456789a')
    expect(await (await portable.match('http://x/a'))?.text()).toBe('0123456789')
    await driver.close?.()
  })

  it('a server that is down, or does not answer, is a miss, soon; it serves again when it is back', { timeout: 60_000 }, async () => {
    const driver = await cache({ url: server.url, timeout: 0.2, connectTimeout: 0.2 }, driverContext({}))
    await driver.put('http://x/b', new Response('kept'), 600)
    server.pause()
    let started = performance.now()
    expect(await driver.match('http://x/b')).toBeUndefined()
    expect(performance.now() - started).toBeLessThan(2000)
    started = performance.now()
    for (let round = 0; round < 100; round++) {
      expect(await driver.match('http://x/b')).toBeUndefined()
      await driver.put('http://x/b', new Response('lost'), 600)
      expect(await driver.delete('http://x/b')).toBe(false)
    }
    expect(performance.now() - started).toBeLessThan(500)
    server.resume()
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(await (await driver.match('http://x/b'))?.text()).toBe('kept')
    await server.kill()
    expect(await driver.match('http://x/b')).toBeUndefined()
    await driver.put('http://x/b', new Response('lost'), 600)
    await server.restart()
    await new Promise((resolve) => setTimeout(resolve, 1100))
    await driver.put('http://x/c', new Response('back'), 600)
    expect(await (await driver.match('http://x/c'))?.text()).toBe('back')
    await driver.close?.()
  })
})
