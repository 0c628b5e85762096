import { equal, eventually, ok } from '../assert.ts'
import { wireCases, type WireTools } from '../case.ts'
import type { SocketClient } from '../socket-client.ts'
import {
  call,
  chat,
  connect,
  noted,
  plain,
  refused,
  refusedAtBuild,
  refusedWith,
  unless,
} from './socket-tools.ts'

/** Waits until the fixture app has noted exactly these socket events, followed by a close with any code. */
async function ended(tools: WireTools, before: readonly string[]): Promise<void> {
  await eventually(async () => {
    const notes = await tools.notes(tools.key())
    equal(notes.slice(0, -1), before, 'notes')
    ok(/^close \d/.test(notes.at(-1) ?? ''), 'no close')
  }, 60)
}

/** Waits until a WebSocket whose handler threw is closed. */
async function failed(tools: WireTools, client: SocketClient, before: readonly string[]): Promise<void> {
  const { code } = await client.closed
  if (!tools.capabilities['sockets.closeCode']) return ended(tools, before)
  equal(code, 1011)
  await noted(tools, [...before, 'close 1011 the server failed clean'])
}

export const lifeCases = wireCases('sockets', [
  ...plain([
    {
      id: 'sockets-26',
      contract: 'Where open throws, `error` gets it and the socket is closed, with 1011 where codes arrive.',
      async run(tools) {
        const client = await connect(tools, chat(tools, { open: 'throw' }))
        await failed(tools, client, ['error open failed'])
      },
    },
    {
      id: 'sockets-27',
      contract:
        'Where message throws, `error` gets it, the socket closes (1011 where codes arrive), others go on.',
      async run(tools) {
        const other = await connect(tools, `/sockets/other?key=${tools.key('other')}`)
        const client = await connect(tools, chat(tools))
        await eventually(async () => equal(await tools.notes(tools.key()), ['open']), 60)
        client.send('!{"op":"throw"}')
        await failed(tools, client, ['open', 'error message failed'])
        equal(await other.ask('ping'), { value: 'ping' })
        other.close(1000)
      },
    },
  ]),
  {
    id: 'sockets-28',
    contract: 'close gets the code and the reason of a client that closes.',
    needs: 'sockets.closeCode',
    without: unless(async (tools) => {
      const client = await connect(tools, chat(tools))
      await noted(tools, ['open'])
      client.close(4567)
      await ended(tools, ['open'])
    }),
    async run(tools) {
      const client = await connect(tools, chat(tools))
      await noted(tools, ['open'])
      client.close(4567, 'r\u00e9ason')
      equal((await client.closed).code, 4567)
      await noted(tools, ['open', 'close 4567 r\u00e9ason clean'])
    },
  },
  ...plain([
    {
      id: 'sockets-29',
      contract: 'close gets 1005 for a client that closes without a code.',
      async run(tools) {
        const client = await connect(tools, chat(tools))
        await noted(tools, ['open'])
        client.close()
        await noted(tools, ['open', 'close 1005  clean'])
      },
    },
    {
      id: 'sockets-30',
      contract: 'A connection that is cut is a close of 1006, not clean.',
      async run(tools) {
        const client = await tools.rawSocket(chat(tools))
        equal(await client.handshake(), 101)
        await noted(tools, ['open'])
        client.cut()
        await noted(tools, ['open', 'close 1006  cut'])
      },
    },
    {
      id: 'sockets-31',
      contract: 'close is called once, also where both sides close at the same time.',
      async run(tools) {
        const client = await connect(tools, chat(tools))
        await noted(tools, ['open'])
        client.send('!{"op":"close","code":4001}')
        client.send('!{"op":"close","code":4002}')
        client.close(4003)
        await client.closed
        await eventually(async () => {
          const closes = (await tools.notes(tools.key())).filter((text) => text.startsWith('close'))
          equal(closes.length, 1, 'closes')
        }, 60)
        // If the socket's `close` handler ran a second time, its event would have been noted by the end of
        // this request.
        await tools.fetch('/')
        equal((await tools.notes(tools.key())).filter((text) => text.startsWith('close')).length, 1)
      },
    },
  ]),
  {
    id: 'sockets-32',
    contract: 'A client sees the code and the reason that the server closes with, and so does close.',
    needs: 'sockets.closeCode',
    without: unless(async (tools) => {
      const client = await connect(tools, chat(tools))
      await noted(tools, ['open'])
      client.send('!{"op":"close","code":4001,"reason":"enough"}')
      await client.closed
      await ended(tools, ['open'])
    }),
    async run(tools) {
      const client = await connect(tools, chat(tools))
      await noted(tools, ['open'])
      client.send('!{"op":"close","code":4001,"reason":"enough"}')
      equal(await client.closed, { code: 4001, reason: 'enough' })
      await noted(tools, ['open', 'close 4001 enough clean'])
    },
  },
  ...plain([
    {
      id: 'sockets-33',
      contract: "Codes that are not the app's are InvalidArgument: all but 1000 and 3000 to 4999.",
      async run(tools) {
        const client = await connect(tools, chat(tools))
        for (const code of [0, 999, 1001, 1005, 1006, 1011, 1015, 2999, 5000, 3000.5])
          equal(await client.ask('close', { code }), { code: 'InvalidArgument' }, `${code}`)
        client.close(1000)
      },
    },
    {
      id: 'sockets-34',
      contract: 'A reason of 124 bytes is LimitExceeded, counted in UTF-8.',
      async run(tools) {
        const client = await connect(tools, chat(tools))
        const refusal = { code: 'LimitExceeded', limit: 'sockets.reason' }
        for (const reason of ['x'.repeat(124), '\u00e9'.repeat(62)])
          equal(await client.ask('close', { code: 4000, reason }), refusal)
        client.send(JSON.stringify('still here'))
        equal(await client.next(), '"still here"')
        client.close(1000)
      },
    },
    {
      id: 'sockets-35',
      contract: 'send, close and setData of a socket that has closed are NotFound.',
      async run(tools) {
        const client = await connect(tools, chat(tools))
        const { value: id } = await client.ask('id')
        client.close(1000)
        await client.closed
        await eventually(async () => equal((await tools.notes(tools.key())).length, 2), 60)
        equal(await call(tools, 'chat', 'send', id, 'x'), { code: 'NotFound' })
        equal(await call(tools, 'chat', 'close', id), { code: 'NotFound' })
      },
    },
    {
      id: 'sockets-37',
      contract: 'socket.data is what accept was given.',
      async run(tools) {
        const client = await connect(tools, chat(tools, { open: 'd\u00e9j\u00e0 "vu"' }))
        equal(await client.ask('data'), { value: { key: tools.key(), open: 'd\u00e9j\u00e0 "vu"' } })
        client.close(1000)
      },
    },
    {
      id: 'sockets-38',
      contract: 'setData replaces the data: the same handler sees it, and the next one.',
      async run(tools) {
        const client = await connect(tools, chat(tools))
        const data = { key: tools.key(), value: [1, null, 'x'] }
        equal(await client.ask('setData', { value: data.value }), { value: data })
        equal(await client.ask('data'), { value: data })
        client.close(1000)
      },
    },
    {
      id: 'sockets-39',
      contract: 'Data of 2,048 bytes of JSON passes; a byte more is LimitExceeded, in accept and in setData.',
      async run(tools) {
        const client = await connect(tools, chat(tools, { size: '2048' }))
        const { value: data } = await client.ask('data')
        equal(JSON.stringify(data).length, 2048, 'bytes')
        const refusal = { code: 'LimitExceeded', limit: 'sockets.data' }
        equal(await client.ask('setData', { value: 'x'.repeat(2048) }), refusal)
        equal(await client.ask('data'), { value: data })
        client.close(1000)
        refusedWith(tools, await refused(tools, chat(tools, { size: '2049' })), refusal)
      },
    },
    {
      id: 'sockets-40',
      contract: 'Data and topics last as long as the socket, over any number of other events.',
      async run(tools) {
        const client = await connect(tools, chat(tools))
        await client.ask('setData', { value: 'kept' })
        await client.ask('subscribe', { topic: tools.key('topic') })
        for (let count = 0; count < 5; count++) {
          const other = await connect(tools, chat(tools))
          await other.ask('setData', { value: count })
          other.close(1000)
          await other.closed
        }
        equal(await client.ask('data'), { value: { key: tools.key(), value: 'kept' } })
        equal(await call(tools, 'chat', 'publish', tools.key('topic'), 'still subscribed'), {})
        equal(await client.next(), 'still subscribed')
        client.close(1000)
      },
    },
  ]),
  {
    id: 'sockets-50',
    contract: 'A stop lets handlers finish, closes sockets with 1012 and runs close.',
    needs: 'sockets.orderlyStop',
    without: unless(async (tools) => {
      const own = await tools.startOwn()
      const client = await connect(own, chat(tools))
      await client.ask('ping')
      await own.stop()
      equal((await client.closed).code, 1006)
    }),
    startsOwn: true,
    async run(tools) {
      const own = await tools.startOwn()
      const key = tools.key()
      const client = await connect(own, chat(tools, { open: 'log the end' }))
      await client.ask('ping')
      const stopped = own.stop()
      equal((await client.closed).code, 1012)
      await stopped
      ok(
        own.output().some((line) => line.includes(`${key} closed with 1012`)),
        `close did not run: ${own.output().join(' | ')}`,
      )
    },
  },
  {
    id: 'sockets-52',
    contract: 'waitUntil work of a message goes on when the socket has closed.',
    needs: 'sockets',
    without: refusedAtBuild,
    async run(tools) {
      const client = await connect(tools, chat(tools))
      await noted(tools, ['open'])
      await client.ask('after', { key: tools.key('gate') })
      client.close(1000)
      await client.closed
      await tools.note(tools.key('gate'), 'open')
      await eventually(async () => ok((await tools.notes(tools.key())).includes('after'), 'no note'), 60)
    },
  },
])
