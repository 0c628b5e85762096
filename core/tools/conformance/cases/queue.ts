import { equal, eventually, ok, sha256, throwsCode } from '../assert.ts'
import { insideCases } from '../case.ts'
import type { Job } from '../fixture/bindings.ts'
import { deliveries } from '../fixture/consume.ts'
import { delivered, job, SECONDS, settled } from './queue-tools.ts'

/** Returns a queue message's body of `size` bytes, which begins with the key that its consumer looks for. */
function bytesFor(key: string, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size).fill(0xf5)
  bytes.set(new TextEncoder().encode(`${key}\n`))
  return bytes
}

export const queueCases = insideCases('queue', [
  {
    id: 'queue-01',
    contract: 'JSON values and text arrive as they were sent, characters that XML cannot hold included.',
    seconds: 45,
    async run(tools) {
      const { env, key } = tools
      const payload = {
        text: 'Zoë 😀 ｡ \u0000\u0001\u000b\u001f\ufffe\uffff <&>"\'',
        list: [1, -0.5, null, true, []],
        nested: { '': 'empty key' },
      }
      await env.jobs.send(job(key('object'), [], { payload }))
      await env.jobs.send(`${key('text')}\nline \u0002`)
      await env.jobs.send([key('array'), 1, { a: null }])
      const [object] = await delivered(tools, key('object'), 1)
      const [text] = await delivered(tools, key('text'), 1)
      const [array] = await delivered(tools, key('array'), 1)
      equal(JSON.parse(object?.body ?? ''), { key: key('object'), plan: [], payload }, 'object')
      equal(JSON.parse(text?.body ?? ''), `${key('text')}\nline \u0002`, 'text')
      equal(JSON.parse(array?.body ?? ''), [key('array'), 1, { a: null }], 'array')
    },
  },
  {
    id: 'queue-02',
    contract: 'null, numbers and booleans are messages too.',
    seconds: 45,
    async run(tools) {
      const before = Date.now() - 1000
      const random = Math.random()
      await tools.env.jobs.sendBatch([null, random, false].map((body) => ({ body })))
      await eventually(
        async () => {
          const bodies = (await deliveries(tools.env, 'none'))
            .filter((row) => row.sent_at >= before)
            .map(({ body }) => body)
          for (const body of ['null', JSON.stringify(random), 'false'])
            ok(bodies.includes(body), `${body} is among ${bodies.join(', ')}`)
        },
        SECONDS,
        200,
      )
    },
  },
  {
    id: 'queue-03',
    contract: 'Bytes arrive as a Uint8Array of the same bytes.',
    seconds: 45,
    async run(tools) {
      const { env, key } = tools
      const bytes = new Uint8Array([
        ...new TextEncoder().encode(`${key()}\n`),
        ...Array.from({ length: 256 }, (_, index) => index),
      ])
      await env.jobs.send(bytes)
      const [row] = await delivered(tools, key(), 1)
      equal([row?.kind, row?.size, row?.digest], ['bytes', bytes.length, await sha256(bytes)], 'message')
    },
  },
  {
    id: 'queue-04',
    contract: 'undefined, a function, a BigInt, a cycle and half of a surrogate pair are InvalidArgument.',
    async run({ env, key }) {
      const cycle: Record<string, unknown> = {}
      cycle['self'] = cycle
      for (const bad of [undefined, () => 1, 1n, cycle, Symbol('s')])
        await throwsCode('InvalidArgument', () => env.jobs.send(bad as never))
      await throwsCode('InvalidArgument', () =>
        env.jobs.sendBatch([{ body: key() }, { body: undefined as never }]),
      )
      await throwsCode('InvalidArgument', () => env.jobs.sendBatch([undefined as never]))
    },
  },
  {
    id: 'queue-05',
    contract:
      'A message of 127,000 bytes arrives, one of 127,001 is LimitExceeded; text counts in bytes of its ' +
      'JSON.',
    seconds: 45,
    async run(tools) {
      const { env, key } = tools
      const largest = bytesFor(key('bytes'), 127_000)
      await env.jobs.send(largest)
      const text = `${key('text')}\n`.padEnd(126_996, '<')
      // A text message counts in bytes of its JSON: its line break takes two bytes, and the quotes take two
      // more.
      await env.jobs.send(`${text}x`)
      await throwsCode('LimitExceeded', () => env.jobs.send(bytesFor(key('more'), 127_001)), {
        limit: 'queue.message',
        actual: 127_001,
        max: 127_000,
      })
      await throwsCode('LimitExceeded', () => env.jobs.send(`${text}xx`), {
        limit: 'queue.message',
        actual: 127_001,
      })
      await throwsCode('LimitExceeded', () => env.jobs.send('é'.repeat(63_500)), { limit: 'queue.message' })
      const [row] = await delivered(tools, key('bytes'), 1)
      equal([row?.size, row?.digest], [127_000, await sha256(largest)], 'bytes')
      equal((await delivered(tools, key('text'), 1))[0]?.size, 127_000, 'text')
    },
  },
  {
    id: 'queue-06',
    contract: 'A batch of 100 messages arrives; 101 are LimitExceeded and send nothing.',
    exclusive: 'heavy',
    seconds: 45,
    async run(tools) {
      const { env, key } = tools
      const batch = (name: string, count: number): { body: Job }[] =>
        Array.from({ length: count }, (_, n) => ({ body: job(key(name), [], { n }) }))
      await throwsCode('LimitExceeded', () => env.jobs.sendBatch(batch('more', 101)), {
        limit: 'queue.sendBatch',
        actual: 101,
        max: 100,
      })
      await env.jobs.sendBatch(batch('hundred', 100))
      const rows = await delivered(tools, key('hundred'), 100)
      equal(
        new Set(rows.map(({ body }) => (JSON.parse(body ?? '') as Job).n)).size,
        100,
        'different messages',
      )
      equal(await deliveries(env, key('more')), [], 'messages of the refused batch')
    },
  },
  {
    id: 'queue-07',
    contract: 'A batch of 256,000 bytes arrives, one over it is LimitExceeded and sends nothing.',
    seconds: 45,
    async run(tools) {
      const { env, key } = tools
      await throwsCode(
        'LimitExceeded',
        () =>
          env.jobs.sendBatch([127_000, 127_000, 2001].map((size) => ({ body: bytesFor(key('more'), size) }))),
        {
          limit: 'queue.sendBatchBytes',
          actual: 256_001,
          max: 256_000,
        },
      )
      await env.jobs.sendBatch(
        [127_000, 127_000, 2000].map((size) => ({ body: bytesFor(key('fits'), size) })),
      )
      const rows = await delivered(tools, key('fits'), 3)
      equal(
        rows.map(({ size }) => size).toSorted((a, b) => a - b),
        [2000, 127_000, 127_000],
        'sizes',
      )
      equal(await deliveries(env, key('more')), [], 'messages of the refused batch')
    },
  },
  {
    id: 'queue-08',
    contract: 'An empty batch is InvalidArgument; a batch with one message that is refused sends none.',
    seconds: 45,
    async run(tools) {
      const { env, key } = tools
      await throwsCode('InvalidArgument', () => env.jobs.sendBatch([]))
      await throwsCode('LimitExceeded', () =>
        env.jobs.sendBatch([{ body: job(key('bad')) }, { body: bytesFor(key('bad'), 127_001) }]),
      )
      await env.jobs.send(job(key('good')))
      await settled(tools, key('good'), 1, 500)
      equal(await deliveries(env, key('bad')), [], 'messages of the refused batch')
    },
  },
  {
    id: 'queue-09',
    contract:
      'Every message has an id of its own, attempts 1 and the time it was sent; the batch has the name ' +
      'of the binding.',
    seconds: 45,
    async run(tools) {
      const { env, key } = tools
      const before = Date.now()
      await env.jobs.sendBatch(Array.from({ length: 20 }, (_, n) => ({ body: job(key(), [], { n }) })))
      const after = Date.now()
      const rows = await delivered(tools, key(), 20)
      equal(new Set(rows.map(({ message_id }) => message_id)).size, 20, 'ids')
      for (const row of rows) {
        equal([row.queue, row.attempts], ['jobs', 1], 'queue and attempts')
        // The tolerance of ten seconds in the message's send time covers the clock difference of two
        // machines.
        ok(
          row.sent_at > before - 10_000 && row.sent_at < after + 10_000,
          `sent at ${row.sent_at}, between ${before} and ${after}`,
        )
      }
    },
  },
  {
    id: 'queue-10',
    contract: 'A retried message keeps its id and time, and attempts count up.',
    seconds: 45,
    async run(tools) {
      await tools.env.jobs.send(job(tools.key(), ['retry', 'retry', 'ack']))
      const rows = await delivered(tools, tools.key(), 3)
      equal(
        rows.map(({ attempts }) => attempts),
        [1, 2, 3],
        'attempts',
      )
      equal(new Set(rows.map(({ message_id }) => message_id)).size, 1, 'ids')
      equal(new Set(rows.map(({ sent_at }) => sent_at)).size, 1, 'times')
    },
  },
  {
    id: 'queue-11',
    contract: 'What the handler neither acks nor retries is acked when it returns.',
    seconds: 45,
    async run(tools) {
      await tools.env.jobs.send(job(tools.key(), ['leave', 'leave']))
      equal((await settled(tools, tools.key(), 1)).length, 1, 'deliveries')
    },
  },
  {
    id: 'queue-12',
    contract:
      'A throw retries the messages that are not settled; those acked before it are not delivered again.',
    exclusive: 'batches',
    seconds: 45,
    async run(tools) {
      const { env, key } = tools
      await env.batches.sendBatch([
        { body: job(key('acked'), ['ack, throw', 'ack']) },
        { body: job(key('left'), ['leave', 'ack']) },
        { body: job(key('done'), ['ack']) },
      ])
      const [first] = await settled(tools, key('acked'), 1, 2500)
      equal((await deliveries(env, key('acked'))).length, 1, 'deliveries of the acked message')
      equal((await deliveries(env, key('done'))).length, 1, 'deliveries of the other acked message')
      const left = await delivered(tools, key('left'), 1)
      // The platform may deliver the unsettled queue message in the same batch as the acked one or in
      // another.
      equal(
        (await delivered(tools, key('left'), left[0]?.batch === first?.batch ? 2 : 1)).length,
        left[0]?.batch === first?.batch ? 2 : 1,
        'deliveries of the unsettled message',
      )
    },
  },
  {
    id: 'queue-13',
    contract: 'The first of ack and retry wins.',
    seconds: 45,
    async run(tools) {
      const { env, key } = tools
      await env.jobs.sendBatch([
        { body: job(key('acked'), ['ack, retry']) },
        { body: job(key('retried'), ['retry, ack', 'ack']) },
      ])
      await delivered(tools, key('retried'), 2)
      equal((await settled(tools, key('acked'), 1)).length, 1, 'deliveries of ack, retry')
      equal((await deliveries(env, key('retried'))).length, 2, 'deliveries of retry, ack')
    },
  },
  {
    id: 'queue-14',
    contract: 'retryAll retries what is not settled, and leaves what was acked.',
    exclusive: 'batches',
    seconds: 45,
    async run(tools) {
      const { env, key } = tools
      await env.batches.sendBatch([
        { body: job(key('acked'), ['ack, retryAll', 'ack']) },
        { body: job(key('left'), ['retryAll', 'ack']) },
      ])
      equal((await delivered(tools, key('left'), 2)).length, 2, 'deliveries of the unsettled message')
      equal((await settled(tools, key('acked'), 1)).length, 1, 'deliveries of the acked message')
    },
  },
])
