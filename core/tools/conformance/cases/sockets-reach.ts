import { equal, eventually, ok } from '../assert.ts'
import { wireCases, type WireTools } from '../case.ts'
import type { SocketClient } from '../socket-client.ts'
import { call, chat, connect, plain, refused, refusedAtBuild, refusedWith, unless } from './socket-tools.ts'

/**
 * Sends and publishes to the client's WebSocket from a request, which runs in another process than the
 * socket's handlers.
 */
async function reached(tools: WireTools, client: SocketClient, topic: string): Promise<void> {
  const { value: id } = await client.ask('id')
  equal(await call(tools, 'chat', 'send', id, 'sent'), {})
  equal(await client.next(), 'sent')
  equal(await call(tools, 'chat', 'publish', topic, 'published'), {})
  equal(await client.next(), 'published')
  client.close(1000)
}

/**
 * Checks that `send` and `publish` reach a WebSocket from another instance of the app, on a platform that
 * holds the WebSockets itself. A handler occupies one instance, so that requests run in others. A second
 * start would be another platform.
 */
async function acrossInstances(tools: WireTools): Promise<void> {
  const topic = tools.key('topic')
  const client = await connect(tools, chat(tools, { topics: topic }))
  const holder = await connect(tools, `/sockets/other?key=${tools.key('other')}`)
  await holder.ask('ping')
  holder.send(`!${JSON.stringify({ op: 'hold', key: tools.key('gate') })}`)
  await reached(tools, client, topic)
  await tools.note(tools.key('gate'), 'open')
  holder.close(1000)
}

export const reachCases = wireCases('sockets', [
  ...plain([
    {
      id: 'sockets-41',
      contract: 'A request sends to a socket by its id.',
      async run(tools) {
        const client = await connect(tools, chat(tools))
        const { value: id } = await client.ask('id')
        equal(await call(tools, 'chat', 'send', id, 'from a request'), {})
        equal(await client.next(), 'from a request')
        client.close(1000)
      },
    },
    {
      id: 'sockets-42',
      contract: 'A queue sends to a socket by its id, and a cron publishes to a topic.',
      async run(tools) {
        // The cron's scheduled time is unique to this case: a year in the past, and a random minute.
        const time = Date.UTC(2020, 0, 1, 3, 30) + (Date.now() % 1_000_000) * 60_000
        const client = await connect(tools, chat(tools, { topics: `cron ${time}` }))
        const { value: id } = await client.ask('id')
        equal(await call(tools, 'chat', 'later', id, 'from a queue'), {})
        equal(await client.next(), 'from a queue')
        await tools.runCron('greet', time)
        equal(await client.next(), 'from a cron')
        client.close(1000)
      },
    },
    {
      id: 'sockets-43',
      contract: 'An id that no socket has is NotFound, whatever it looks like.',
      async run(tools) {
        for (const id of [
          '',
          'x',
          'a.b',
          '....',
          `${'A'.repeat(12)}.${'B'.repeat(16)}`,
          '\u0000',
          'x'.repeat(5000),
        ])
          equal(await call(tools, 'chat', 'send', id, 'text'), { code: 'NotFound' }, id.slice(0, 20))
      },
    },
    {
      id: 'sockets-44',
      contract: 'publish reaches every socket with the topic, the own one too, and no other.',
      async run(tools) {
        const [topic, another] = [tools.key('topic'), tools.key('another')]
        const first = await connect(tools, chat(tools, { topics: `${topic},${another}` }))
        const second = await connect(tools, chat(tools))
        await second.ask('subscribe', { topic })
        const third = await connect(tools, chat(tools, { topics: another }))
        first.send(`!${JSON.stringify({ op: 'publish', topic, text: 'to all' })}`)
        const own = new Set([await first.next(), await first.next()])
        ok(own.has('!{}') && own.has('to all'), `the first got ${[...own].join(', ')}`)
        equal(await second.next(), 'to all')
        equal(await third.ask('ping'), { value: 'ping' })
        equal(await call(tools, 'chat', 'publish', tools.key('nobody'), 'x'), {}, 'to nobody')
        for (const client of [first, second, third]) client.close(1000)
      },
    },
    {
      id: 'sockets-45',
      contract: 'unsubscribe ends it; one of a topic that the socket does not have is no error.',
      async run(tools) {
        const topic = tools.key('topic')
        const client = await connect(tools, chat(tools, { topics: topic }))
        equal(await client.ask('unsubscribe', { topic: tools.key('none') }), {})
        equal(await client.ask('unsubscribe', { topic }), {})
        equal(await call(tools, 'chat', 'publish', topic, 'x'), {})
        equal(await client.ask('ping'), { value: 'ping' })
        client.close(1000)
      },
    },
  ]),
  {
    id: 'sockets-46',
    contract: 'publish and send reach the sockets of all instances.',
    needs: 'sockets.shared',
    without: unless(async (tools) => {
      // The WebSocket belongs to a second process that shares no store with the first one, so `send` fails
      // with NotFound.
      const own = await tools.startOwn()
      const topic = tools.key('topic')
      const client = await connect(own, chat(tools, { topics: topic }))
      const { value: id } = await client.ask('id')
      equal(await call(tools, 'chat', 'send', id, 'text'), { code: 'NotFound' })
      equal(await call(tools, 'chat', 'publish', topic, 'text'), {})
      equal(await client.ask('ping'), { value: 'ping' })
      client.close(1000)
      await own.stop()
    }),
    startsOwn: true,
    async run(tools) {
      const { origin } = tools.socketUrl(chat(tools))
      if (origin !== new URL(tools.url).origin) return acrossInstances(tools)
      const own = await tools.startOwn()
      const topic = tools.key('topic')
      const client = await connect(own, chat(tools, { topics: topic }))
      await reached(tools, client, topic)
      await own.stop()
    },
  },
  ...plain([
    {
      id: 'sockets-47',
      contract: 'A 17th topic is LimitExceeded, in accept and in subscribe; so is one of 129 bytes.',
      async run(tools) {
        const topics = Array.from({ length: 16 }, (_, index) => `${tools.key()} ${index}`)
        const client = await connect(tools, chat(tools, { topics: topics.join(',') }))
        const refusal = { code: 'LimitExceeded', limit: 'sockets.topics' }
        equal(await client.ask('subscribe', { topic: 'one more' }), refusal)
        equal(await client.ask('subscribe', { topic: topics[3] }), {}, 'one that it has')
        equal(await client.ask('unsubscribe', { topic: topics[3] }), {})
        equal(await client.ask('subscribe', { topic: 'one more' }), {})
        const long = { code: 'LimitExceeded', limit: 'sockets.topic' }
        equal(await client.ask('subscribe', { topic: 'x'.repeat(129) }), long)
        client.close(1000)
        const answer = await refused(tools, chat(tools, { topics: [...topics, 'one more'].join(',') }))
        refusedWith(tools, answer, refusal)
      },
    },
  ]),
  ...plain([
    {
      id: 'sockets-48',
      contract: 'A request closes a socket by its id, with code and reason where these arrive.',
      async run(tools) {
        const client = await connect(tools, chat(tools))
        const { value: id } = await client.ask('id')
        equal(await call(tools, 'chat', 'close', id, 4100, 'by request'), {})
        const end = await client.closed
        if (tools.capabilities['sockets.closeCode']) equal(end, { code: 4100, reason: 'by request' })
      },
    },
  ]),
  {
    id: 'sockets-51',
    contract: 'Two bindings are apart: topics and ids of one are nothing in the other.',
    needs: 'sockets',
    without: refusedAtBuild,
    async run(tools) {
      const topics = tools.key('topic')
      const client = await connect(tools, chat(tools, { topics }))
      const other = await connect(tools, `/sockets/other?key=${tools.key()}&topics=${topics}`)
      const { value: id } = await client.ask('id')
      equal(await call(tools, 'other', 'send', id, 'x'), { code: 'NotFound' })
      equal(await call(tools, 'other', 'publish', topics, 'for the other'), {})
      equal(await other.next(), 'for the other')
      equal(await client.ask('ping'), { value: 'ping' })
      client.close(1000)
      other.close(1000)
      await eventually(async () => ok((await tools.notes(tools.key())).length === 4, 'notes'), 60)
    },
  },
])
