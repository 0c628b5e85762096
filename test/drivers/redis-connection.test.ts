import { Redis } from 'iovalkey'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { kv, type RedisOptions, strongKv } from '../../adapters/drivers/redis/index.ts'
import type { StrongKvDriver } from '../../core/bindings/drivers.ts'
import { PATIENCE } from '../patience.ts'
import { codeOf, driverContext, failure } from './contracts/harness.ts'
import { type Detour, openDetour } from './detour.ts'
import { redisAdmin, redisInstalled, type RedisServer, startRedis } from './redis-server.ts'

describe.runIf(redisInstalled)('a redis connection', () => {
  let server: RedisServer
  const opened: { close?(): Promise<void> | void }[] = []
  const open = async (options: RedisOptions = {}): Promise<StrongKvDriver> => {
    const driver = await strongKv({ url: server.url, ...options }, driverContext({}))
    opened.push(driver)
    return driver
  }
  beforeEach(async () => {
    server = await startRedis()
  })
  afterEach(async () => {
    for (const driver of opened.splice(0)) await driver.close?.()
    await server.stop()
  })

  it('a server that is down is Unavailable, not applied; one that comes back serves without a new driver, with its data', async () => {
    const store = await open()
    const version = await store.putIf('a', '1', {}, null)
    await server.kill()
    // Each in its turn: one that fails while another is awaited would be a rejection that nobody handles.
    for (const write of [
      () => store.put('a', '2', {}),
      () => store.delete('a'),
      () => store.putIf('a', '2', {}, version),
    ]) {
      const error = await failure(write(), 'Unavailable')
      expect([error.retryable, error.message.includes(`127.0.0.1:${server.port}`)]).toEqual([true, true])
    }
    const error = await failure(store.get('a', 'text'), 'Unavailable')
    expect(error.mayHaveApplied).toBe(false)
    await failure(store.list({ prefix: '', limit: 1 }), 'Unavailable')
    await server.restart()
    expect(await store.getWithVersion('a', 'text')).toMatchObject({ value: '1', version })
    expect(await store.putIf('a', '2', {}, version)).not.toBeNull()
  })

  it('a driver may be made before its server is there', async () => {
    await server.kill()
    const store = await open()
    const error = await failure(store.put('a', '1', {}), 'Unavailable')
    expect([error.retryable, error.mayHaveApplied]).toEqual([true, false])
    await server.restart()
    await store.put('a', '1', {})
    expect((await store.get('a', 'text'))?.value).toBe('1')
  })

  describe('over a way that breaks', () => {
    let detour: Detour
    const detoured = (): Promise<StrongKvDriver> => open({ url: `redis://127.0.0.1:${detour.port}` })
    beforeEach(async () => {
      detour = await openDetour(server)
    })
    afterEach(() => detour.close())

    it('a write that a loss cuts off may have been applied', async () => {
      const store = await detoured()
      await store.put('a', '1', {})
      detour.hold()
      const write = failure(store.put('a', 'cut off', {}), 'Unavailable')
      await detour.sent('cut off')
      detour.drop()
      expect(await write).toMatchObject({ mayHaveApplied: true, retryable: true })
      detour.release()
      expect((await store.get('a', 'text'))?.value).toBe('1')
    })

    it('a read that a loss cuts off is repeated', async () => {
      const store = await detoured()
      await store.put('a', '1', {})
      detour.hold()
      const read = store.get('a', 'text')
      await detour.sent('GET')
      detour.release()
      detour.drop()
      expect((await read)?.value).toBe('1')
      await store.put('a', '2', {})
    })
  })

  it('a server that stops answering is Timeout; then the connection is made anew', async () => {
    const store = await open({ timeout: 0.3, connectTimeout: 0.3 })
    // A machine that stands still is a server that does not answer, too: this is for the connection only.
    await expect.poll(() => codeOf(store.put('a', '1', {})), PATIENCE).toBeUndefined()
    await server.pause()
    expect(await failure(store.put('a', '2', {}), 'Timeout')).toMatchObject({
      mayHaveApplied: true,
      retryable: true,
    })
    expect(await failure(store.get('b', 'text'), 'Unavailable')).toMatchObject({
      retryable: true,
      mayHaveApplied: false,
    })
    server.resume()
    await expect
      .poll(async () => (await store.get('a', 'text').catch(() => null))?.value, PATIENCE)
      .toMatch(/^[12]$/)
  })

  it('what expires leaves the index too: at a list that meets it, or by later writes', async () => {
    const admin = redisAdmin(server.url)
    const store = await open({ prefix: 'p' })
    const expiration = Math.floor(Date.now() / 1000) + 3600
    const index = 'p:{test/things}:kv-index'
    const expirations = 'p:{test/things}:kv-expirations'
    for (let key = 0; key < 50; key++) await store.put(`k${key}`, 'v', key % 5 === 0 ? {} : { expiration })
    expect([
      await admin.zcard(index),
      await admin.zcard(expirations),
      await admin.pttl('p:{test/things}:kv:k1'),
    ]).toEqual([50, 40, expect.any(Number)])
    expect(await admin.pttl('p:{test/things}:kv:k1')).toBeGreaterThan(3_500_000)
    // As if an hour had passed on the server.
    for (let key = 0; key < 50; key++)
      if (key % 5 !== 0) {
        await admin.pexpire(`p:{test/things}:kv:k${key}`, 1)
        await admin.zadd(expirations, 1, `k${key}`)
      }
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect((await store.list({ prefix: 'k1', limit: 100 })).keys.map(({ name }) => name)).toEqual([
      'k10',
      'k15',
    ])
    expect(await admin.zcard(index)).toBe(41)
    for (let write = 0; write < 2; write++) await store.put('k0', 'v', {})
    expect([await admin.zcard(index), await admin.zcard(expirations)]).toEqual([10, 0])
    expect((await store.list({ prefix: '', limit: 100 })).keys.length).toBe(10)
    admin.disconnect()
  })

  it('refuses a wrong password, a database that is not there, and a user without rights, without printing the password', async () => {
    const admin = redisAdmin(server.url)
    await admin.call('ACL', ['SETUSER', 'reader', 'on', '>secret', '~*', '+@read', '+@connection', '+info'])
    for (const [url, code] of [
      [`redis://reader:hunter2@127.0.0.1:${server.port}`, 'PermissionDenied'],
      [`redis://reader:secret@127.0.0.1:${server.port}`, 'PermissionDenied'],
      [`${server.url}/99`, 'NotFound'],
    ] as const) {
      const store = await open({ url })
      const error = await failure(store.put('a', '1', {}), code)
      expect([error.retryable, error.mayHaveApplied]).toEqual([false, false])
      expect(error.message).not.toMatch(/hunter2|secret/)
    }
    await admin.call('CONFIG', ['SET', 'maxmemory', '1'])
    const full = await failure((await open()).put('a', 'x'.repeat(1000), {}), 'Unavailable')
    expect([full.retryable, full.mayHaveApplied]).toEqual([false, false])
    admin.disconnect()
  })

  it('a given client is used and left open', async () => {
    const client = new Redis(server.url)
    const store = await kv({ client }, driverContext({}))
    await store.put('a', '1', {})
    expect((await store.get('a', 'text'))?.value).toBe('1')
    await store.close?.()
    expect(await client.ping()).toBe('PONG')
    client.disconnect()
  })

  it('databases of one server are apart', async () => {
    const one = await open({ url: `${server.url}/1` })
    const two = await open({ url: `${server.url.replace('redis:', 'valkey:')}/2` })
    await one.put('a', '1', {})
    expect(await two.get('a', 'text')).toBeNull()
  })
})

describe('redis without a server', () => {
  it('refuses a url that is none, without printing it, and none at all', async () => {
    for (const url of ['hunter2', 'http://user:hunter2@host', 'redis://user:hunter2@host/name', 'redis://']) {
      const error = await failure(Promise.resolve(kv({ url }, driverContext({}))), 'InvalidArgument')
      expect(error.message).not.toContain('hunter2')
    }
    expect((await failure(Promise.resolve(kv({}, driverContext({}))), 'NotFound')).message).toContain(
      'REDIS_URL',
    )
  })
})
