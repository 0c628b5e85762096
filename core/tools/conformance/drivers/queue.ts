import { randomUUID } from 'node:crypto'
import { queue as declareQueue, type QueueOptions } from '../../../bindings/declarations.ts'
import type { QueueDriver, QueueIncoming, QueueOutgoing } from '../../../bindings/drivers.ts'
import { type DriverCase, defineCases } from './driver-case.ts'
import { expect } from './expect.ts'
import { type Harness, pattern } from './harness.ts'
import { addOperationCases, type OperatedDriver as Consumer } from './queue-operations.ts'

/** Traits of a queue backend that conformance cases cannot detect themselves. */
export interface QueueContractOptions {
  /** Seconds of the shortest queue lease and message delay that cases wait for. Default: 1. */
  second?: number
  /** True if the queue's backend counts `attempts` and `depth` exactly. Default: true. */
  exact?: boolean
}

/**
 * Returns the conformance cases that every queue driver must pass. No case depends on the order of messages.
 */
// oxlint-disable-next-line max-lines-per-function -- a list of cases over one harness, as a describe is
export function queueCases(
  create: () => Promise<Harness<QueueDriver>>,
  { second = 1, exact = true }: QueueContractOptions = {},
): DriverCase[] {
  let harness: Harness<QueueDriver>
  const { cases, it } = defineCases(
    'queue',
    async () => {
      harness = await create()
    },
    () => harness.dispose(),
  )

  const open = async (binding = 'jobs', options: QueueOptions = {}): Promise<Consumer> =>
    (await harness.open({ binding, declaration: declareQueue(options) })) as Consumer
  const message = (body: string | Uint8Array<ArrayBuffer> = '"hello"', delaySeconds = 0): QueueOutgoing => ({
    id: randomUUID(),
    contentType: typeof body === 'string' ? 'json' : 'bytes',
    body,
    delaySeconds,
  })
  const receive = (
    queue: Consumer,
    options: { max?: number; leaseSeconds?: number; waitSeconds?: number; signal?: AbortSignal } = {},
  ): Promise<QueueIncoming[]> =>
    queue.receive({
      max: options.max ?? 10,
      leaseSeconds: options.leaseSeconds ?? 30,
      waitSeconds: options.waitSeconds ?? 0,
      signal: options.signal ?? new AbortController().signal,
    })
  /** Receives and acks queue messages until `count` different ones have come, or 20 s have passed. */
  const drain = async (queue: Consumer, count: number): Promise<QueueIncoming[]> => {
    const all = new Map<string, QueueIncoming>()
    const deadline = Date.now() + 20_000
    while (all.size < count && Date.now() < deadline) {
      const batch = await receive(queue, { waitSeconds: 1 })
      for (const one of batch) all.set(one.id, one)
      await queue.settle(batch.map(({ lease }) => ({ lease, outcome: 'ack' })))
    }
    return [...all.values()]
  }
  const sleep = (seconds: number): Promise<void> =>
    new Promise((resolve) => setTimeout(resolve, seconds * 1000))

  it('queue-d01 a message arrives with its body, id, attempts 1 and the time it was sent', async () => {
    const queue = await open()
    const sent = message(
      JSON.stringify({
        text: 'J\u00f6rg \u{1f600}',
        control: '\u0001\u001f\ufffe',
        nul: '\0',
        lone: '\\ud800',
      }),
    )
    const before = Date.now()
    await queue.send([sent])
    const [received, ...more] = await receive(queue, { waitSeconds: 20 })
    expect(more).toEqual([])
    expect(received).toMatchObject({ id: sent.id, contentType: 'json', body: sent.body, attempts: 1 })
    expect(received?.timestamp).toBeGreaterThanOrEqual(before - 2000)
    expect(received?.timestamp).toBeLessThanOrEqual(Date.now() + 2000)
  })

  it('queue-d02 bytes arrive as they were sent', async () => {
    const queue = await open()
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    await queue.send([message(bytes), message(new Uint8Array())])
    const received = await drain(queue, 2)
    expect(received.every(({ contentType }) => contentType === 'bytes')).toBe(true)
    expect(new Set(received.map(({ body }) => body.length))).toEqual(new Set([0, 256]))
    expect(received.some(({ body }) => Buffer.compare(body as Uint8Array, bytes) === 0)).toBe(true)
  })

  it('queue-d03 127,000 bytes, as JSON and raw', async () => {
    const queue = await open()
    const json = message(JSON.stringify('x'.repeat(126_998)))
    const raw = message(pattern(127_000))
    await queue.send([json])
    await queue.send([raw])
    const received = new Map((await drain(queue, 2)).map((one) => [one.id, one.body]))
    expect(received.get(json.id) === json.body).toBe(true)
    expect(Buffer.compare(received.get(raw.id) as Uint8Array, raw.body as Uint8Array)).toBe(0)
  })

  it('queue-d04 a batch of 100, and one of 256,000 bytes', async () => {
    const queue = await open()
    const many = Array.from({ length: 100 }, (_, index) => message(JSON.stringify(index)))
    const large = [message(pattern(127_000, 1)), message(pattern(127_000, 2)), message(pattern(2_000, 3))]
    await queue.send(many)
    await queue.send(large)
    const received = await drain(queue, 103)
    expect(new Set(received.map(({ id }) => id))).toEqual(new Set([...many, ...large].map(({ id }) => id)))
  })

  it('queue-d05 an acked message is gone; a leased one is not seen by another consumer', async () => {
    const queue = await open()
    const second = await open()
    await queue.send([message('1'), message('2')])
    const first = await receive(queue, { max: 1, waitSeconds: 20 })
    const rest = await receive(second, { max: 10, waitSeconds: 1 })
    expect(first.length + rest.length).toBe(2)
    expect(await receive(second)).toEqual([])
    await queue.settle([...first, ...rest].map(({ lease }) => ({ lease, outcome: 'ack' })))
    if (exact) expect(await queue.depth()).toEqual({ ready: 0, delayed: 0, leased: 0 })
    expect(await receive(queue)).toEqual([])
  })

  it('queue-d06 depth counts ready, delayed and leased', async () => {
    const queue = await open()
    await queue.send([message('1'), message('2'), message('3', 600)])
    if (!exact) return 'the backend counts by estimate'
    expect(await queue.depth()).toEqual({ ready: 2, delayed: 1, leased: 0 })
    await receive(queue, { max: 1 })
    expect(await queue.depth()).toEqual({ ready: 1, delayed: 1, leased: 1 })
  })

  it(
    'queue-d07 a lease that runs out brings the message back, with attempts 2 and its first time; the ' +
      'old lease is void',
    async () => {
      const queue = await open()
      await queue.send([message()])
      const [first] = await receive(queue, { leaseSeconds: second, waitSeconds: 20 })
      const [again] = await receive(queue, { waitSeconds: 20 })
      expect(again).toMatchObject({ id: first?.id, attempts: 2, timestamp: first?.timestamp })
      expect(again?.lease).not.toBe(first?.lease)
      await queue.settle([{ lease: first?.lease ?? '', outcome: 'retry', delaySeconds: 0 }])
      expect(await receive(queue)).toEqual([])
      await queue.settle([{ lease: again?.lease ?? '', outcome: 'ack' }])
      expect(await receive(queue)).toEqual([])
    },
  )

  it('queue-d08 extend keeps a message with its consumer', async () => {
    const queue = await open()
    for (;;) {
      await queue.send([message()])
      const received = Date.now()
      const [first] = await receive(queue, { leaseSeconds: 3 * second, waitSeconds: 20 })
      await queue.extend([first?.lease ?? ''], 30)
      const inTime = Date.now() - received < 3 * second * 1000
      await sleep(3.5 * second)
      const again = await receive(queue)
      await queue.settle([first, ...again].map((one) => ({ lease: one?.lease ?? '', outcome: 'ack' })))
      // On a stalled machine the message's lease had run out before it was extended, so the attempt proves
      // nothing about the driver and is repeated.
      if (!inTime) continue
      expect(again).toEqual([])
      expect(await receive(queue)).toEqual([])
      return
    }
  })

  it('queue-d09 a retry comes again at once or after its delay, not before', async () => {
    const queue = await open()
    await queue.send([message()])
    const [first] = await receive(queue, { waitSeconds: 20 })
    await queue.settle([{ lease: first?.lease ?? '', outcome: 'retry', delaySeconds: 0 }])
    const [again] = await receive(queue, { waitSeconds: 20 })
    expect(again).toMatchObject({ id: first?.id, attempts: 2, timestamp: first?.timestamp })
    const retried = Date.now()
    await queue.settle([{ lease: again?.lease ?? '', outcome: 'retry', delaySeconds: 2 * second }])
    const [third] = await receive(queue, { waitSeconds: 20 })
    expect(third).toMatchObject({ id: first?.id, attempts: 3 })
    expect(Date.now() - retried).toBeGreaterThanOrEqual(2 * second * 1000 - 100)
  })

  it('queue-d10 a delayed message comes after its delay, not before', async () => {
    const queue = await open()
    const sent = Date.now()
    await queue.send([message('"late"', 2 * second), message('"now"')])
    const came = new Map<unknown, { after: number; attempts: number }>()
    while (came.size < 2)
      for (const { body, attempts } of await receive(queue, { waitSeconds: 20 }))
        came.set(body, { after: Date.now() - sent, attempts })
    expect([came.get('"now"')?.attempts, came.get('"late"')?.attempts]).toEqual([1, 1])
    expect([...came.keys()][0]).toBe('"now"')
    expect(came.get('"late"')?.after).toBeGreaterThanOrEqual(2 * second * 1000 - 100)
  })

  it(
    'queue-d11 maxRetries 2: three deliveries, then the dead-letter queue once, with id, body and ' +
      'time, attempts from 1',
    async () => {
      const dead = await open('dead')
      const queue = await open('jobs', { maxRetries: 2, deadLetterQueue: 'dead' })
      const sent = message('{"poison":true}')
      await queue.send([sent])
      let timestamp: number | undefined
      for (let attempt = 1; attempt <= 3; attempt++) {
        const [one, ...more] = await receive(queue, { waitSeconds: 20 })
        expect(more).toEqual([])
        expect(one).toMatchObject({ id: sent.id, attempts: attempt })
        timestamp = one?.timestamp
        expect(await queue.settle([{ lease: one?.lease ?? '', outcome: 'retry', delaySeconds: 0 }])).toEqual({
          dropped: [],
        })
      }
      const buried = await receive(dead, { waitSeconds: 5 })
      expect(buried).toMatchObject([
        { id: sent.id, contentType: 'json', body: sent.body, attempts: 1, timestamp },
      ])
      expect(await receive(queue)).toEqual([])
      expect(await receive(dead)).toEqual([])
    },
  )

  it('queue-d79 a message that dead letters bring back to its queue is delivered there again', async () => {
    const main = await open('jobs', { maxRetries: 0, deadLetterQueue: 'later' })
    const later = await open('later', { maxRetries: 0, deadLetterQueue: 'jobs' })
    const sent = message()
    await main.send([sent])
    for (const [round, queue, other] of [
      [1, main, later],
      [1, later, main],
      [2, main, later],
      [2, later, main],
      [3, main, later],
    ] as const) {
      let came: QueueIncoming[] = []
      // Some queue servers move a message to its dead-letter queue only when the source queue is polled
      // again.
      for (let tries = 0; came.length === 0 && tries < 20; tries++) {
        came = await receive(queue, { waitSeconds: 1 })
        if (came.length === 0) expect(await receive(other)).toEqual([])
      }
      expect(came.map(({ id, attempts }) => [round, id, attempts])).toEqual([[round, sent.id, 1]])
      await queue.settle(came.map(({ lease }) => ({ lease, outcome: 'retry', delaySeconds: 0 })))
    }
  })

  it('queue-d12 maxRetries 0 without a dead-letter queue: one delivery, then dropped by name', async () => {
    const queue = await open('jobs', { maxRetries: 0 })
    const sent = message()
    await queue.send([sent])
    const [one] = await receive(queue, { waitSeconds: 20 })
    expect(await queue.settle([{ lease: one?.lease ?? '', outcome: 'retry', delaySeconds: 0 }])).toEqual({
      dropped: [sent.id],
    })
    expect(await receive(queue)).toEqual([])
  })

  it('queue-d13 a batch is settled message by message; a poison message does not hold up others', async () => {
    const queue = await open()
    const sent = Array.from({ length: 6 }, (_, index) => message(JSON.stringify(index)))
    await queue.send(sent)
    const batch: QueueIncoming[] = []
    while (batch.length < 6) batch.push(...(await receive(queue, { waitSeconds: 20 })))
    await queue.settle(
      batch.map(({ lease, body }) =>
        Number(body) % 2 === 0 ? { lease, outcome: 'ack' } : { lease, outcome: 'retry', delaySeconds: 0 },
      ),
    )
    const again = await drain(queue, 3)
    expect(new Set(again.map(({ body }) => body))).toEqual(new Set(['1', '3', '5']))
    expect(again.every(({ attempts }) => (exact ? attempts === 2 : attempts >= 2))).toBe(true)
  })

  it('queue-d14 receive gives at most as many as asked', async () => {
    const queue = await open()
    await queue.send(Array.from({ length: 5 }, (_, index) => message(JSON.stringify(index))))
    expect((await receive(queue, { max: 2, waitSeconds: 20 })).length).toBeLessThanOrEqual(2)
    expect((await receive(queue, { max: 1, waitSeconds: 20 })).length).toBe(1)
  })

  it(
    'queue-d15 a waiting receive is woken by a send, and returns empty when its time is over or its ' +
      'signal aborts',
    async () => {
      const queue = await open()
      const started = performance.now()
      expect(await receive(queue, { waitSeconds: second })).toEqual([])
      expect(performance.now() - started).toBeGreaterThanOrEqual(second * 1000 - 100)
      // The queue driver's receive call waits longer than the case's timeout, so that only a poll or a push
      // can deliver the message.
      const waiting = receive(queue, { waitSeconds: 600 })
      await sleep(0.2)
      await queue.send([message('"wake"')])
      expect((await waiting).map(({ body }) => body)).toEqual(['"wake"'])
      const controller = new AbortController()
      const aborted = receive(queue, { waitSeconds: 20, signal: controller.signal })
      setTimeout(() => controller.abort(), 100)
      expect(await aborted).toEqual([])
      // The pause lets the queue's server notice that the aborted consumer has disconnected; the message must
      // not go to it.
      await sleep(0.2)
      await queue.send([message('"next"')])
      expect(await receive(queue, { signal: AbortSignal.abort() })).toEqual([])
      expect((await receive(queue, { waitSeconds: 20 })).map(({ body }) => body)).toEqual(['"next"'])
    },
  )

  it('queue-d16 queues and apps do not see each other', async () => {
    const queue = await open('jobs')
    const other = await open('others')
    const foreign = (await harness.open({
      app: 'foreign',
      binding: 'jobs',
      declaration: declareQueue(),
    })) as Consumer
    await queue.send([message('"mine"')])
    expect(await receive(other)).toEqual([])
    expect(await receive(foreign)).toEqual([])
    expect((await receive(queue, { waitSeconds: 20 })).length).toBe(1)
  })

  it(
    'queue-d17 4 consumers, 400 messages, a tenth retried and a tenth forgotten: all arrive, none is lost',
    { timeout: 120_000 },
    async () => {
      const consumers = await Promise.all([1, 2, 3, 4].map(() => open('jobs', { maxRetries: 100 })))
      const sent = Array.from({ length: 400 }, (_, index) => message(JSON.stringify(index)))
      for (let start = 0; start < sent.length; start += 100)
        await consumers[0]?.send(sent.slice(start, start + 100))
      const done = new Set<string>()
      const deadline = Date.now() + 90_000
      await Promise.all(
        consumers.map(async (queue) => {
          while (done.size < sent.length && Date.now() < deadline) {
            const batch = await receive(queue, { leaseSeconds: 2 * second, waitSeconds: 0.5 })
            const kept = batch.filter(({ attempts }) => attempts > 1 || Math.random() > 0.1)
            await queue.settle(
              kept.map(({ id, lease, attempts }) => {
                if (attempts === 1 && Math.random() < 0.1) return { lease, outcome: 'retry', delaySeconds: 0 }
                done.add(id)
                return { lease, outcome: 'ack' }
              }),
            )
          }
        }),
      )
      expect(done.size).toBe(sent.length)
    },
  )

  it(
    'queue-d18 sends at once, small and large, single and in batches, each store what they were given, once',
    { timeout: 60_000 },
    async () => {
      const queue = await open()
      const batches = [
        ...Array.from({ length: 150 }, (_, index) => [message(JSON.stringify(index))]),
        ...Array.from({ length: 12 }, (_, index) => [message(pattern(127_000, index + 1))]),
        ...[1, 2, 3].map((batch) =>
          Array.from({ length: 60 }, (_, index) => message(JSON.stringify(`${batch}.${index}`))),
        ),
      ]
      await Promise.all(batches.map((batch) => queue.send(batch)))
      const sent = new Map(batches.flat().map(({ id, body }) => [id, body]))
      const received = await drain(queue, sent.size)
      expect(received.length).toBe(sent.size)
      for (const { id, body } of received)
        expect(Buffer.compare(Buffer.from(body as Uint8Array), Buffer.from(sent.get(id) as Uint8Array))).toBe(
          0,
        )
      if (exact) expect(await queue.depth()).toEqual({ ready: 0, delayed: 0, leased: 0 })
    },
  )
  addOperationCases(it, { open, receive, drain, message, second })
  return cases
}
