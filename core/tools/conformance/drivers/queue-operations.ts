import type { QueueOptions } from '../../../bindings/declarations.ts'
import type { QueueDriver, QueueIncoming, QueueOutgoing, QueuePeeked } from '../../../bindings/drivers.ts'
import type { DefineCase } from './driver-case.ts'
import { expect } from './expect.ts'

/** A queue driver that can receive, and perhaps has the operations of operators. */
export type OperatedDriver = Required<Pick<QueueDriver, 'send' | 'receive' | 'settle' | 'extend' | 'depth'>> &
  Pick<QueueDriver, 'age' | 'peek' | 'replay' | 'purge'>

/** What the cases of queues share. */
export interface QueueCaseTools {
  open: (binding?: string, options?: QueueOptions) => Promise<OperatedDriver>
  receive: (
    queue: OperatedDriver,
    options?: { max?: number; leaseSeconds?: number; waitSeconds?: number },
  ) => Promise<QueueIncoming[]>
  drain: (queue: OperatedDriver, count: number) => Promise<QueueIncoming[]>
  message: (body?: string | Uint8Array<ArrayBuffer>, delaySeconds?: number) => QueueOutgoing
  /** Seconds of the shortest lease that cases wait for. */
  second: number
}

const NO_PEEK = 'the driver has no peek'
const NO_REPLAY = 'the driver has no replay'
const NO_PURGE = 'the driver has no purge'

/** Adds the cases on `peek`, `replay` and `purge`, which a queue driver may lack. */
export function addOperationCases(it: DefineCase, tools: QueueCaseTools): void {
  addPeekCases(it, tools)
  addReplayCases(it, tools)
  addPurgeCases(it, tools)
  addAgeCase(it, tools)
}

function addPeekCases(it: DefineCase, { open, receive, drain, message }: QueueCaseTools): void {
  it('queue-d80 peek shows id, body, time and state of messages, and changes nothing', async () => {
    const queue = await open()
    if (queue.peek === undefined) return NO_PEEK
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    const sent = [message('{"text":"J\u00f6rg \u{1f600}"}'), message(bytes), message('"late"', 600)]
    const before = Date.now()
    await queue.send(sent)
    const first = await queue.peek({ limit: 10 })
    expect(
      byId(first).map(({ id, contentType, attempts, state }) => ({ id, contentType, attempts, state })),
    ).toEqual(
      byId(sent).map(({ id, contentType, delaySeconds }) => ({
        id,
        contentType,
        attempts: 0,
        state: delaySeconds > 0 ? 'delayed' : 'ready',
      })),
    )
    for (const { id, body, timestamp } of first) {
      expect(isSame(body, sent.find((one) => one.id === id)?.body)).toBe(true)
      expect(timestamp).toBeGreaterThanOrEqual(before - 2000)
    }
    expect(await queue.peek({ limit: 10 })).toEqual(first)
    expect(await queue.depth()).toEqual({ ready: 2, delayed: 1, leased: 0 })
    const received = await receive(queue, { waitSeconds: 20 })
    expect(received.map(({ attempts }) => attempts)).toEqual([1, 1])
    // The lease of a delivered message holds, however often it is shown.
    const states = (await queue.peek({ limit: 10 })).map(({ state }) => state).sort()
    expect(states).toEqual(['delayed', 'leased', 'leased'])
    expect(await receive(queue)).toEqual([])
    await queue.settle(received.map(({ lease }) => ({ lease, outcome: 'ack' })))
    expect((await queue.peek({ limit: 10 })).map(({ id }) => id)).toEqual([sent[2]?.id])
  })

  it('queue-d81 peek shows at most as many messages as asked, also of an empty queue', async () => {
    const queue = await open()
    if (queue.peek === undefined) return NO_PEEK
    expect(await queue.peek({ limit: 10 })).toEqual([])
    await queue.send(Array.from({ length: 5 }, (_, index) => message(JSON.stringify(index))))
    expect((await queue.peek({ limit: 3 })).length).toBe(3)
    expect((await queue.peek({ limit: 100 })).length).toBe(5)
    expect((await drain(queue, 5)).length).toBe(5)
  })

  it('queue-d82 consumers receive each message once while others peek', { timeout: 60_000 }, async () => {
    const [queue, other, watcher] = await Promise.all([open(), open(), open()])
    const peek = watcher.peek?.bind(watcher)
    if (peek === undefined) return NO_PEEK
    const sent = Array.from({ length: 200 }, (_, index) => message(JSON.stringify(index)))
    for (let start = 0; start < sent.length; start += 100) await queue.send(sent.slice(start, start + 100))
    const done: QueueIncoming[] = []
    const known = new Set(sent.map(({ id }) => id))
    const over = new AbortController()
    const watch = async (): Promise<void> => {
      while (!over.signal.aborted) {
        for (const { id } of await peek({ limit: 20 })) expect(known.has(id), 'a known id').toBe(true)
        // A driver without I/O, such as memory, would otherwise keep the consumers from their turn.
        await new Promise((resolve) => setTimeout(resolve, 0))
      }
    }
    const consume = async (consumer: OperatedDriver): Promise<void> => {
      while (done.length < sent.length) {
        const batch = await receive(consumer, { waitSeconds: 0.2 })
        await consumer.settle(batch.map(({ lease }) => ({ lease, outcome: 'ack' })))
        done.push(...batch)
      }
    }
    const watching = Promise.all([watch(), watch()])
    try {
      await Promise.all([consume(queue), consume(other)])
    } finally {
      over.abort()
      await watching
    }
    expect(new Set(done.map(({ id }) => id)).size).toBe(sent.length)
    expect(done.every(({ attempts }) => attempts === 1)).toBe(true)
    expect(await peek({ limit: 10 })).toEqual([])
  })
}

function addReplayCases(it: DefineCase, { open, receive, drain, message }: QueueCaseTools): void {
  it(
    'queue-d83 replay of three dead letters brings three deliveries of the same ids, bodies and times, ' +
      'attempts from 1, and they may die again',
    async () => {
      const dead = await open('dead')
      const queue = await open('jobs', { maxRetries: 0, deadLetterQueue: 'dead' })
      if (queue.replay === undefined) return NO_REPLAY
      expect(await queue.replay({ limit: 10 })).toEqual([])
      const sent = [message('{"a":1}'), message(new Uint8Array([0, 255, 10])), message('"c"')]
      await queue.send(sent)
      const died = new Map<string, number>()
      const die = async (): Promise<QueueIncoming[]> => {
        const received: QueueIncoming[] = []
        while (received.length < 3) received.push(...(await receive(queue, { waitSeconds: 20 })))
        await queue.settle(received.map(({ lease }) => ({ lease, outcome: 'retry', delaySeconds: 0 })))
        return received
      }
      for (const { id, timestamp } of await die()) died.set(id, timestamp)
      for (let round = 1; round <= 2; round++) {
        const moved = await queue.replay({ limit: 10 })
        expect([...moved].sort()).toEqual(sent.map(({ id }) => id).sort())
        const again = await die()
        expect(again.map(({ attempts }) => attempts)).toEqual([1, 1, 1])
        for (const { id, body, timestamp } of again) {
          expect(isSame(body, sent.find((one) => one.id === id)?.body)).toBe(true)
          expect(timestamp).toBe(died.get(id))
        }
      }
      expect((await drain(dead, 3)).length).toBe(3)
      expect(await queue.replay({ limit: 10 })).toEqual([])
    },
  )

  it('queue-d84 replay moves the dead letters that it is given by id, and at most its limit', async () => {
    const dead = await open('dead')
    const queue = await open('jobs', { deadLetterQueue: 'dead' })
    if (queue.replay === undefined) return NO_REPLAY
    const sent = Array.from({ length: 5 }, (_, index) => message(JSON.stringify(index)))
    for (const one of sent) await dead.send([one])
    const ids = sent.map(({ id }) => id)
    expect(await queue.replay({ limit: 10, ids: [ids[3] as string, 'no-such-id'] })).toEqual([ids[3]])
    expect(await queue.replay({ limit: 10, ids: [] })).toEqual([])
    expect((await queue.replay({ limit: 2 })).length).toBe(2)
    expect((await drain(queue, 3)).length).toBe(3)
    const rest = await drain(dead, 2)
    expect(rest.length).toBe(2)
    expect(rest.some(({ id }) => id === ids[3])).toBe(false)
  })

  it('queue-d85 replay leaves a dead letter that a consumer holds to that consumer', async () => {
    const dead = await open('dead')
    const queue = await open('jobs', { deadLetterQueue: 'dead' })
    if (queue.replay === undefined) return NO_REPLAY
    await dead.send([message('"held"')])
    const [held] = await receive(dead, { max: 1, waitSeconds: 20 })
    await dead.send([message('"free"')])
    expect((await queue.replay({ limit: 10 })).includes(held?.id ?? '')).toBe(false)
    expect(await queue.replay({ limit: 10, ids: [held?.id ?? ''] })).toEqual([])
    expect((await drain(queue, 1)).map(({ body }) => body)).toEqual(['"free"'])
    await dead.settle([{ lease: held?.lease ?? '', outcome: 'ack' }])
    expect(await receive(dead)).toEqual([])
  })
}

function addPurgeCases(it: DefineCase, { open, receive, drain, message, second }: QueueCaseTools): void {
  it('queue-d86 purge removes what waits and what is delayed, and leaves what a consumer holds', async () => {
    const queue = await open('jobs')
    const other = await open('others')
    if (queue.purge === undefined) return NO_PURGE
    expect(await queue.purge()).toBe(0)
    await other.send([message('"other"')])
    await queue.send([message('"held"'), message('"done"')])
    const held: QueueIncoming[] = []
    while (held.length < 2) held.push(...(await receive(queue, { max: 2, waitSeconds: 20 })))
    const [kept, done] = held
    await queue.send([message('"a"'), message('"b"'), message('"late"', 600)])
    expect(await queue.purge()).toBe(3)
    expect(await queue.depth()).toEqual({ ready: 0, delayed: 0, leased: 2 })
    await queue.settle([
      { lease: done?.lease ?? '', outcome: 'ack' },
      { lease: kept?.lease ?? '', outcome: 'retry', delaySeconds: 0 },
    ])
    expect((await drain(queue, 1)).map(({ id, attempts }) => ({ id, attempts }))).toEqual([
      { id: kept?.id, attempts: 2 },
    ])
    expect((await drain(other, 1)).map(({ body }) => body)).toEqual(['"other"'])
  })

  it('queue-d87 a purged queue takes and delivers new messages', async () => {
    const queue = await open()
    if (queue.purge === undefined) return NO_PURGE
    await queue.send(Array.from({ length: 30 }, (_, index) => message(JSON.stringify(index))))
    expect(await queue.purge()).toBe(30)
    expect(await receive(queue)).toEqual([])
    const fresh = [message('"new"'), message('"soon"', second)]
    await queue.send(fresh)
    const received = await drain(queue, 2)
    expect(received.map(({ id }) => id).sort()).toEqual(fresh.map(({ id }) => id).sort())
  })
}

function addAgeCase(it: DefineCase, { open, receive, message, second }: QueueCaseTools): void {
  it('queue-d88 age is the time for which the first message has been ready, if one is', async () => {
    const queue = await open()
    if (queue.age === undefined) return 'the driver has no age'
    expect(await queue.age()).toBeUndefined()
    await queue.send([message('"late"', 600)])
    expect(await queue.age()).toBeUndefined()
    await queue.send([message('"first"')])
    const sent = performance.now()
    await new Promise((resolve) => setTimeout(resolve, second * 1000))
    await queue.send([message('"second"')])
    const least = (performance.now() - sent) / 1000
    const age = (await queue.age()) ?? -1
    // The clocks of a backend and of this process may tick differently.
    expect(age).toBeGreaterThanOrEqual(least - 0.1)
    await receive(queue, { max: 1, waitSeconds: 20 })
    expect((await queue.age()) ?? Infinity).toBeLessThanOrEqual((performance.now() - sent) / 1000 + 0.1)
    await receive(queue, { max: 1, waitSeconds: 20 })
    expect(await queue.age()).toBeUndefined()
  })
}

function byId<T extends { id: string }>(messages: readonly T[]): T[] {
  return [...messages].sort((a, b) => (a.id < b.id ? -1 : 1))
}

function isSame(body: QueuePeeked['body'], other: QueuePeeked['body'] | undefined): boolean {
  return (
    other !== undefined &&
    typeof body === typeof other &&
    Buffer.compare(Buffer.from(body as string), Buffer.from(other as string)) === 0
  )
}
