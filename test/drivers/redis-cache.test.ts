import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { cache } from '../../adapters/drivers/redis/index.ts'
import { Cache } from '../../core/bindings/cache.ts'
import { PATIENCE } from '../patience.ts'
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
  afterEach(() => void vi.useRealTimers())

  cacheContract('redis', () => redisHarness(server.url, (options, context) => cache(options, context)))

  it('a body over maxBytes is not kept', async () => {
    const driver = await cache({ url: server.url, maxBytes: 10 }, driverContext({}))
    const portable = new Cache(driver, { binding: 'pages' })
    const put = (body: string): Promise<void> =>
      portable.put('http://x/a', new Response(body, { headers: { 'cache-control': 'max-age=60' } }))
    await put('0123456789')
    expect(await (await portable.match('http://x/a'))?.text()).toBe('0123456789')
    await put('0123456789a')
    expect(await (await portable.match('http://x/a'))?.text()).toBe('0123456789')
    await driver.close?.()
  })

  it('a server that is down, or does not answer, is a miss and is left alone for a second; it serves again when it is back', async () => {
    const driver = await cache({ url: server.url, timeout: 0.2, connectTimeout: 0.2 }, driverContext({}))
    const kept = async (url: string, text: string): Promise<string | undefined> => {
      await driver.put(url, new Response(text), 600)
      return (await driver.match(url))?.text()
    }
    await expect.poll(() => kept('http://x/b', 'kept'), PATIENCE).toBe('kept')
    // The second passes when this test says so.
    vi.useFakeTimers({ toFake: ['performance'] })
    await server.pause()
    expect(await driver.match('http://x/b')).toBeUndefined()
    server.resume()
    for (let round = 0; round < 100; round++) {
      expect(await driver.match('http://x/b')).toBeUndefined()
      await driver.put('http://x/b', new Response('lost'), 600)
      expect(await driver.delete('http://x/b')).toBe(false)
    }
    vi.advanceTimersByTime(999)
    expect(await driver.match('http://x/b')).toBeUndefined()
    vi.useRealTimers()
    await expect.poll(async () => (await driver.match('http://x/b'))?.text(), PATIENCE).toBe('kept')
    await server.kill()
    expect(await driver.match('http://x/b')).toBeUndefined()
    await driver.put('http://x/b', new Response('lost'), 600)
    await server.restart()
    await expect.poll(() => kept('http://x/c', 'back'), PATIENCE).toBe('back')
    await driver.close?.()
  })
})
