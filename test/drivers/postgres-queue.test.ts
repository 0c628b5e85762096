import { type ChildProcess, fork } from 'node:child_process'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { queue, type PostgresStoreOptions } from '../../adapters/drivers/postgres/index.ts'
import { queue as declareQueue, type QueueOptions } from '../../core/bindings/declarations.ts'
import type { QueueDriver, QueueOutgoing } from '../../core/bindings/drivers.ts'
import { driverContext, failure } from './contracts/harness.ts'
import { queueContract } from './contracts/queue.ts'
import { admin, openDetour, postgresAnswers, postgresHarness, URL_OF_SERVER } from './postgres-server.ts'

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
      for (const other of others.splice(0)) await other.close()
      await harness.dispose()
    })
    /** With other settings than the rest: a pool of its own, as another process has. */
    const open = async (options: PostgresStoreOptions = {}, declared: QueueOptions = {}, binding = 'jobs'): Promise<Required<QueueDriver>> => {
      const context = driverContext({ binding, declaration: declareQueue(declared) })
      const driver = (await queue({ url: URL_OF_SERVER, schema: harness.schema, ...options }, context)) as Required<QueueDriver>
      others.push(driver)
      return driver
    }
    const message = (body: string): QueueOutgoing => ({ id: crypto.randomUUID(), contentType: 'json', body, delaySeconds: 0 })
    const waiting = { max: 10, leaseSeconds: 30, waitSeconds: 20, signal: new AbortController().signal }
    const now = { ...waiting, waitSeconds: 0 }

    it('a send wakes a consumer of another process by NOTIFY, long before its next look', async () => {
      const [consumer, producer] = [await open({ max: 2 }), await open({ max: 3 })]
      const delays: number[] = []
      for (let round = 0; round < 5; round++) {
        const received = consumer.receive(waiting)
        await new Promise((resolve) => setTimeout(resolve, 300))
        const sent = performance.now()
        await producer.send([message('1')])
        const [one] = await received
        delays.push(performance.now() - sent)
        await consumer.settle([{ lease: one?.lease ?? '', outcome: 'ack' }])
      }
      expect(delays.toSorted((a, b) => a - b)[2]).toBeLessThan(200)
    })

    it('sends of one turn are one statement, and each learns of its failure', async () => {
      const producer = await open({ max: 2 })
      await producer.depth()
      await Promise.all(Array.from({ length: 10 }, (_, index) => producer.send([message(String(index))])))
      await producer.send([message('10')])
      const rows = await admin`SELECT xmin::text AS transaction, count(*)::int AS messages FROM ${admin(harness.schema)}.unmoor_messages GROUP BY 1 ORDER BY 2`
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

    it('without NOTIFY, as on a pool of one connection, a look finds it within about a second', async () => {
      const [consumer, producer] = [await open({ max: 1 }), await open({ max: 2 })]
      const received = consumer.receive(waiting)
      await new Promise((resolve) => setTimeout(resolve, 200))
      const sent = performance.now()
      await producer.send([message('1')])
      expect((await received).length).toBe(1)
      expect(performance.now() - sent).toBeLessThan(2500)
    })

    it('listens again after its connection was lost', async () => {
      const [consumer, producer] = [await open({ max: 2 }), await open({ max: 3 })]
      const first = consumer.receive(waiting)
      await new Promise((resolve) => setTimeout(resolve, 300))
      await admin`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE 'listen "unmoor_messages"%'`
      await new Promise((resolve) => setTimeout(resolve, 1500))
      await producer.send([message('1')])
      await consumer.settle((await first).map(({ lease }) => ({ lease, outcome: 'ack' })))
      const delays: number[] = []
      for (let round = 0; round < 3; round++) {
        const received = consumer.receive(waiting)
        await new Promise((resolve) => setTimeout(resolve, 300))
        const sent = performance.now()
        await producer.send([message('1')])
        await consumer.settle((await received).map(({ lease }) => ({ lease, outcome: 'ack' })))
        delays.push(performance.now() - sent)
      }
      expect(Math.min(...delays)).toBeLessThan(200)
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
      const buried = await dead.receive({ ...waiting, waitSeconds: 2 })
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
      const detour = await openDetour()
      const [consumer, producer] = [await open({ url: detour.url, max: 2 }), await open({ max: 3 })]
      const lost = failure(consumer.receive(waiting), 'Unavailable')
      await new Promise((resolve) => setTimeout(resolve, 300))
      await detour.cut()
      expect((await lost).retryable).toBe(true)
      await failure(consumer.send([message('1')]), 'Unavailable')
      await producer.send([message('2')])
      await detour.restore()
      const received = await consumer.receive(waiting).catch(() => consumer.receive(waiting))
      expect(received.map(({ body }) => body)).toEqual(['2'])
      await detour.cut()
    })

    it('4 processes of which one is killed again and again: what was sent is received', { timeout: 90_000 }, async () => {
      const producer = await open()
      const sent = Array.from({ length: 2000 }, (_, index) => message(String(index)))
      const children = new Set<ChildProcess>()
      let stopping = false
      const done = new Set<string>()
      const start = (): void => {
        const child = fork(new URL('./postgres-queue-child.ts', import.meta.url), [URL_OF_SERVER, harness.schema], {
          stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        })
        children.add(child)
        child.on('message', (ids) => (ids as string[]).forEach((id) => done.add(id)))
        child.on('exit', () => {
          children.delete(child)
          if (!stopping) start()
        })
      }
      for (let index = 0; index < 4; index++) start()
      let kills = 0
      const killing = setInterval(() => {
        if ([...children][Math.floor(Math.random() * 4)]?.kill('SIGKILL')) kills++
      }, 700)
      for (let at = 0; at < sent.length; at += 50) await producer.send(sent.slice(at, at + 50))
      await expect.poll(() => done.size, { timeout: 80_000, interval: 200 }).toBe(sent.length)
      clearInterval(killing)
      stopping = true
      for (const child of children) child.kill('SIGKILL')
      expect(kills).toBeGreaterThan(0)
      expect(done).toEqual(new Set(sent.map(({ id }) => id)))
    })
  })
})
