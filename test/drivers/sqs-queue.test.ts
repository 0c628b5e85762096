import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SqsApi } from '../../adapters/drivers/sqs/api.ts'
import { decodeSqsRecord, queue } from '../../adapters/drivers/sqs/index.ts'
import { type AnyDeclaration, queue as declareQueue } from '../../core/bindings/declarations.ts'
import type { QueueDriver, QueueIncoming, QueueOutgoing } from '../../core/bindings/drivers.ts'
import { createQueues } from '../../adapters/lambda/local/services/resources.ts'
import { awsServers } from './aws-servers.ts'
import { driverContext, expectGaps, failure, type Harness } from './contracts/harness.ts'
import { queueContract } from './contracts/queue.ts'

const signal = new AbortController().signal
const json = (body: unknown, options: Partial<QueueOutgoing> = {}): QueueOutgoing => ({
  id: crypto.randomUUID(),
  contentType: 'json',
  body: JSON.stringify(body),
  delaySeconds: 0,
  ...options,
})

let spaces = 0

/** Queues of SQS that no other case uses, made as they are opened. */
function sqsHarness(servers: ReturnType<typeof awsServers>): Harness<QueueDriver> {
  const space = ++spaces
  const queues = new Map<string, Parameters<typeof createQueues>[1][number]>()
  return {
    async open({ binding = 'jobs', app = 'test', declaration = declareQueue(), now = Date.now } = {}) {
      if (declaration.kind !== 'queue') throw new Error('no queue')
      const name = (one: string): string => `${space}-${app}-${one}`
      const { deadLetterQueue, maxRetries } = declaration
      const redrive =
        deadLetterQueue === undefined
          ? {}
          : { redrive: { binding: deadLetterQueue, maxReceiveCount: maxRetries + 1 } }
      // One that is there already may have a dead-letter queue of its own, which must stay.
      if (deadLetterQueue !== undefined && !queues.has(name(deadLetterQueue)))
        queues.set(name(deadLetterQueue), {
          binding: deadLetterQueue,
          name: name(deadLetterQueue),
          variable: '',
        })
      queues.set(name(binding), { binding, name: name(binding), variable: '', ...redrive })
      const urls = await createQueues(
        servers.variables()['AWS_ENDPOINT_URL_SQS'] ?? '',
        [...queues.values()].filter((one) => one.name.startsWith(`${space}-${app}-`)),
        30,
      )
      return queue(
        { url: urls[binding] ?? '' },
        driverContext(
          { binding, app, declaration, now },
          { variable: (variable) => servers.variables()[variable] },
        ),
      )
    },
    dispose: async () => {},
  }
}

describe('sqs driver over fauxqs', () => {
  const bindings: Record<string, AnyDeclaration> = {
    plain: declareQueue({ maxRetries: 1 }),
    clicks: declareQueue({ maxRetries: 1, deadLetterQueue: 'failed' }),
    failed: declareQueue({ maxRetries: 1, deadLetterQueue: 'lost' }),
    lost: declareQueue(),
    steps: declareQueue(),
  }
  const drivers = Object.fromEntries(
    Object.keys(bindings).map((name) => [
      name,
      { driver: 'sqs', ...(name === 'steps' ? { fifo: true } : {}) },
    ]),
  )
  const servers = awsServers({ bindings, drivers })
  const variable = (name: string): string | undefined => servers.variables()[name]
  const open = (binding: string): Required<QueueDriver> =>
    queue(
      {},
      driverContext({ binding, declaration: bindings[binding] as AnyDeclaration }, { variable }),
    ) as Required<QueueDriver>
  const receive = (
    driver: Required<QueueDriver>,
    options: { max?: number; waitSeconds?: number; leaseSeconds?: number } = {},
  ): Promise<QueueIncoming[]> =>
    driver.receive({ max: 100, waitSeconds: 0, leaseSeconds: 30, signal, ...options })

  expectGaps({
    'queue-d11':
      'SQS moves a message when its queue is next received from, which a consumer does all the time; a case below does so',
  })
  it('keeps the order of a FIFO queue, over the requests that a batch takes', async () => {
    const steps = open('steps')
    const sent = Array.from({ length: 25 }, (_, index) => json(index))
    await steps.send(sent)
    // The same again is the same message.
    await steps.send(sent.slice(0, 1))
    const bodies: string[] = []
    for (
      let messages = await receive(steps, { max: 10 });
      messages.length > 0;
      messages = await receive(steps, { max: 10 })
    ) {
      bodies.push(...messages.map(({ body }) => String(body)))
      await steps.settle(messages.map(({ lease }) => ({ outcome: 'ack', lease })))
    }
    expect(bodies).toEqual(sent.map(({ body }) => String(body)))
    await failure(steps.send([json(1, { delaySeconds: 5 })]), 'Unsupported')
    expect(() =>
      queue(
        { url: 'https://sqs.eu-west-1.amazonaws.com/1/x', fifo: true },
        driverContext({ binding: 'steps' }, { variable }),
      ),
    ).toThrow(/ends with ".fifo"/)
  })

  queueContract('sqs over fauxqs', async () => sqsHarness(servers))

  let plain: Required<QueueDriver>
  beforeEach(() => {
    plain = open('plain')
  })
  afterEach(async () => {
    for (const name of Object.keys(bindings)) {
      const driver = open(name)
      for (let left = await receive(driver); left.length > 0; left = await receive(driver)) {
        await driver.settle(left.map(({ lease }) => ({ lease, outcome: 'ack' })))
      }
    }
  })

  it('carries every text and all bytes, ids and times', async () => {
    const all = Array.from({ length: 0x10000 }, (_, code) => code).filter(
      (code) => code < 0xd800 || code > 0xdfff,
    )
    const texts = [
      '',
      'plain',
      '\0\u0001\u0008\u000b\u000c\u001f\u007f\u0085\ufffe\uffff',
      '😀\u{10ffff}',
      String.fromCharCode(...all.slice(0, 30_000)),
      String.fromCharCode(...all.slice(30_000)),
    ]
    for (const body of texts) {
      const sent = json(body)
      const before = Date.now()
      await plain.send([sent])
      const [got] = await receive(plain)
      expect(JSON.parse(got?.body as string) === body).toBe(true)
      expect(got).toMatchObject({ id: sent.id, contentType: 'json', attempts: 1 })
      expect(got?.timestamp).toBeGreaterThanOrEqual(before)
      expect(got?.timestamp).toBeLessThanOrEqual(Date.now())
      await plain.settle([{ lease: got?.lease ?? '', outcome: 'ack' }])
    }
    for (const bytes of [
      new Uint8Array(),
      Uint8Array.from({ length: 256 }, (_, index) => index),
      new Uint8Array(127_000).fill(255),
    ]) {
      await plain.send([{ id: 'b', contentType: 'bytes', body: bytes, delaySeconds: 0 }])
      const [got] = await receive(plain)
      expect(got).toMatchObject({ id: 'b', contentType: 'bytes' })
      expect(Buffer.compare(got?.body as Uint8Array, bytes)).toBe(0)
      await plain.settle([{ lease: got?.lease ?? '', outcome: 'ack' }])
    }
  })

  it('sends 100 messages, also large ones, and receives them all', async () => {
    const sent = Array.from({ length: 100 }, (_, index) => json({ index, fill: 'x'.repeat(2400) }))
    await plain.send(sent)
    await plain.send([json('y'.repeat(126_000)), json('z'.repeat(126_000))])
    expect(await plain.depth()).toEqual({ ready: 102, delayed: 0, leased: 0 })
    const got: QueueIncoming[] = []
    while (got.length < 102) got.push(...(await receive(plain)))
    expect(new Set(got.slice(0, 102).map(({ id }) => id)).size).toBe(102)
    for (const { id } of sent) expect(got.some((message) => message.id === id)).toBe(true)
    expect(await plain.depth()).toEqual({ ready: 0, delayed: 0, leased: 102 })
    await plain.settle(got.map(({ lease }) => ({ lease, outcome: 'ack' })))
    expect(await plain.depth()).toEqual({ ready: 0, delayed: 0, leased: 0 })
  })

  it('delays a message, a retry, and extends a lease', async () => {
    await plain.send([json(1, { delaySeconds: 1 })])
    expect(await plain.depth()).toEqual({ ready: 0, delayed: 1, leased: 0 })
    expect(await receive(plain)).toEqual([])
    const [first] = await receive(plain, { waitSeconds: 3, leaseSeconds: 1 })
    expect(first?.attempts).toBe(1)
    await plain.extend([first?.lease ?? ''], 30)
    await sleep(1200)
    expect(await receive(plain)).toEqual([])
    const retried = Date.now()
    expect(await plain.settle([{ lease: first?.lease ?? '', outcome: 'retry', delaySeconds: 1 }])).toEqual({
      dropped: [],
    })
    expect(await receive(plain)).toEqual([])
    const [second] = await receive(plain, { waitSeconds: 3 })
    expect(Date.now() - retried).toBeGreaterThanOrEqual(990)
    expect(second).toMatchObject({ id: first?.id, attempts: 2, timestamp: first?.timestamp })
    await plain.settle([{ lease: second?.lease ?? '', outcome: 'ack' }])
  })

  it('delivers again when a lease runs out', async () => {
    await plain.send([json('again')])
    const [first] = await receive(plain, { leaseSeconds: 1 })
    const [second] = await receive(plain, { waitSeconds: 3 })
    expect(second).toMatchObject({ id: first?.id, attempts: 2 })
    await plain.settle([{ lease: second?.lease ?? '', outcome: 'ack' }])
  })

  it('drops a message without a dead-letter queue after its last attempt', async () => {
    const sent = json('drop')
    await plain.send([sent])
    const [first] = await receive(plain)
    expect(await plain.settle([{ lease: first?.lease ?? '', outcome: 'retry', delaySeconds: 0 }])).toEqual({
      dropped: [],
    })
    const [second] = await receive(plain)
    expect(await plain.settle([{ lease: second?.lease ?? '', outcome: 'retry', delaySeconds: 0 }])).toEqual({
      dropped: [sent.id],
    })
    expect(await plain.depth()).toEqual({ ready: 0, delayed: 0, leased: 0 })
  })

  it('moves a message through two dead-letter queues with its id, its time and attempts from 1', async () => {
    const sent = json('poison')
    await open('clicks').send([sent])
    let timestamp: number | undefined
    for (const name of ['clicks', 'failed']) {
      const driver = open(name)
      for (const attempts of [1, 2]) {
        const [message] = await receive(driver)
        expect({ queue: name, ...message }).toMatchObject({
          queue: name,
          id: sent.id,
          attempts,
          body: '"poison"',
        })
        expect((timestamp ??= message?.timestamp)).toBe(message?.timestamp)
        expect(
          await driver.settle([
            { lease: message?.lease ?? '', outcome: 'retry', delaySeconds: 60 * (attempts - 1) },
          ]),
        ).toEqual({ dropped: [] })
      }
      expect(await receive(driver)).toEqual([])
    }
    expect((await receive(open('lost')))[0]).toMatchObject({ id: sent.id, attempts: 1, timestamp })
  })

  it('counts from 1 in a dead-letter queue also where the receive count is carried over', () => {
    const record = (binding: string, count: number): QueueIncoming =>
      decodeSqsRecord(
        {
          messageId: 'm',
          receiptHandle: 'r r',
          body: '{}',
          attributes: { ApproximateReceiveCount: String(count), SentTimestamp: '5' },
          messageAttributes: {
            'unmoor.id': { stringValue: 'i' },
            'unmoor.type': { stringValue: 'json' },
            'unmoor.time': { stringValue: '4' },
            'unmoor.queue': { stringValue: 'clicks' },
            'unmoor.deliveries': { stringValue: '4' },
          },
        },
        binding,
      )
    expect(record('clicks', 2)).toMatchObject({ id: 'i', attempts: 2, timestamp: 4 })
    expect(record('failed', 5).attempts).toBe(1)
    expect(record('failed', 1).attempts).toBe(1)
  })

  it('takes messages of other senders', async () => {
    const api = new SqsApi(variable('PLAIN_QUEUE_URL') ?? '', {}, { binding: 'plain', variable })
    await api.sendBatch([
      { Id: '0', MessageBody: '{"from":"elsewhere"}', MessageAttributes: {} },
      { Id: '1', MessageBody: 'no JSON', MessageAttributes: {} },
    ])
    const got = await receive(plain)
    expect(got.map(({ body }) => JSON.parse(body as string))).toEqual([{ from: 'elsewhere' }, 'no JSON'])
    expect(got[0]?.timestamp).toBeGreaterThan(Date.now() - 60_000)
  })

  it('names what failed of a batch, and sends the rest', async () => {
    const illegal = { ...json('x'), body: '\u0001' }
    const error = await failure(plain.send([json(1), illegal, json(2)]), 'Internal')
    expect(error.details.indexes).toEqual([1])
    expect(new Set((await receive(plain)).map(({ body }) => body))).toEqual(new Set(['1', '2']))
    const missing = queue(
      { url: `${variable('AWS_ENDPOINT_URL_SQS')}/000000000000/nowhere` },
      driverContext({ binding: 'plain', declaration: bindings['plain'] as AnyDeclaration }, { variable }),
    ) as QueueDriver
    expect((await failure(missing.send([json(1)]), 'NotFound')).details).toMatchObject({
      kind: 'queue',
      indexes: [0],
    })
  })

  it('ends a wait on abort without an error', async () => {
    const abort = new AbortController()
    setTimeout(() => abort.abort(), 50)
    // Longer than this test may take.
    expect(
      await plain.receive({ max: 10, waitSeconds: 600, leaseSeconds: 30, signal: abort.signal }),
    ).toEqual([])
  })
})
