import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { queue, type RedisQueueOptions } from '../../adapters/drivers/redis/index.ts'
import { queue as declareQueue, type QueueOptions } from '../../core/bindings/declarations.ts'
import type { QueueDriver, QueueIncoming, QueueOutgoing } from '../../core/bindings/drivers.ts'
import { openTcpProxy } from '../histories/faults/tcp-proxy.ts'
import { PATIENCE } from '../patience.ts'
import { codeOf, driverContext, failure } from './contracts/harness.ts'
import { queueContract } from './contracts/queue.ts'
import { expectNothingLost } from './queue-kills.ts'
import { redisAdmin, redisHarness, redisInstalled, type RedisServer, startRedis } from './redis-server.ts'

type Consumer = Required<QueueDriver>
let server: RedisServer
if (!redisInstalled) console.warn('redis queue driver: skipped, redis-server is not installed')

const message = (): QueueOutgoing => ({ id: randomUUID(), contentType: 'json', body: '1', delaySeconds: 0 })
const receive = (
  driver: Consumer,
  options: { leaseSeconds?: number; waitSeconds?: number } = {},
): Promise<QueueIncoming[]> =>
  driver.receive({
    max: 10,
    leaseSeconds: 30,
    waitSeconds: 0,
    signal: new AbortController().signal,
    ...options,
  })

describe.runIf(redisInstalled)('with a server', () => {
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())

  queueContract('redis', () => redisHarness(server.url, (options, context) => queue(options, context)))
})

describe.runIf(redisInstalled)('redis queue', () => {
  let server: RedisServer
  const opened: QueueDriver[] = []
  const open = async (options: RedisQueueOptions = {}, declared: QueueOptions = {}): Promise<Consumer> => {
    const driver = await queue(
      { url: server.url, prefix: 'p', ...options },
      driverContext({ binding: 'jobs', declaration: declareQueue(declared) }),
    )
    opened.push(driver)
    return driver as Consumer
  }
  beforeEach(async () => {
    server = await startRedis()
  })
  afterEach(async () => {
    vi.useRealTimers()
    for (const driver of opened.splice(0)) await driver.close?.()
    await server.stop()
  })

  it('refuses a server without the append-only file, at its start and after a change, unless durability is memory', async () => {
    const driver = await open()
    await driver.send([message()])
    const admin = redisAdmin(server.url)
    await admin.config('SET', 'appendonly', 'no')
    const error = await failure(open(), 'InvalidArgument')
    expect(error.message).toMatch(/"jobs".*append-only.*durability: 'memory'/)
    const memory = await open({ durability: 'memory' })
    await memory.send([message()])
    // A driver that runs looks again on its next connection.
    await admin.call('CLIENT', ['KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
    await expect.poll(() => codeOf(driver.send([message()])), PATIENCE).toBe('InvalidArgument')
    await admin.config('SET', 'appendonly', 'yes')
    await driver.send([message()])
    await admin.config('SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-lru')
    expect((await failure(open(), 'InvalidArgument')).message).toContain('allkeys-lru')
    await failure(open({ durability: 'disk' as 'memory' }), 'InvalidArgument')
    admin.disconnect()
  })

  it('may be made before its server is there, which is looked at when it comes', async () => {
    await server.kill()
    const driver = await open()
    const error = await failure(driver.send([message()]), 'Unavailable')
    expect([error.retryable, error.mayHaveApplied]).toEqual([true, false])
    await failure(receive(driver, { waitSeconds: 1 }), 'Unavailable')
    await server.restart()
    await driver.send([message()])
    expect((await receive(driver)).length).toBe(1)
  })

  it('a send that is repeated with the same ids stores them once', async () => {
    const driver = await open()
    const one = message()
    await driver.send([one])
    await driver.send([one, message()])
    expect(await driver.depth()).toEqual({ ready: 2, delayed: 0, leased: 0 })
  })

  it('a message that crashes its consumers is buried when it has used up its deliveries; without a dead-letter queue it comes again', async () => {
    const dead = (await queue(
      { url: server.url, prefix: 'p' },
      driverContext({ binding: 'dead', declaration: declareQueue() }),
    )) as Consumer
    opened.push(dead)
    const driver = await open({}, { maxRetries: 1, deadLetterQueue: 'dead' })
    const sent = message()
    await driver.send([sent])
    for (let attempt = 1; attempt <= 2; attempt++)
      expect(await receive(driver, { leaseSeconds: 0.05, waitSeconds: 20 })).toMatchObject([
        { attempts: attempt },
      ])
    // Whoever looks for messages when the last lease has run out buries it.
    const buried = async (): Promise<QueueIncoming[]> => {
      expect(await receive(driver)).toEqual([])
      return receive(dead)
    }
    await expect.poll(buried, PATIENCE).toMatchObject([{ id: sent.id, attempts: 1 }])
    const plain = (await queue(
      { url: server.url, prefix: 'q' },
      driverContext({ binding: 'jobs', declaration: declareQueue({ maxRetries: 0 }) }),
    )) as Consumer
    opened.push(plain)
    await plain.send([sent])
    for (let attempt = 1; attempt <= 3; attempt++)
      expect(await receive(plain, { leaseSeconds: 0.05, waitSeconds: 20 })).toMatchObject([
        { attempts: attempt },
      ])
  })

  it('a receive that waits hears of sends again after its connections were cut', async () => {
    const driver = await open()
    await receive(driver)
    const admin = redisAdmin(server.url)
    const looks = async (): Promise<number> =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0)
    const before = await looks()
    // No timer ends: a receive comes to its message by hearing of it only, not by a look of its own.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const waiting = receive(driver, { waitSeconds: 10 })
    await expect.poll(looks, PATIENCE).toBe(before + 1)
    expect(await admin.call('CLIENT', ['KILL', 'TYPE', 'pubsub'])).toBe(1)
    // It listens anew, and then looks whether it has missed something.
    await expect.poll(looks, PATIENCE).toBe(before + 2)
    await admin.call('CLIENT', ['KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
    const sender = await open()
    await sender.send([message()])
    expect((await waiting).length).toBe(1)
    admin.disconnect()
  })

  it('leaves nothing behind', async () => {
    const driver = await open({}, { maxRetries: 0 })
    await driver.send([message(), message(), message()])
    const [first, second, third] = await receive(driver)
    await driver.settle([
      { lease: first?.lease ?? '', outcome: 'ack' },
      { lease: second?.lease ?? '', outcome: 'retry', delaySeconds: 0 },
      { lease: third?.lease ?? '', outcome: 'ack' },
    ])
    const admin = redisAdmin(server.url)
    // The numbers of sends that may be repeated expire by themselves.
    for (const key of await admin.keys('*')) {
      expect(key).toMatch(/^p:\{test\}:queue:jobs:sends:/)
      expect(await admin.pttl(key)).toBeGreaterThan(0)
    }
    admin.disconnect()
  })

  it('a send whose answer is lost is not stored again after its message was acknowledged', async () => {
    const proxy = await openTcpProxy(server.port)
    const sender = await open({ url: `redis://127.0.0.1:${proxy.port}` })
    const consumer = await open()
    try {
      // The proxy passes a connection's first answers, which are those of a handshake.
      for (let count = 0; count < 10; count++) await sender.send([message()])
      await consumer.purge()
      const lost = proxy.loseAnswers(1)
      const one = message()
      const sending = sender.send([one])
      expect(await lost).toBeGreaterThan(0)
      // The repeat waits until the message is gone.
      proxy.hold()
      const [received] = await receive(consumer)
      expect(received?.id).toBe(one.id)
      await consumer.settle([{ lease: received?.lease ?? '', outcome: 'ack' }])
      proxy.release(true)
      await sending
      expect(await consumer.depth()).toEqual({ ready: 0, delayed: 0, leased: 0 })
      await sender.send([message()])
      expect(await consumer.depth()).toEqual({ ready: 1, delayed: 0, leased: 0 })
    } finally {
      await proxy.close()
    }
  })

  it('the server keeps the number of the last send alone, once the earlier ones were answered', async () => {
    const driver = await open()
    await Promise.all(Array.from({ length: 250 }, () => driver.send([message()])))
    for (let count = 0; count < 3; count++) await driver.send([message()])
    const admin = redisAdmin(server.url)
    const [key = ''] = await admin.keys('*:sends:*')
    expect(await admin.smembers(key)).toEqual(['253'])
    expect(await admin.pttl(key)).toBeGreaterThan(300_000)
    admin.disconnect()
  })

  it('consumers killed with -9, and a server killed with -9, lose no acknowledged message', async () => {
    const consumer = ['redis', JSON.stringify({ url: server.url, prefix: 'p' })]
    await expectNothingLost({ producer: await open({}, { maxRetries: 100 }), consumer, server })
  })

  it('queues of one process on one server share two connections, and each is woken by its own pushes', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `q${index}`)
    const drivers = await Promise.all(
      names.map(async (binding) => {
        const driver = await queue(
          { url: server.url, prefix: 'p' },
          driverContext({ binding, declaration: declareQueue({}) }),
        )
        opened.push(driver)
        return driver as Consumer
      }),
    )
    const waiting = drivers.map((driver) => receive(driver, { waitSeconds: 600 }))
    const admin = redisAdmin(server.url)
    const clients = async (): Promise<number> =>
      String(await admin.call('CLIENT', 'LIST')).split('name=unmoor').length - 1
    await expect.poll(clients).toBe(2)
    await Promise.all(drivers.map((driver) => driver.send([message()])))
    expect((await Promise.all(waiting)).map(({ length }) => length)).toEqual(names.map(() => 1))
    admin.disconnect()
    // One that is closed takes nothing from the others.
    await drivers[0]?.close?.()
    opened.splice(opened.indexOf(drivers[0] as QueueDriver), 1)
    await drivers[1]?.send([message()])
    expect(await receive(drivers[1] as Consumer)).toHaveLength(1)
  })
})
