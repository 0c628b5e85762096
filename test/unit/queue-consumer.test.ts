import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { queue as openQueue } from '../../adapters/drivers/sqlite/index.ts'
import { queue, type QueueOptions } from '../../core/bindings/declarations.ts'
import type { QueueDriver, QueueIncoming } from '../../core/bindings/drivers.ts'
import { createBatch, Queue, type OwnedBatch } from '../../core/bindings/queue.ts'
import { consumeQueues, type ConsumedQueue, type Consumers } from '../../core/runtime/queue-consumer.ts'
import { PATIENCE } from '../patience.ts'

/** All clocks of the consumers and of the backend: they stand still until a test moves them. */
const CLOCK = {
  toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
} satisfies Parameters<typeof vi.useFakeTimers>[0]
const EMPTY = { ready: 0, delayed: 0, leased: 0 }
let dir: string
const opened: QueueDriver[] = []
const consumers: Consumers[] = []

beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'unmoor-consumer-'))))
afterEach(async () => {
  vi.useRealTimers()
  await Promise.all(consumers.splice(0).map((consumer) => consumer.stop()))
  for (const driver of opened.splice(0)) await driver.close?.()
  rmSync(dir, { recursive: true, force: true })
})

async function open(binding: string, options: QueueOptions = {}): Promise<ConsumedQueue> {
  const declaration = queue(options)
  const driver = await openQueue(
    {},
    { binding, app: 'test', declaration, dataDir: dir, variable: () => undefined, now: Date.now },
  )
  opened.push(driver)
  return { binding, declaration, driver }
}

/** Runs `handler` as the app's; what it throws retries what is left, as the runtime does. */
function consume(
  consumed: ConsumedQueue,
  handler: (batch: OwnedBatch) => unknown,
  onError: (message: string) => void = () => {},
  leaseSeconds?: number,
): Consumers {
  const consumer = consumeQueues([consumed], {
    onError,
    ...(leaseSeconds === undefined ? {} : { leaseSeconds }),
    handle: async (binding, messages: readonly QueueIncoming[]) => {
      const batch = createBatch(binding, messages, consumed.declaration.retryDelay)
      try {
        await handler(batch)
        return { settlements: batch.settlements('ack') }
      } catch {
        return { settlements: batch.settlements('retry') }
      }
    },
  })
  consumers.push(consumer)
  return consumer
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  await expect.poll(condition, PATIENCE).toBe(true)
}

it('delivers maxRetries + 1 times, then to the dead-letter queue with id and body, attempts from 1', async () => {
  const clicks = await open('clicks', { maxRetries: 2, deadLetterQueue: 'dead' })
  const dead = await open('dead')
  const attempts: number[] = []
  const buried: { id: string; body: unknown; attempts: number }[] = []
  const ids = new Set<string>()
  consume(clicks, (batch) => {
    for (const { attempts: count, id } of batch.messages) {
      attempts.push(count)
      ids.add(id)
    }
    throw new Error('poison')
  })
  consume(dead, (batch) =>
    batch.messages.forEach(({ id, body, attempts: count }) => buried.push({ id, body, attempts: count })),
  )
  await new Queue(clicks.driver, { binding: 'clicks' }).send({ a: 1 })
  await until(() => buried.length > 0)
  expect(attempts).toEqual([1, 2, 3])
  expect(buried).toEqual([{ id: [...ids][0], body: { a: 1 }, attempts: 1 }])
  await until(async () => (await dead.driver.depth?.())?.leased === 0)
  expect([await clicks.driver.depth?.(), await dead.driver.depth?.()]).toEqual([EMPTY, EMPTY])
})

it('drops with a log line where there is no dead-letter queue', async () => {
  const clicks = await open('clicks', { maxRetries: 0 })
  const log: string[] = []
  consume(
    clicks,
    () => Promise.reject(new Error('no')),
    (message) => log.push(message),
  )
  await new Queue(clicks.driver, { binding: 'clicks' }).send(1)
  await until(() => log.length > 0)
  expect(log[0]).toMatch(/queue clicks: message .* was dropped.*deadLetterQueue/)
})

it('renews the lease of a slow handler, so that its message comes once', async () => {
  vi.useFakeTimers(CLOCK)
  const clicks = await open('clicks')
  let deliveries = 0
  let done = false
  consume(
    clicks,
    async () => {
      deliveries++
      await new Promise((resolve) => setTimeout(resolve, 1500))
      done = true
    },
    undefined,
    0.5,
  )
  consume(clicks, () => void deliveries++, undefined, 0.5)
  await new Queue(clicks.driver, { binding: 'clicks' }).send('slow')
  await vi.advanceTimersByTimeAsync(5000)
  expect([done, deliveries]).toEqual([true, 1])
})

it('handles at most maxConcurrency batches at once, and as many where there is work', async () => {
  const clicks = await open('clicks', { batchSize: 1, maxConcurrency: 3 })
  let running = 0
  let most = 0
  let handled = 0
  const full = Promise.withResolvers<void>()
  consume(clicks, async () => {
    most = Math.max(most, ++running)
    if (running === 3) full.resolve()
    await full.promise
    // A fourth would come now.
    await new Promise((resolve) => setTimeout(resolve, 50))
    running--
    handled++
  })
  await new Queue(clicks.driver, { binding: 'clicks' }).sendBatch(
    Array.from({ length: 12 }, (_, body) => ({ body })),
  )
  await until(() => handled === 12)
  expect(most).toBe(3)
})

it('settles when no renewal is under way any more, and renews nothing that is settled, however long waitUntil work takes', async () => {
  vi.useFakeTimers(CLOCK)
  const clicks = await open('clicks')
  const steps: string[] = []
  const { driver } = clicks
  const watched: ConsumedQueue = {
    ...clicks,
    driver: Object.assign(Object.create(driver) as QueueDriver, {
      receive: driver.receive?.bind(driver),
      extend: async (...args: Parameters<NonNullable<QueueDriver['extend']>>) => {
        steps.push('extend')
        await new Promise((resolve) => setTimeout(resolve, 80))
        await driver.extend?.(...args)
        steps.push('extended')
      },
      settle: async (...args: Parameters<NonNullable<QueueDriver['settle']>>) => {
        steps.push('settle')
        return driver.settle?.(...args)
      },
    }),
  }
  let worked = false
  const consumer = consumeQueues([watched], {
    leaseSeconds: 0.3,
    handle: async (_, messages, ctx) => {
      ctx.waitUntil(new Promise<void>((resolve) => setTimeout(resolve, 600)).then(() => void (worked = true)))
      await new Promise((resolve) => setTimeout(resolve, 130))
      return { settlements: messages.map(({ lease }) => ({ lease, outcome: 'ack' })) }
    },
  })
  consumers.push(consumer)
  await new Queue(driver, { binding: 'clicks' }).send('one')
  await vi.advanceTimersByTimeAsync(2000)
  await consumer.stop()
  expect([worked, steps]).toEqual([true, ['extend', 'extended', 'settle']])
})

it('ends waitUntil work before it stops, also where the batch could not be settled', async () => {
  const clicks = await open('clicks')
  const { driver } = clicks
  const errors: string[] = []
  let worked = false
  const consumer = consumeQueues(
    [
      {
        ...clicks,
        driver: Object.assign(Object.create(driver) as QueueDriver, {
          receive: driver.receive?.bind(driver),
          settle: () => Promise.reject(new Error('away')),
        }),
      },
    ],
    {
      onError: (message) => errors.push(message),
      handle: async (_, messages, ctx) => {
        ctx.waitUntil(
          new Promise<void>((resolve) => setTimeout(resolve, 300)).then(() => void (worked = true)),
        )
        return { settlements: messages.map(({ lease }) => ({ lease, outcome: 'ack' })) }
      },
    },
  )
  consumers.push(consumer)
  await new Queue(driver, { binding: 'clicks' }).send('one')
  await until(async () => (await driver.depth?.())?.leased === 1)
  await consumer.stop()
  expect(worked).toBe(true)
})

it('fills a batch for batchWait, and finishes it when stopped', async () => {
  const clicks = await open('clicks', { batchSize: 3, batchWait: 5 })
  const sizes: number[] = []
  let finished = false
  const consumer = consume(clicks, async (batch) => {
    sizes.push(batch.messages.length)
    await new Promise((resolve) => setTimeout(resolve, 100))
    finished = true
  })
  const sender = new Queue(clicks.driver, { binding: 'clicks' })
  for (let message = 0; message < 3; message++) await sender.send(message)
  await until(() => sizes.length > 0)
  await consumer.stop()
  expect([sizes, finished]).toEqual([[3], true])
  expect(await clicks.driver.depth?.()).toEqual(EMPTY)
})

it('goes on after the backend was away', async () => {
  const clicks = await open('clicks')
  const { driver } = clicks
  let failures = 0
  const flaky: QueueDriver = {
    send: (messages) => driver.send(messages),
    settle: (settlements) => (driver.settle as NonNullable<typeof driver.settle>).call(driver, settlements),
    receive: async (options) => {
      if (failures++ < 3) throw new Error('connection refused')
      return (driver.receive as NonNullable<typeof driver.receive>).call(driver, options)
    },
  }
  const log: string[] = []
  const got: unknown[] = []
  consume(
    { ...clicks, driver: flaky },
    (batch) => got.push(batch.messages[0]?.body),
    (message) => log.push(message),
  )
  await new Queue(driver, { binding: 'clicks' }).send('after')
  await until(() => got.length > 0)
  expect([got, log]).toEqual([['after'], ['queue clicks: the backend failed, trying again:']])
})

it('handles what it has received where the backend fails while a batch fills', async () => {
  const clicks = await open('clicks', { batchSize: 3, batchWait: 5 })
  const { driver } = clicks
  const receive = (driver.receive as NonNullable<typeof driver.receive>).bind(driver)
  let calls = 0
  const flaky: QueueDriver = {
    send: (messages) => driver.send(messages),
    settle: (settlements) => (driver.settle as NonNullable<typeof driver.settle>).call(driver, settlements),
    receive: async (options) => {
      if (++calls === 2) throw new Error('connection lost')
      return receive(options)
    },
  }
  const got: unknown[] = []
  consume(
    { ...clicks, driver: flaky },
    (batch) => got.push(...batch.messages.map(({ body, attempts }) => [body, attempts])),
    () => {},
  )
  await new Queue(driver, { binding: 'clicks' }).send('kept')
  await until(() => got.length > 0)
  expect(got).toEqual([['kept', 1]])
})

it('refuses a driver that only sends', async () => {
  const clicks = await open('clicks')
  expect(() =>
    consumeQueues([{ ...clicks, driver: { send: async () => {} } }], {
      handle: async () => ({ settlements: [] }),
    }),
  ).toThrow(/only sends/)
})
