import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { queue, type PostgresStoreOptions } from '../../adapters/drivers/postgres/index.ts'
import { queue as declareQueue, type QueueOptions } from '../../core/bindings/declarations.ts'
import type { QueueDriver, QueueOutgoing } from '../../core/bindings/drivers.ts'
import { PATIENCE } from '../patience.ts'
import { codeOf, driverContext, failure } from './contracts/harness.ts'
import { queueContract } from './contracts/queue.ts'
import { admin, postgresAnswers, postgresDetour, postgresHarness, URL_OF_SERVER } from './postgres-server.ts'
import { expectNothingLost } from './queue-kills.ts'

const available = await postgresAnswers('postgres queue')
afterAll(() => admin.end())

describe.runIf(available)('with a server', () => {
  queueContract('postgres', async () => postgresHarness((options, context) => queue(options, context)))

  describe('postgres queue', () => {
    let harness: ReturnType<typeof postgresHarness<QueueDriver>>
    const others: Required<QueueDriver>[] = []
    beforeEach(() => {
      harness = postgresHarness((options, context) => queue(options, context))
    })
    afterEach(async () => {
      vi.useRealTimers()
      for (const other of others.splice(0)) await other.close()
      await harness.dispose()
    })
    /** With other settings than the rest: a pool of its own, as another process has. */
    const open = async (
      options: PostgresStoreOptions = {},
      declared: QueueOptions = {},
      binding = 'jobs',
    ): Promise<Required<QueueDriver>> => {
      const context = driverContext({ binding, declaration: declareQueue(declared) })
      const driver = (await queue(
        { url: URL_OF_SERVER, schema: harness.schema, ...options },
        context,
      )) as Required<QueueDriver>
      others.push(driver)
      return driver
    }
    const message = (body: string): QueueOutgoing => ({
      id: crypto.randomUUID(),
      contentType: 'json',
      body,
      delaySeconds: 0,
    })
    const waiting = { max: 10, leaseSeconds: 30, waitSeconds: 20, signal: new AbortController().signal }
    const now = { ...waiting, waitSeconds: 0 }

    /**
     * A driver whose connections have a name of their own, and the process of the server that listens for it.
     */
    const openNamed = async (): Promise<{
      consumer: Required<QueueDriver>
      listener: () => Promise<number | undefined>
    }> => {
      const name = harness.schema.slice(-40)
      const consumer = await open({ url: `${URL_OF_SERVER}?application_name=${name}`, max: 2 })
      const listener = async (): Promise<number | undefined> => {
        const [row] =
          await admin`SELECT pid FROM pg_stat_activity WHERE application_name = ${name} AND query ILIKE 'listen %'`
        return row?.['pid'] as number | undefined
      }
      return { consumer, listener }
    }
    /** From now on no timer ends, so no consumer looks by itself. */
    const stopTimers = (): void => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    /**
     * Begins to receive. A look takes less than this pause, as a rule; a message that comes sooner is
     * received all the same.
     */
    const receiveAndWait = async (
      consumer: Required<QueueDriver>,
    ): Promise<{ received: ReturnType<typeof consumer.receive> }> => {
      const received = consumer.receive({ ...waiting, waitSeconds: 600 })
      await sleep(100)
      return { received }
    }

    it('a send wakes a consumer of another process by NOTIFY, with no look of its own', async () => {
      const [{ consumer, listener }, producer] = [await openNamed(), await open({ max: 3 })]
      const first = consumer.receive(waiting)
      await expect.poll(listener, PATIENCE).toBeDefined()
      await producer.send([message('1')])
      await consumer.settle((await first).map(({ lease }) => ({ lease, outcome: 'ack' })))
      stopTimers()
      for (let round = 0; round < 5; round++) {
        const { received } = await receiveAndWait(consumer)
        await producer.send([message('1')])
        await consumer.settle((await received).map(({ lease }) => ({ lease, outcome: 'ack' })))
        // The pause between two NOTIFYs.
        vi.advanceTimersByTime(20)
      }
    })

    it('sends of one turn are one statement, and each learns of its failure', async () => {
      const producer = await open({ max: 2 })
      await producer.depth()
      await Promise.all(Array.from({ length: 10 }, (_, index) => producer.send([message(String(index))])))
      await producer.send([message('10')])
      const rows =
        await admin`SELECT xmin::text AS transaction, count(*)::int AS messages FROM ${admin(harness.schema)}.unmoor_messages GROUP BY 1 ORDER BY 2`
      expect(rows.map(({ messages }) => messages as number)).toEqual([1, 10])
      await admin`ALTER TABLE ${admin(harness.schema)}.unmoor_messages ADD CONSTRAINT closed CHECK (attempts > 0) NOT VALID`
      await Promise.all([1, 2].map(() => failure(producer.send([message('11')]), 'Constraint')))
    })

    it('what is sent in the turn of the close is stored', async () => {
      const [producer, other] = [await open({ max: 2 }), await open({ max: 3 })]
      const sent = producer.send([message('1')])
      await producer.close()
      await sent
      others.splice(others.indexOf(producer), 1)
      expect(await other.depth()).toEqual({ ready: 1, delayed: 0, leased: 0 })
    })

    it('without NOTIFY, as on a pool of one connection, a look of its own finds it', async () => {
      const [consumer, producer] = [await open({ max: 1 }), await open({ max: 2 })]
      const { received } = await receiveAndWait(consumer)
      await producer.send([message('1')])
      expect((await received).length).toBe(1)
    })

    it('listens again after its connection was lost', async () => {
      const [{ consumer, listener }, producer] = [await openNamed(), await open({ max: 3 })]
      const first = consumer.receive(waiting)
      await expect.poll(listener, PATIENCE).toBeDefined()
      const lost = (await listener()) as number
      await admin`SELECT pg_terminate_backend(${lost})`
      const listensAgain = async (): Promise<boolean> => ![undefined, lost].includes(await listener())
      await expect.poll(listensAgain, PATIENCE).toBe(true)
      await producer.send([message('1')])
      await consumer.settle((await first).map(({ lease }) => ({ lease, outcome: 'ack' })))
      stopTimers()
      const { received } = await receiveAndWait(consumer)
      await producer.send([message('2')])
      expect((await received).map(({ body }) => body)).toEqual(['2'])
    })

    it('a message whose last delivery ended in a crash goes to the dead-letter queue; without one it comes again', async () => {
      const [jobs, dead, plain] = [
        await open({}, { maxRetries: 0, deadLetterQueue: 'dead' }),
        await open({}, {}, 'dead'),
        await open({}, { maxRetries: 0 }, 'plain'),
      ]
      const poison = message('"poison"')
      await jobs.send([poison, message('"other"')])
      await plain.send([message('"kept"')])
      expect((await jobs.receive({ ...now, max: 2, leaseSeconds: 0.2 })).length).toBe(2)
      expect((await plain.receive({ ...now, leaseSeconds: 0.2 })).length).toBe(1)
      await new Promise((resolve) => setTimeout(resolve, 300))
      expect(await jobs.receive(now)).toEqual([])
      const buried = await dead.receive(waiting)
      expect(buried.map(({ attempts }) => attempts)).toEqual([1, 1])
      expect(buried.map(({ id }) => id)).toContain(poison.id)
      expect(await plain.receive(now)).toMatchObject([{ attempts: 2 }])
    })

    it('acks, retries and drops of one batch are one step; the first settlement of a lease counts', async () => {
      const jobs = await open({}, { maxRetries: 0 })
      await jobs.send([message('1'), message('2'), message('3')])
      const [one, two, three] = await jobs.receive(now)
      const { dropped } = await jobs.settle([
        { lease: one?.lease ?? '', outcome: 'ack' },
        { lease: one?.lease ?? '', outcome: 'retry', delaySeconds: 0 },
        { lease: two?.lease ?? '', outcome: 'retry', delaySeconds: 5 },
        { lease: two?.lease ?? '', outcome: 'ack' },
      ])
      expect(dropped).toEqual([two?.id])
      expect(await jobs.depth()).toEqual({ ready: 0, delayed: 0, leased: 1 })
      await failure(jobs.settle([{ lease: 'nonsense', outcome: 'ack' }]), 'InvalidArgument')
      await jobs.settle([{ lease: three?.lease ?? '', outcome: 'ack' }])
      expect(await jobs.depth()).toEqual({ ready: 0, delayed: 0, leased: 0 })
      expect(await jobs.settle([])).toEqual({ dropped: [] })
      await jobs.extend([], 5)
    })

    it('settling and extending the same leases at once ends in no deadlock', async () => {
      const jobs = await open({ max: 8 }, { maxRetries: 100 })
      await jobs.send(Array.from({ length: 100 }, (_, index) => message(String(index))))
      for (let round = 0; round < 10; round++) {
        const batch = await jobs.receive({ ...waiting, max: 100, waitSeconds: 2 })
        const leases = batch.map(({ lease }) => lease)
        await Promise.all([
          jobs.extend(leases, 30),
          jobs.extend(leases.toReversed(), 30),
          jobs.settle(leases.toReversed().map((lease) => ({ lease, outcome: 'retry', delaySeconds: 0 }))),
          jobs.extend(leases, 30),
        ])
      }
      expect(await jobs.depth()).toEqual({ ready: 100, delayed: 0, leased: 0 })
    })

    it('a waiting consumer reports that the server went away, and goes on when it is back', async () => {
      const detour = await postgresDetour()
      const [consumer, producer] = [await open({ url: detour.url, max: 2 }), await open({ max: 3 })]
      const lost = failure(consumer.receive(waiting), 'Unavailable')
      await new Promise((resolve) => setTimeout(resolve, 300))
      await detour.cut()
      expect((await lost).retryable).toBe(true)
      await failure(consumer.send([message('1')]), 'Unavailable')
      await producer.send([message('2')])
      await detour.restore()
      await expect.poll(() => codeOf(consumer.depth()), PATIENCE).toBeUndefined()
      expect((await consumer.receive(waiting)).map(({ body }) => body)).toEqual(['2'])
      await detour.close()
    })

    it('consumers killed with -9 lose no acknowledged message', async () => {
      const consumer = ['postgres', JSON.stringify({ url: URL_OF_SERVER, schema: harness.schema, max: 2 })]
      await expectNothingLost({ producer: await open({}, { maxRetries: 100 }), consumer })
    })
  })
})
