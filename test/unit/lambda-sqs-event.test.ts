import { expect, it } from 'vitest'
import {
  handleSqsEvent,
  isSqsEvent,
  type SqsEvent,
  type SqsOptions,
  type SqsRecord,
} from '../../adapters/lambda/runtime/sqs-event.ts'
import { decodeSqsRecord } from '../../adapters/drivers/sqs/index.ts'
import { defineApp } from '../../core/app.ts'
import { defineBindings, queue, type QueueDeclaration } from '../../core/bindings/declarations.ts'
import type { DriverContext, QueueDriver, QueueSettlement } from '../../core/bindings/drivers.ts'
import { portableQueue } from '../../core/bindings/portable.ts'
import type { QueueBatch } from '../../core/bindings/queue.ts'
import { createContext } from '../../core/context.ts'
import { createRuntime } from '../../core/runtime/runtime.ts'

const ARN = 'arn:aws:sqs:eu-west-1:123456789012:links-clicks'

function record(messageId: string, body: string, receiveCount = 1, arn = ARN): SqsRecord {
  return {
    messageId,
    receiptHandle: `handle-${messageId}`,
    body,
    attributes: { ApproximateReceiveCount: String(receiveCount), SentTimestamp: '1000' },
    messageAttributes: {},
    eventSource: 'aws:sqs',
    eventSourceARN: arn,
  }
}

async function rig(
  handler: (batch: QueueBatch<unknown>) => void | Promise<void>,
  settle?: QueueDriver['settle'],
  queueName = 'links-clicks',
): Promise<{ run: (event: SqsEvent) => Promise<unknown>; lines: string[] }> {
  const lines: string[] = []
  const log = (message: string): void => void lines.push(message)
  const driver: QueueDriver =
    settle === undefined ? { send: async () => undefined } : { send: async () => undefined, settle }
  const clicks: QueueDeclaration<unknown> = queue({ maxRetries: 2, retryDelay: 7 })
  const app = defineApp({ bindings: defineBindings({ clicks }), queues: { clicks: handler } })
  const create = (_options: unknown, _context: DriverContext): QueueDriver => driver
  const runtime = await createRuntime({
    app,
    name: 'test',
    drivers: { clicks: { create, options: {}, portable: portableQueue } },
    variable: () => undefined,
    onError: log,
  })
  const options: SqsOptions = {
    runtime,
    decode: decodeSqsRecord,
    variable: (name) =>
      name === 'CLICKS_QUEUE_URL'
        ? `https://sqs.eu-west-1.amazonaws.com/123456789012/${queueName}`
        : undefined,
    log,
  }
  return { lines, run: (event) => handleSqsEvent(event, createContext(), options) }
}

const failed = (...ids: string[]): object => ({
  batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })),
})

it('knows an SQS batch', () => {
  expect(isSqsEvent({ Records: [record('a', '1')] })).toBe(true)
  for (const event of [
    null,
    {},
    { Records: [] },
    { Records: [null] },
    { Records: [{ eventSource: 'aws:s3' }] },
  ])
    expect(isSqsEvent(event)).toBe(false)
})

it('names only what is to come again, and sets its delay', async () => {
  const settled: QueueSettlement[] = []
  const { run } = await rig(
    (batch) => {
      expect(batch.messages.map(({ body, attempts, id }) => [body, attempts, id])).toEqual([
        [1, 1, 'a'],
        [2, 1, 'b'],
        [3, 2, 'c'],
      ])
      batch.messages[1]?.retry()
      batch.messages[2]?.retry({ delaySeconds: 30 })
    },
    async (settlements) => {
      settled.push(...settlements)
      return { dropped: [] }
    },
  )
  expect(await run({ Records: [record('a', '1'), record('b', '2'), record('c', '3', 2)] })).toEqual(
    failed('b', 'c'),
  )
  expect(settled).toMatchObject([
    { outcome: 'retry', delaySeconds: 7 },
    { outcome: 'retry', delaySeconds: 30 },
  ])
})

it('keeps what was acked before a throw', async () => {
  const { run, lines } = await rig((batch) => {
    batch.messages[0]?.ack()
    throw new Error('half-way')
  })
  expect(await run({ Records: [record('a', '1'), record('b', '2')] })).toEqual(failed('b'))
  expect(lines.join()).toContain('queue clicks')
})

it('does not bring back what the driver dropped, and says so', async () => {
  const { run, lines } = await rig(
    (batch) => batch.retryAll(),
    async () => ({ dropped: ['b'] }),
  )
  expect(await run({ Records: [record('a', '1'), record('b', '2', 3)] })).toEqual(failed('a'))
  expect(lines.join()).toContain('message b used up its retries')
})

it('brings all back where the delay could not be set', async () => {
  const { run, lines } = await rig(
    (batch) => batch.retryAll(),
    async () => {
      throw new Error('away')
    },
  )
  expect(await run({ Records: [record('a', '1'), record('b', '2')] })).toEqual(failed('a', 'b'))
  expect(lines.join()).toContain('2 retries')
})

it('fails all after the first failure of a FIFO queue', async () => {
  const { run } = await rig((batch) => batch.messages[1]?.retry(), undefined, 'links-clicks.fifo')
  const arn = `${ARN}.fifo`
  expect(await run({ Records: ['a', 'b', 'c'].map((id) => record(id, '1', 1, arn)) })).toEqual(
    failed('b', 'c'),
  )
})

it('takes a message of another sender', async () => {
  const bodies: unknown[] = []
  const { run } = await rig((batch) => void bodies.push(...batch.messages.map(({ body }) => body)))
  expect(await run({ Records: [record('a', 'plain text'), record('b', '{"x":1}')] })).toEqual(failed())
  expect(bodies).toEqual(['plain text', { x: 1 }])
})

it('refuses a queue that the app does not consume, naming the variables', async () => {
  const { run } = await rig(() => undefined)
  const event = { Records: [record('a', '1', 1, 'arn:aws:sqs:eu-west-1:1:other')] }
  await expect(run(event)).rejects.toMatchObject({
    code: 'NotFound',
    message: expect.stringMatching(/"other".*CLICKS_QUEUE_URL/),
  })
})
