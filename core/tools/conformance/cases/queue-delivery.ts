import { equal, eventually, ok, sha256, throwsCode } from '../assert.ts'
import { insideCases } from '../case.ts'
import type { Job } from '../fixture/bindings.ts'
import { deliveries } from '../fixture/consume.ts'
import { notes } from '../fixture/notes.ts'
import { delivered, job, SECONDS, settled } from './queue-tools.ts'

export const queueDeliveryCases = insideCases('queue', [
  {
    id: 'queue-15',
    contract: 'ackAll acks what is not settled, and leaves what was retried.',
    exclusive: 'batches',
    seconds: 45,
    async run(tools) {
      const { env, key } = tools
      await env.batches.sendBatch([
        { body: job(key('retried'), ['retry', 'ack']) },
        { body: job(key('left'), ['ackAll', 'ack']) },
      ])
      await delivered(tools, key('retried'), 2)
      equal((await settled(tools, key('left'), 1)).length, 1, 'deliveries of the message that ackAll acked')
      equal((await deliveries(env, key('retried'))).length, 2, 'deliveries of the retried message')
    },
  },
  {
    id: 'queue-16',
    contract: 'A message sent with a delay is not delivered before.',
    seconds: 45,
    async run(tools) {
      const { env, key } = tools
      const sent = Date.now()
      await env.jobs.send(job(key()), { delaySeconds: 2 })
      await env.jobs.sendBatch([{ body: job(key('batch')), delaySeconds: 2 }, { body: job(key('now')) }])
      for (const name of [key(), key('batch')]) {
        const [row] = await delivered(tools, name, 1)
        ok(
          (row?.started_at ?? 0) - sent >= 1900,
          `delivered ${(row?.started_at ?? 0) - sent} ms after it was sent, with a delay of 2 s`,
        )
      }
      equal((await delivered(tools, key('now'), 1)).length, 1, 'deliveries of the one without delay')
    },
  },
  {
    id: 'queue-17',
    contract: "A retry with a delay comes no earlier, and a retry without one uses the queue's retryDelay.",
    seconds: 45,
    async run(tools) {
      const { env, key } = tools
      await env.jobs.send(job(key('own'), ['retry in 2', 'ack']))
      await env.patient.send(job(key('default'), ['retry', 'ack']))
      for (const name of [key('own'), key('default')]) {
        const [first, second] = await delivered(tools, name, 2)
        const gap = (second?.started_at ?? 0) - (first?.started_at ?? 0)
        ok(gap >= 1900, `the retry came ${gap} ms after the first delivery, with a delay of 2 s`)
      }
    },
  },
  {
    id: 'queue-18',
    contract: "A throw retries with the queue's retryDelay.",
    seconds: 45,
    async run(tools) {
      await tools.env.patient.send(job(tools.key(), ['throw', 'ack']))
      const [first, second] = await delivered(tools, tools.key(), 2)
      const gap = (second?.started_at ?? 0) - (first?.started_at ?? 0)
      ok(gap >= 1900, `the retry came ${gap} ms after the first delivery, with a delay of 2 s`)
    },
  },
  {
    id: 'queue-19',
    contract:
      'A delay over 900 s is LimitExceeded, of send, sendBatch and retry; one that is no whole number ' +
      'is InvalidArgument.',
    seconds: 45,
    async run(tools) {
      const { env, key } = tools
      await throwsCode('LimitExceeded', () => env.jobs.send(job(key()), { delaySeconds: 901 }), {
        limit: 'queue.delay',
        actual: 901,
        max: 900,
      })
      await throwsCode(
        'LimitExceeded',
        () => env.jobs.sendBatch([{ body: job(key()) }, { body: job(key()), delaySeconds: 901 }]),
        { limit: 'queue.delay' },
      )
      for (const delaySeconds of [-1, 0.5, Number.NaN, '1' as never])
        await throwsCode('InvalidArgument', () => env.jobs.send(job(key()), { delaySeconds }))
      await env.jobs.send(job(key('retry'), ['retry in 901']))
      await eventually(
        async () => equal(await notes(env, key('retry')), ['LimitExceeded'], 'what retry threw'),
        SECONDS,
        200,
      )
      equal(await deliveries(env, key()), [], 'messages that were refused')
    },
  },
  {
    id: 'queue-20',
    contract:
      'maxRetries 2 is three deliveries; then the message is in the dead-letter queue once, with its ' +
      'body and id, attempts from 1.',
    seconds: 45,
    async run(tools) {
      const { env, key } = tools
      const body = job(key(), ['retry', 'throw', 'retry'], { payload: 'Zoë 😀 \u0001' })
      await env.failing.send(body)
      const rows = await settled(tools, key(), 4)
      equal(
        rows.map(({ queue, attempts }) => `${queue} ${attempts}`).toSorted(),
        ['failed 1', 'failing 1', 'failing 2', 'failing 3'],
        'deliveries',
      )
      equal(new Set(rows.map(({ message_id }) => message_id)).size, 1, 'ids')
      for (const row of rows) equal(JSON.parse(row.body ?? ''), body, 'body')
    },
  },
  {
    id: 'queue-21',
    contract:
      'Without a dead-letter queue a message whose retries are used up is dropped: maxRetries 0 is one ' +
      'delivery.',
    seconds: 45,
    async run(tools) {
      const { env, key } = tools
      await env.once.send(job(key('thrown'), ['throw', 'ack']))
      await env.once.send(job(key('retried'), ['retry', 'ack']))
      equal((await settled(tools, key('thrown'), 1)).length, 1, 'deliveries of the one that threw')
      equal((await settled(tools, key('retried'), 1, 500)).length, 1, 'deliveries of the retried one')
    },
  },
  {
    id: 'queue-22',
    contract: 'Bytes keep their type and content over retries into the dead-letter queue.',
    seconds: 45,
    async run(tools) {
      const { env, key } = tools
      const bytes = new Uint8Array([...new TextEncoder().encode(`${key('poison')}\n`), 0, 255, 128])
      await env.failing.send(bytes)
      const rows = await delivered(tools, key('poison'), 4)
      for (const row of rows) equal([row.kind, row.digest], ['bytes', await sha256(bytes)], 'delivery')
      equal(rows.map(({ queue }) => queue).toSorted(), ['failed', 'failing', 'failing', 'failing'], 'queues')
    },
  },
  {
    id: 'queue-40',
    contract: 'What a timer of a consumer throws changes no outcome: the message is acked and comes no more.',
    seconds: 45,
    async run(tools) {
      const { env, key } = tools
      await env.jobs.send(job(key(), ['ack'], { uncaught: true }))
      equal((await settled(tools, key(), 1)).length, 1, 'deliveries')
    },
  },
  {
    id: 'queue-23',
    contract: 'A message that always fails does not keep others from being delivered.',
    seconds: 45,
    async run(tools) {
      const { env, key } = tools
      await env.failing.send(job(key('poison'), ['throw', 'throw', 'throw']))
      await env.failing.sendBatch(
        Array.from({ length: 5 }, (_, n) => ({ body: job(key('good'), ['ack'], { n }) })),
      )
      equal(
        new Set((await delivered(tools, key('good'), 5)).map(({ body }) => body)).size,
        5,
        'good messages',
      )
      await delivered(tools, key('poison'), 4)
    },
  },
  {
    id: 'queue-24',
    contract: 'A batch has at most batchSize messages, and batchWait lets it fill.',
    exclusive: 'batches',
    seconds: 45,
    async run(tools) {
      const { env, key } = tools
      await env.batches.sendBatch(
        Array.from({ length: 12 }, (_, n) => ({ body: job(key(), ['ack'], { n }) })),
      )
      const rows = await delivered(tools, key(), 12)
      const sizes = rows.map(({ batch_size }) => batch_size)
      ok(Math.max(...sizes) <= 5, `a batch had ${Math.max(...sizes)} messages, over batchSize 5`)
      const batches = new Set(rows.map(({ batch }) => batch)).size
      ok(batches <= 7, `12 messages came in ${batches} batches: batchWait did not let them fill`)
    },
  },
  {
    id: 'queue-25',
    contract: 'A hundred concurrent sends all arrive.',
    seconds: 45,
    async run(tools) {
      const { env, key } = tools
      await Promise.all(Array.from({ length: 100 }, (_, n) => env.jobs.send(job(key(), [], { n }))))
      const rows = await delivered(tools, key(), 100)
      equal(
        new Set(rows.map(({ body }) => (JSON.parse(body ?? '') as Job).n)).size,
        100,
        'different messages',
      )
    },
  },
  {
    id: 'queue-26',
    contract: 'A message whose handler takes three seconds is not delivered again meanwhile.',
    seconds: 45,
    async run(tools) {
      await tools.env.failing.send(job(tools.key(), ['ack'], { slowMs: 3000 }))
      equal((await settled(tools, tools.key(), 1, 4500)).length, 1, 'deliveries')
    },
  },
])
