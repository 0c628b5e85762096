import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { queue, type RedisQueueOptions } from '../../adapters/drivers/redis/index.ts'
import { queue as declareQueue, type QueueOptions } from '../../core/bindings/declarations.ts'
import type { QueueDriver, QueueIncoming, QueueOutgoing } from '../../core/bindings/drivers.ts'
import { UnmoorError } from '../../core/errors.ts'
import { driverContext, failure } from './contracts/harness.ts'
import { queueContract } from './contracts/queue.ts'
import { redisAdmin, redisHarness, redisInstalled, type RedisServer, startRedis } from './redis-server.ts'

const CHILD = new URL('redis-child.ts', import.meta.url).pathname
type Consumer = Required<QueueDriver>
let server: RedisServer
if (!redisInstalled) console.warn('redis queue driver: skipped, redis-server is not installed')

const message = (): QueueOutgoing => ({ id: randomUUID(), contentType: 'json', body: '1', delaySeconds: 0 })
const receive = (driver: Consumer, options: { leaseSeconds?: number; waitSeconds?: number } = {}): Promise<QueueIncoming[]> =>
  driver.receive({ max: 10, leaseSeconds: 30, waitSeconds: 0, signal: new AbortController().signal, ...options })

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
    const driver = await queue({ url: server.url, prefix: 'p', ...options }, driverContext({ binding: 'jobs', declaration: declareQueue(declared) }))
    opened.push(driver)
    return driver as Consumer
  }
  beforeEach(async () => {
    server = await startRedis()
  })
  afterEach(async () => {
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
    await sleep(50)
    await failure(driver.send([message()]), 'InvalidArgument')
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
    const dead = (await queue({ url: server.url, prefix: 'p' }, driverContext({ binding: 'dead', declaration: declareQueue() }))) as Consumer
    opened.push(dead)
    const driver = await open({}, { maxRetries: 1, deadLetterQueue: 'dead' })
    const sent = message()
    await driver.send([sent])
    for (let attempt = 1; attempt <= 2; attempt++) expect(await receive(driver, { leaseSeconds: 0.05, waitSeconds: 1 })).toMatchObject([{ attempts: attempt }])
    expect(await receive(driver, { waitSeconds: 0.3 })).toEqual([])
    expect(await receive(dead)).toMatchObject([{ id: sent.id, attempts: 1 }])
    const plain = (await queue({ url: server.url, prefix: 'q' }, driverContext({ binding: 'jobs', declaration: declareQueue({ maxRetries: 0 }) }))) as Consumer
    opened.push(plain)
    await plain.send([sent])
    for (let attempt = 1; attempt <= 3; attempt++) expect(await receive(plain, { leaseSeconds: 0.05, waitSeconds: 1 })).toMatchObject([{ attempts: attempt }])
  })

  it('a receive that waits hears of sends again after its connections were cut', async () => {
    const driver = await open()
    const admin = redisAdmin(server.url)
    const waiting = receive(driver, { waitSeconds: 10 })
    await sleep(100)
    expect(await admin.call('CLIENT', ['KILL', 'TYPE', 'pubsub'])).toBe(1)
    await sleep(200)
    await admin.call('CLIENT', ['KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
    await sleep(100)
    const sender = await open()
    const started = performance.now()
    await sender.send([message()])
    expect((await waiting).length).toBe(1)
    expect(performance.now() - started).toBeLessThan(1000)
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
    expect(await admin.keys('*')).toEqual([])
    admin.disconnect()
  })

  it('consumers killed with -9, and a server killed with -9, lose no acknowledged message', { timeout: 120_000 }, async () => {
    const driver = await open({}, { maxRetries: 100 })
    const sent = new Set<string>()
    const received = new Set<string>()
    let [duplicates, consumerKills, serverKills, doubtful] = [0, 0, 0, 0]
    const start = (): ChildProcess => {
      const child = spawn(process.execPath, [CHILD, server.url, 'p'], { stdio: ['ignore', 'pipe', 'inherit'] })
      let text = ''
      child.stdout?.on('data', (data: Buffer) => {
        const lines = (text + data.toString()).split('\n')
        text = lines.pop() ?? ''
        for (const id of lines) {
          if (received.has(id)) duplicates++
          received.add(id)
        }
      })
      return child
    }
    const children = [start(), start()]
    for (let round = 0; round < 30; round++) {
      const batch = Array.from({ length: 50 }, message)
      try {
        await driver.send(batch)
        for (const { id } of batch) sent.add(id)
      } catch (error) {
        if (!(error instanceof UnmoorError && error.retryable)) throw error
        doubtful++
        await sleep(50)
      }
      await sleep(50)
      if (round % 6 === 5) {
        children[round % 2]?.kill('SIGKILL')
        children[round % 2] = start()
        consumerKills++
      }
      if (round === 10 || round === 20) {
        await server.kill()
        serverKills++
        void sleep(200).then(() => server.restart())
      }
    }
    const deadline = Date.now() + 60_000
    const missing = (): string[] => [...sent].filter((id) => !received.has(id))
    while (missing().length > 0 && Date.now() < deadline) await sleep(100)
    for (const child of children) {
      child.kill('SIGKILL')
      await once(child, 'close')
    }
    console.info(
      `redis queue: sent ${sent.size}, received ${received.size}, duplicates ${duplicates}, kills ${consumerKills} consumers and ${serverKills} servers, ${doubtful} sends refused`,
    )
    expect(missing()).toEqual([])
    expect(sent.size).toBeGreaterThan(1000)
  })
})
