import { eventually, ok } from '../../assert.ts'
import { type WorkerCase, type WorkerTools, workerCases } from '../case.ts'
import { equal, throwsText } from './tools.ts'

interface Note {
  queue: string
  attempts: number
  id: string
  isDate: boolean
  kind: string
  body: unknown
  size: number
}

/**
 * Returns the queue deliveries that the consumer noted under a key, once there are `count`. The wait is long:
 * on a busy machine one Lambda environment takes ten seconds to start, and several are needed.
 */
async function notes({ env }: WorkerTools, note: string, count: number): Promise<Note[]> {
  let found: Note[] = []
  await eventually(async () => {
    const { keys } = await env.KV.list({ prefix: `${note}:` })
    ok(keys.length >= count, `${keys.length} of ${count} deliveries`)
    found = await Promise.all(keys.map(async ({ name }) => (await env.KV.get(name, 'json')) as Note))
  }, 40)
  return found.sort((a, b) => a.attempts - b.attempts)
}

export const QUEUE: WorkerCase[] = workerCases('queue', [
  [
    '01',
    "a message arrives, with the queue's name, its id, a date and attempt 1",
    async (tools) => {
      const note = tools.key()
      await tools.env.JOBS.send({ note, data: [1, { a: null }] })
      const [delivery] = await notes(tools, note, 1)
      equal(
        [delivery?.queue, delivery?.attempts, delivery?.isDate, delivery?.body],
        ['jobs', 1, true, { note, data: [1, { a: null }] }],
      )
      ok((delivery?.id ?? '') !== '', 'an id')
    },
  ],
  [
    '02',
    'sendBatch: all arrive',
    async (tools) => {
      const note = tools.key()
      await tools.env.JOBS.sendBatch([
        { body: { note, data: 1 } },
        { body: { note, data: 2 } },
        { body: { note, data: 3 } },
      ])
      const found = await notes(tools, note, 3)
      equal(
        found.map(({ body }) => (body as { data: number }).data).sort((a, b) => a - b),
        [1, 2, 3],
      )
    },
  ],
  [
    '03',
    'content type text',
    async (tools) => {
      await tools.env.JOBS.send(tools.key(), { contentType: 'text' })
      const [delivery] = await notes(tools, tools.key(), 1)
      equal([delivery?.kind, delivery?.body], ['string', tools.key()])
    },
  ],
  [
    '04',
    'content type bytes',
    async (tools) => {
      const bytes = new TextEncoder().encode(tools.key())
      await tools.env.JOBS.send(bytes.slice(), { contentType: 'bytes' })
      const [delivery] = await notes(tools, tools.key(), 1)
      equal([delivery?.kind, delivery?.body], ['bytes', [...bytes]])
    },
  ],
  [
    '05',
    'content type v8 keeps Maps and Dates',
    async (tools) => {
      await tools.env.JOBS.send(
        new Map<string, unknown>([
          ['note', tools.key()],
          ['date', new Date(0)],
        ]),
        { contentType: 'v8' },
      )
      const [delivery] = await notes(tools, tools.key(), 1)
      equal(
        [delivery?.kind, delivery?.body],
        [
          'Map',
          [
            ['note', tools.key()],
            ['date', 'Date'],
          ],
        ],
      )
    },
  ],
  [
    '06',
    'a handler that throws has its messages delivered again',
    async (tools) => {
      const note = tools.key()
      await tools.env.LATER.send({ note, act: 'fail' }, { delaySeconds: 0 })
      equal((await notes(tools, note, 2)).map(({ attempts }) => attempts).slice(0, 2), [1, 2])
    },
  ],
  [
    '07',
    'retry() delivers again, under the same id',
    async (tools) => {
      const note = tools.key()
      await tools.env.JOBS.send({ note, act: 'retry' })
      const found = await notes(tools, note, 2)
      equal([found.map(({ attempts }) => attempts), found[0]?.id === found[1]?.id], [[1, 2], true])
    },
  ],
  [
    '08',
    'what the handler leaves alone counts as done',
    async (tools) => {
      const note = tools.key()
      await tools.env.JOBS.send({ note, act: 'silent' })
      await notes(tools, note, 1)
      await new Promise((resolve) => {
        setTimeout(resolve, 1500)
      })
      equal((await notes(tools, note, 1)).length, 1)
    },
  ],
  [
    '09',
    'what was acked stays so when the handler throws',
    async (tools) => {
      const note = tools.key()
      await tools.env.LATER.send({ note, act: 'ack' }, { delaySeconds: 0 })
      await notes(tools, note, 1)
      await new Promise((resolve) => {
        setTimeout(resolve, 1500)
      })
      equal((await notes(tools, note, 1)).length, 1)
    },
  ],
  [
    '10',
    'a delay',
    async (tools) => {
      const note = tools.key()
      const sent = Date.now()
      await tools.env.JOBS.send({ note }, { delaySeconds: 2 })
      await notes(tools, note, 1)
      ok(Date.now() - sent >= 1500, `it came after ${Date.now() - sent} ms`)
    },
  ],
  [
    '11',
    "the queue's own delivery_delay",
    async (tools) => {
      const note = tools.key()
      const sent = Date.now()
      await tools.env.LATER.send({ note })
      await notes(tools, note, 1)
      ok(Date.now() - sent >= 700, `it came after ${Date.now() - sent} ms`)
    },
  ],
  [
    '12',
    'undefined and a circle are TypeErrors',
    async ({ env }) => {
      await throwsText('', () => env.JOBS.send(undefined), 'TypeError')
      const circle: { self?: unknown } = {}
      circle.self = circle
      await throwsText('circular', () => env.JOBS.send(circle), 'TypeError')
    },
  ],
  [
    '13',
    'the wrong content for a content type is a TypeError',
    async ({ env }) => {
      await throwsText(
        'Content Type "text" requires a value of type string',
        () => env.JOBS.send(5, { contentType: 'text' }),
        'TypeError',
      )
      await throwsText(
        'Content Type "bytes" requires a value of type ArrayBufferView',
        () => env.JOBS.send('x', { contentType: 'bytes' }),
        'TypeError',
      )
      await throwsText(
        'Unsupported queue message content type',
        () => env.JOBS.send('x', { contentType: 'xml' as 'text' }),
        'TypeError',
      )
    },
  ],
  [
    '14',
    'an empty batch is a TypeError',
    async ({ env }) =>
      throwsText('sendBatch() requires at least one message', () => env.JOBS.sendBatch([]), 'TypeError'),
  ],
  [
    '15',
    'more than 100 messages in a batch are refused',
    async ({ env }) =>
      throwsText(/./, () => env.JOBS.sendBatch(Array.from({ length: 101 }, () => ({ body: 1 })))),
  ],
  [
    '16',
    'a message over 128 KB is refused',
    async ({ env }) => throwsText(/./, () => env.JOBS.send('x'.repeat(128_001))),
  ],
  [
    '17',
    'a batch over 256 KB is refused',
    async ({ env }) =>
      throwsText(/./, () =>
        env.JOBS.sendBatch(Array.from({ length: 3 }, () => ({ body: 'x'.repeat(100_000) }))),
      ),
  ],
  [
    '18',
    'a batch may come from any iterable, each message with its own content type and delay',
    async (tools) => {
      const note = tools.key()
      await tools.env.JOBS.sendBatch(
        new Set([{ body: { note, data: 1 } }, { body: note, contentType: 'text' as const, delaySeconds: 1 }]),
      )
      equal((await notes(tools, note, 2)).map(({ kind }) => kind).sort(), ['object', 'string'])
    },
  ],
  [
    '19',
    'toJSON counts',
    async (tools) => {
      const note = tools.key()
      await tools.env.JOBS.send({ note, data: new Date(0) })
      equal((await notes(tools, note, 1))[0]?.body, { note, data: '1970-01-01T00:00:00.000Z' })
    },
  ],
  [
    '20',
    "send and sendBatch resolve with the queue's metrics",
    async (tools) => {
      const sent = (await tools.env.JOBS.send({ note: tools.key() })) as unknown as {
        metadata: { metrics: object }
      }
      for (const name of ['backlogBytes', 'backlogCount'])
        equal(typeof (sent.metadata.metrics as Record<string, unknown>)[name], 'number', name)
    },
  ],
])
