import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type NatsFactoryOptions, queue } from '../../adapters/drivers/nats/index.ts'
import { queue as declareQueue, type QueueOptions } from '../../core/bindings/declarations.ts'
import type { QueueDriver, QueueIncoming, QueueOutgoing } from '../../core/bindings/drivers.ts'
import { UnmoorError } from '../../core/errors.ts'
import { PATIENCE } from '../patience.ts'
import { codeOf, driverContext, failure } from './contracts/harness.ts'
import { queueContract } from './contracts/queue.ts'
import { openDetour } from './detour.ts'
import { natsHarness, natsInstalled, type NatsServer, startNats } from './nats-server.ts'
import { expectNothingLost } from './queue-kills.ts'

type Consumer = Required<QueueDriver>
let server: NatsServer
if (!natsInstalled) console.warn('nats queue driver: skipped, nats-server is not installed')

const message = (delaySeconds = 0): QueueOutgoing => ({
  id: randomUUID(),
  contentType: 'json',
  body: '1',
  delaySeconds,
})
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

describe.runIf(natsInstalled)('with a server', () => {
  beforeAll(async () => {
    server = await startNats()
  })
  afterAll(() => server.stop())

  queueContract('nats', () => natsHarness(server.url))
})

describe.runIf(natsInstalled)('nats queue', () => {
  let server: NatsServer
  const opened: QueueDriver[] = []
  const open = async (
    options: NatsFactoryOptions = {},
    declared: QueueOptions = {},
    binding = 'jobs',
  ): Promise<Consumer> => {
    const driver = await queue(
      { url: server.url, ...options },
      driverContext({ binding, declaration: declareQueue(declared) }),
    )
    opened.push(driver)
    return driver as Consumer
  }
  beforeEach(async () => {
    server = await startNats()
  })
  afterEach(async () => {
    vi.useRealTimers()
    for (const driver of opened.splice(0)) await driver.close?.()
    await server.stop()
  })

  it('receives leave nothing on the connection, whose end each of them waits for', async () => {
    const client = await connect({ servers: new URL(server.url).host })
    try {
      const closed = vi.spyOn(client, 'closed')
      const driver = await open({ client })
      for (let count = 0; count < 20; count++) await receive(driver)
      expect(closed).toHaveBeenCalledTimes(1)
      // One that waits still hears of it.
      const waiting = receive(driver, { waitSeconds: 20 })
      await sleep(100)
      await client.close()
      expect(await codeOf(waiting)).toBe('Unavailable')
    } finally {
      await client.close()
    }
  })

  it('a server that is down is Unavailable, not applied; one that comes back serves without a new driver, with its messages', async () => {
    const driver = await open()
    await driver.send([message()])
    await server.kill()
    const refused = async (): Promise<boolean[]> => {
      const { retryable, mayHaveApplied } = await failure(driver.send([message()]), 'Unavailable')
      return [retryable, mayHaveApplied]
    }
    // Once the client has noticed that its connection is gone.
    await expect.poll(refused, PATIENCE).toEqual([true, false])
    expect((await failure(driver.send([message(), message()]), 'Unavailable')).details.indexes).toEqual([
      0, 1,
    ])
    await failure(receive(driver, { waitSeconds: 1 }), 'Unavailable')
    await failure(driver.depth(), 'Unavailable')
    await server.restart()
    await driver.send([message()])
    const received: QueueIncoming[] = []
    while (received.length < 2) received.push(...(await receive(driver, { waitSeconds: 20 })))
    expect(received.length).toBe(2)
  })

  it('may be made before its server is there', async () => {
    await server.kill()
    const driver = await open()
    await failure(driver.send([message()]), 'Unavailable')
    await server.restart()
    await driver.send([message()])
    expect((await receive(driver)).length).toBe(1)
  })

  it('a send or a receive that a loss cuts off fails at the loss, and may have been applied', async () => {
    const detour = await openDetour(server)
    const driver = await open({ url: `nats://127.0.0.1:${detour.port}` })
    // Longer than this test may take: the loss ends it.
    const waiting = failure(receive(driver, { waitSeconds: 600 }), 'Unavailable')
    await detour.sent('"expires"')
    detour.hold()
    const sent = message()
    const send = failure(driver.send([sent]), 'Unavailable')
    await detour.sent(sent.id)
    await detour.cut()
    expect(await send).toMatchObject({ mayHaveApplied: true, retryable: true })
    await waiting
    await detour.close()
  })

  it('a server that stops answering is an error in time: a read is Timeout, a send is tried on a new connection', async () => {
    const driver = await open({ timeout: 0.3, connectTimeout: 0.3 })
    // A machine that stands still is a server that does not answer, too: this is for the connection only.
    const connected = async (): Promise<void> => {
      await expect.poll(() => codeOf(driver.depth()), PATIENCE).toBeUndefined()
    }
    await connected()
    await server.pause()
    expect(await failure(driver.depth(), 'Timeout')).toMatchObject({ retryable: true })
    server.resume()
    await connected()
    await server.pause()
    expect(await failure(driver.send([message()]), 'Unavailable')).toMatchObject({
      mayHaveApplied: true,
      retryable: true,
    })
    server.resume()
    await expect.poll(() => codeOf(driver.send([message()])), PATIENCE).toBeUndefined()
  })

  it('refuses a server without JetStream, one that takes small messages only, and a wrong password, without printing it', async () => {
    const plain = await startNats({ jetstream: false })
    expect((await failure(open({ url: plain.url }), 'InvalidArgument')).message).toMatch(/"jobs".*-js/)
    await plain.stop()
    const small = await startNats({ settings: 'max_payload: 100000' })
    expect((await failure(open({ url: small.url }), 'InvalidArgument')).message).toContain('max_payload')
    await small.stop()
    const guarded = await startNats({ settings: 'authorization { user: app, password: secret }' })
    for (const credentials of ['app:hunter2@', 'hunter2@', '']) {
      const error = await failure(
        open({ url: guarded.url.replace('//', `//${credentials}`) }),
        'PermissionDenied',
      )
      expect(error.message).not.toContain('hunter2')
    }
    const driver = await open({ url: guarded.url.replace('//', '//app:secret@') })
    await driver.send([message()])
    await driver.close()
    await guarded.stop()
  })

  it('a send that is repeated with the same ids stores them once, delayed or not', async () => {
    const driver = await open()
    const [one, late] = [message(), message(600)]
    await driver.send([one, late])
    await driver.send([one, late, message()])
    expect(await driver.depth()).toEqual({ ready: 2, delayed: 1, leased: 0 })
  })

  it('2,000 delayed messages do not hold up others', async () => {
    const driver = await open()
    for (let batch = 0; batch < 20; batch++)
      await driver.send(Array.from({ length: 100 }, () => message(600)))
    expect(await receive(driver)).toEqual([])
    const ready = message()
    await driver.send([ready])
    expect(await receive(driver, { waitSeconds: 20 })).toMatchObject([{ id: ready.id }])
    expect(await driver.depth()).toEqual({ ready: 0, delayed: 2000, leased: 1 })
  })

  it('delayed messages come when they are due, not before, with attempts 1', async () => {
    const driver = await open()
    const sent = Date.now()
    await driver.send(Array.from({ length: 200 }, () => message(2)))
    const ids = new Set<string>()
    while (ids.size < 200) {
      const batch = await receive(driver, { waitSeconds: 20 })
      for (const { id, attempts } of batch) {
        ids.add(id)
        expect(attempts).toBe(1)
        expect(Date.now() - sent).toBeGreaterThanOrEqual(1990)
      }
      await driver.settle(batch.map(({ lease }) => ({ lease, outcome: 'ack' })))
    }
    expect(await driver.depth()).toMatchObject({ ready: 0, delayed: 0 })
  })

  it('consumers that compete are answered, or give a pull up: none waits for ever or loses its connection', async () => {
    const drivers = await Promise.all(Array.from({ length: 5 }, () => open()))
    const sent: string[] = []
    const received: string[] = []
    const sending = new AbortController()
    const consumers = [...drivers, ...drivers].map(async (driver) => {
      while (!sending.signal.aborted || received.length < sent.length) {
        const messages = await receive(driver, { waitSeconds: Math.random() / 20 })
        received.push(...messages.map(({ id }) => id))
        await driver.settle(messages.map(({ lease }) => ({ lease, outcome: 'ack' })))
      }
    })
    const producer = async (): Promise<void> => {
      for (let round = 0; round < 300; round++) {
        const messages = Array.from({ length: 1 + (round % 4) }, () => message())
        await drivers[round % drivers.length]?.send(messages)
        sent.push(...messages.map(({ id }) => id))
      }
      sending.abort()
    }
    await Promise.all([producer(), ...consumers])
    expect(received.toSorted()).toEqual(sent.toSorted())
  })

  it('connections that make queues at the same time all get one that delivers', async () => {
    const clients = await Promise.all(
      Array.from({ length: 8 }, () => connect({ servers: new URL(server.url).host })),
    )
    for (let round = 0; round < 150; round++) {
      const drivers = await Promise.all(clients.map((client) => open({ client }, {}, `jobs${round}`)))
      const sent = message()
      await drivers[0]?.send([sent])
      const last = drivers.at(-1) as Consumer
      expect(await receive(last, { waitSeconds: 20 })).toMatchObject([{ id: sent.id }])
      for (const driver of drivers) await driver.close?.()
    }
    await Promise.all(clients.map((client) => client.close()))
  })

  it('a queue whose stream was deleted is unavailable: nothing was sent, and the error says what is missing', async () => {
    const driver = await open()
    const admin = await connect({ servers: server.url })
    await admin.request('$JS.API.STREAM.DELETE.unmoor_test_jobs')
    await admin.close()
    const error = await failure(driver.send([message()]), 'Unavailable')
    expect(error).toMatchObject({ mayHaveApplied: false, retryable: true })
    expect(error.message).toContain('Nobody serves JetStream there')
  })

  it('a message that crashes its consumers is buried when it has used up its deliveries; without a dead-letter queue it comes again', async () => {
    const dead = await open({}, {}, 'dead')
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
    const plain = await open({}, { maxRetries: 0 }, 'plain')
    await plain.send([sent])
    for (let attempt = 1; attempt <= 3; attempt++)
      expect(await receive(plain, { leaseSeconds: 0.05, waitSeconds: 20 })).toMatchObject([
        { attempts: attempt },
      ])
  })

  it('a lease may be settled by another driver, also into the dead-letter queue', async () => {
    const dead = await open({}, {}, 'dead')
    const one = await open({}, { maxRetries: 0, deadLetterQueue: 'dead' })
    const two = await open({}, { maxRetries: 0, deadLetterQueue: 'dead' })
    const bytes = new Uint8Array([0, 255, 13, 10])
    const sent: QueueOutgoing = { id: randomUUID(), contentType: 'bytes', body: bytes, delaySeconds: 0 }
    await one.send([sent])
    const [received] = await receive(one)
    await two.settle([{ lease: received?.lease ?? '', outcome: 'retry', delaySeconds: 0 }])
    expect(await receive(dead)).toMatchObject([
      { id: sent.id, body: bytes, contentType: 'bytes', timestamp: received?.timestamp },
    ])
    expect(await one.depth()).toEqual({ ready: 0, delayed: 0, leased: 0 })
    await failure(one.settle([{ lease: 'nonsense', outcome: 'ack' }]), 'InvalidArgument')
  })

  it('a lease longer than the ack wait is renewed at each third of that, until its driver closes', async () => {
    const detour = await openDetour(server)
    const driver = await open({ url: `nats://127.0.0.1:${detour.port}`, ackWait: 600 })
    await driver.send([message()])
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    expect((await receive(driver, { leaseSeconds: 3000 })).length).toBe(1)
    for (let renewal = 0; renewal < 4; renewal++) {
      vi.advanceTimersByTime(200_000)
      await detour.sent('+WPI')
    }
    vi.useRealTimers()
    await driver.close()
    await detour.close()
  })

  it('the lease of a closed driver comes again after the ack wait', async () => {
    const driver = await open({ ackWait: 0.5 })
    const other = await open({ ackWait: 0.5 })
    await driver.send([message()])
    expect(await receive(driver)).toMatchObject([{ attempts: 1 }])
    await driver.close()
    expect(await receive(other, { waitSeconds: 20 })).toMatchObject([{ attempts: 2 }])
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
    const admin = await connect({ servers: server.url })
    const info = (await admin.request('$JS.API.STREAM.INFO.unmoor_test_jobs')).json<{
      state: { messages: number }
    }>()
    expect(info.state.messages).toBe(0)
    await admin.close()
  })

  it('a given client is used and left open; queues of names that need escapes are apart', async () => {
    const client = await connect({ servers: server.url })
    const names = ['a.b', 'a_b', 'a b', 'a*', 'a>', 'a/b', '\u00e9', 'A', 'a']
    const drivers = await Promise.all(names.map((name) => open({ client }, {}, name)))
    await Promise.all(
      drivers.map((driver, index) => driver.send([{ ...message(), body: JSON.stringify(names[index]) }])),
    )
    for (const [index, driver] of drivers.entries())
      expect((await receive(driver)).map(({ body }) => body)).toEqual([JSON.stringify(names[index])])
    for (const driver of drivers) await driver.close()
    await client.flush()
    await client.close()
  })

  it('what a process has acked does not come to it again when the server forgot that in a crash', async () => {
    const driver = await open({ ackWait: 1 }, { maxRetries: 100 })
    const acked = new Set<string>()
    let again = 0
    const stop = new AbortController()
    const quietly = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof UnmoorError && error.retryable)) throw error
        await sleep(20)
        return undefined
      }
    }
    const producer = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        await quietly(() => driver.send(Array.from({ length: 20 }, () => message())))
        await sleep(5)
      }
    }
    const consumer = async (): Promise<void> => {
      const round = async (): Promise<boolean> => {
        const batch = await receive(driver, { waitSeconds: 1 })
        again += batch.filter(({ id }) => acked.has(id)).length
        await driver.settle(batch.map(({ lease }) => ({ lease, outcome: 'ack' as const })))
        for (const { id } of batch) acked.add(id)
        return batch.length === 0 && stop.signal.aborted
      }
      for (;;) if ((await quietly(round)) === true) return
    }
    const all = [producer(), consumer(), consumer(), consumer()]
    for (let kills = 0; kills < 3; kills++) {
      await expect.poll(() => acked.size, PATIENCE).toBeGreaterThan(200 * (kills + 1))
      // Acks of the last moments are not written down yet.
      await server.kill()
      await server.restart()
    }
    stop.abort()
    await Promise.all(all)
    expect(again).toBe(0)
  })

  it('consumers killed with -9, and a server killed with -9, lose no acknowledged message', async () => {
    const options = { prefix: 'p', ackWait: 1 }
    const consumer = ['nats', JSON.stringify({ url: server.url, ...options })]
    await expectNothingLost({
      producer: await open(options, { maxRetries: 100 }),
      consumer,
      server,
      delaySeconds: 1,
    })
  })
})

describe('nats without a server', () => {
  it('refuses a url that is none, without printing it, and none at all', async () => {
    for (const url of ['hunter2', 'http://user:hunter2@host', 'nats://']) {
      const error = await failure(
        Promise.resolve(queue({ url }, driverContext({ declaration: declareQueue() }))),
        'InvalidArgument',
      )
      expect(error.message).not.toContain('hunter2')
    }
    expect(
      (await failure(Promise.resolve(queue({}, driverContext({ declaration: declareQueue() }))), 'NotFound'))
        .message,
    ).toContain('NATS_URL')
  })
})
