/** The trace of queue messages: blanks after their JSON, what reads them, and what leaves them out. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { QueueIncoming, QueueOutgoing } from '../../core/bindings/drivers.ts'
import { createBatch, Queue, queueWatch, sendWithTrailer } from '../../core/bindings/queue.ts'
import { LIMITS } from '../../core/limits.ts'
import { sendersOf, watchQueues } from '../../core/telemetry/queues.ts'
import type { Scope } from '../../core/telemetry/recorder.ts'
import { randomId, type SpanContext } from '../../core/telemetry/trace-context.ts'

const BLANKS = 110
let active: SpanContext | undefined
let propagators = ['tracecontext']
const scope = (context: SpanContext): Scope => {
  const event = { recorder: { settings: { propagators } } } as unknown as Scope['event']
  return { event, context, baggage: undefined, isQuiet: true }
}

beforeAll(() => {
  watchQueues({ run: (_scope, work) => work(), getStore: () => active && scope(active) })
})
afterAll(() => {
  delete queueWatch.trailer
  delete queueWatch.received
})

const newContext = (sampled = true): SpanContext => ({ traceId: randomId(16), spanId: randomId(8), sampled })

/** Sends as the span `context`; returns what the driver is given. */
async function sent(
  context: SpanContext | undefined,
  send: (queue: Queue) => Promise<void>,
): Promise<QueueOutgoing[]> {
  const given: QueueOutgoing[] = []
  const driver = {
    send: (messages: readonly QueueOutgoing[]) => Promise.resolve(void given.push(...messages)),
  }
  active = context
  await send(new Queue(driver, { binding: 'clicks' })).finally(() => (active = undefined))
  return given
}

const incoming = ({ id, contentType, body }: QueueOutgoing): QueueIncoming => ({
  id,
  contentType,
  body,
  attempts: 1,
  timestamp: 0,
  lease: id,
})
const delivered = (messages: readonly QueueOutgoing[]): ReturnType<typeof createBatch> =>
  createBatch('clicks', messages.map(incoming), 0)

describe('a message that is JSON', () => {
  it.each([true, false])('carries its sender, sampled %s, and has its body as before', async (sampled) => {
    const context = newContext(sampled)
    const messages = await sent(context, (queue) => queue.send({ a: ' \n' }))
    expect(JSON.parse(messages[0]?.body as string)).toEqual({ a: ' \n' })
    const batch = delivered(messages)
    expect(batch.messages[0]?.body).toEqual({ a: ' \n' })
    expect(sendersOf(batch.messages)).toEqual({ parent: context, links: [context] })
  })

  it('carries it in bytes too, as some drivers give the text', async () => {
    const context = newContext()
    const [message] = await sent(context, (queue) => queue.send(['a']))
    const bytes = new TextEncoder().encode(message?.body as string)
    const batch = createBatch('clicks', [{ ...incoming(message as QueueOutgoing), body: bytes }], 0)
    expect(sendersOf(batch.messages).parent).toEqual(context)
  })

  it('carries nothing outside of events, and none where traces are not passed on', async () => {
    expect(await sent(undefined, (queue) => queue.send(1))).toMatchObject([{ body: '1' }])
    propagators = ['baggage']
    const messages = await sent(newContext(), (queue) => queue.send(1)).finally(() => {
      propagators = ['tracecontext']
    })
    expect(messages).toMatchObject([{ body: '1' }])
  })

  it('of another producer has no sender, whatever blanks it ends in', () => {
    for (const end of ['', '\n', ' '.repeat(BLANKS), '\t'.repeat(BLANKS), '\n'.repeat(500)]) {
      const message = { id: 'a', contentType: 'json', body: `{}${end}`, delaySeconds: 0 } as const
      const { messages } = delivered([message])
      expect(messages[0]?.body).toEqual({})
      expect(sendersOf(messages), JSON.stringify(end)).toEqual({ parent: undefined, links: [] })
    }
  })
})

describe('a batch', () => {
  it('of one span has it as its parent; one of several spans has links alone', async () => {
    const [one, other] = [newContext(), newContext()]
    const first = await sent(one, (queue) => queue.sendBatch([{ body: 1 }, { body: 2 }]))
    const second = await sent(other, (queue) => queue.send(3))
    const third = await sent(undefined, (queue) => queue.send(4))
    expect(sendersOf(delivered(first).messages)).toEqual({ parent: one, links: [one] })
    expect(sendersOf(delivered([...first, ...second]).messages)).toEqual({
      parent: undefined,
      links: [one, other],
    })
    expect(sendersOf(delivered([...first, ...third]).messages)).toEqual({ parent: undefined, links: [one] })
  })
})

describe('the limits of queues', () => {
  const LARGEST = LIMITS['queue.message']

  it('are what they are without telemetry: a message without room for blanks has none', async () => {
    const text = (bytes: number): string => 'x'.repeat(bytes - 2)
    const bodies = (messages: QueueOutgoing[]): number[] => messages.map(({ body }) => body.length)
    expect(bodies(await sent(newContext(), (queue) => queue.send(text(LARGEST))))).toEqual([LARGEST])
    const least = LARGEST - BLANKS
    expect(bodies(await sent(newContext(), (queue) => queue.send(text(least))))).toEqual([LARGEST])
    expect(bodies(await sent(newContext(), (queue) => queue.send(text(least + 1))))).toEqual([least + 1])
    const half = LIMITS['queue.sendBatchBytes'] / 4
    const full = Array.from({ length: 4 }, () => ({ body: text(half) }))
    expect(bodies(await sent(newContext(), (queue) => queue.sendBatch(full)))).toEqual([
      half,
      half,
      half,
      half,
    ])
  })

  it('bytes are sent as they are', async () => {
    const bytes = new Uint8Array([1, 2, 3])
    expect(await sent(newContext(), (queue) => queue.send(bytes))).toMatchObject([{ body: bytes }])
  })
})

describe('blanks from an isolate', () => {
  it('go with its messages alone, and what is no blanks is left out', async () => {
    const blanks = ' \t'.repeat(BLANKS / 2)
    const send = (trailer: unknown): Promise<QueueOutgoing[]> =>
      sent(undefined, (queue) => sendWithTrailer(trailer, () => queue.send(1)))
    expect(await send(blanks)).toMatchObject([{ body: `1${blanks}` }])
    expect(await sent(undefined, (queue) => queue.send(1))).toMatchObject([{ body: '1' }])
    for (const trailer of ['', ',{"a":1}', ' '.repeat(129), 7, null, undefined, [' '], ' \u00a0', ' \n2'])
      expect(await send(trailer), JSON.stringify(trailer)).toMatchObject([{ body: '1' }])
  })
})
