import { equal, ok } from '../assert.ts'
import { wireCases, type WireTools } from '../case.ts'
import type { RawFrame } from '../raw-socket.ts'
import { call, chat, connect, noted, optionRefused, plain, refusedAtBuild, unless } from './socket-tools.ts'

const LARGEST = 32_768

/** WebSocket frames that RFC 6455 forbids clients to send. */
const BROKEN_FRAMES: readonly RawFrame[] = [
  { masked: false },
  { reserved: 4 },
  { opcode: 3 },
  { opcode: 11 },
  { opcode: 9, payload: 'x'.repeat(126) },
  { opcode: 0 },
]

async function answersItself(tools: WireTools): Promise<void> {
  const client = await connect(tools, chat(tools))
  client.send('are you there?')
  // The socket's automatic response answers the message; a handler would echo it.
  equal(await client.next(), 'I am')
  client.send('are you there? ')
  equal(await client.next(), 'are you there? ')
  client.close(1000)
}

export const messageCases = wireCases('sockets', [
  ...plain([
    {
      id: 'sockets-01',
      contract: 'A message of text reaches the handler, and what it sends reaches the client.',
      async run(tools) {
        const client = await connect(tools, chat(tools))
        client.send('hello')
        equal(await client.next(), 'hello')
        client.close(1000)
      },
    },
    {
      id: 'sockets-02',
      contract: 'An empty message is a message.',
      async run(tools) {
        const client = await connect(tools, chat(tools))
        client.send('')
        equal(await client.next(), '')
        client.close(1000)
      },
    },
    {
      id: 'sockets-03',
      contract: 'Text is intact both ways: characters of four bytes, NUL, line ends, a byte order mark.',
      async run(tools) {
        const text = '\uFEFFa\u0000b\r\n\u{1F600} \u00e9 \u2028'
        const client = await connect(tools, chat(tools))
        client.send(text)
        equal(await client.next(), text)
        client.close(1000)
      },
    },
    {
      id: 'sockets-04',
      contract: 'A message of 32,768 bytes passes both ways, counted in UTF-8.',
      async run(tools) {
        const client = await connect(tools, chat(tools))
        for (const text of ['x'.repeat(LARGEST), '\u00e9'.repeat(LARGEST / 2)]) {
          client.send(text)
          ok((await client.next()) === text, 'the message differs')
        }
        client.close(1000)
      },
    },
    {
      id: 'sockets-05',
      contract: 'send of 32,769 bytes throws LimitExceeded, and the socket stays.',
      async run(tools) {
        const client = await connect(tools, chat(tools))
        const refusal = { code: 'LimitExceeded', limit: 'sockets.message' }
        equal(await client.ask('send text', { size: LARGEST + 1 }), refusal)
        equal(await client.ask('ping'), { value: 'ping' })
        client.close(1000)
      },
    },
    {
      id: 'sockets-06',
      contract: 'A client that sends 32,769 bytes is closed with 1009, and no handler sees the message.',
      async run(tools) {
        const client = await connect(tools, chat(tools))
        client.send('x'.repeat(LARGEST + 1))
        equal((await client.closed).code, 1009, 'code')
        equal(client.waiting(), [], 'messages')
      },
    },
  ]),
  {
    id: 'sockets-07',
    contract:
      'Bytes are sent where the binding declares `binary`; without it a send of bytes is Unsupported.',
    needs: 'sockets.binary',
    without: optionRefused('binary', 'sockets.binary'),
    async run(tools) {
      const client = await connect(tools, `/sockets/bytes?key=${tools.key()}`)
      client.send(`!${JSON.stringify({ op: 'send bytes' })}`)
      equal(await client.next(), new Uint8Array([0, 1, 254, 255]))
      client.close(1000)
      const text = await connect(tools, chat(tools))
      equal(await text.ask('send bytes'), { code: 'Unsupported', capability: 'sockets.binary' })
      text.close(1000)
    },
  },
  {
    id: 'sockets-08',
    contract: 'A client that sends bytes is closed with 1003, unless the binding declares `binary`.',
    needs: 'sockets.binary',
    without: unless(async (tools) => {
      const client = await connect(tools, chat(tools))
      client.send(new Uint8Array([1, 2]))
      equal((await client.closed).code, 1003, 'code')
    }),
    async run(tools) {
      const client = await connect(tools, `/sockets/bytes?key=${tools.key()}`)
      client.send(new Uint8Array([0, 255]))
      equal(await client.next(), new Uint8Array([0, 255]))
      client.send(new Uint8Array())
      equal(await client.next(), new Uint8Array())
      client.close(1000)
      const text = await connect(tools, chat(tools))
      text.send(new Uint8Array([1, 2]))
      equal((await text.closed).code, 1003, 'code')
    },
  },
  {
    id: 'sockets-09',
    contract: 'A message that is no UTF-8 closes the socket with 1007.',
    needs: 'sockets.strictFrames',
    without: unless(async (tools) => {
      const client = await tools.rawSocket(chat(tools))
      equal(await client.handshake(), 101)
      client.send({ payload: new Uint8Array([0xc3, 0x28]) })
      const frame = await client.next()
      // On a WebSocket message of invalid UTF-8, the fixture app echoes the text that its handler received,
      // or the target closes the socket.
      ok(frame?.opcode === 8 || frame?.payload.toString() === '\uFFFD(', `it got ${String(frame?.payload)}`)
      client.destroy()
    }),
    async run(tools) {
      const client = await tools.rawSocket(chat(tools))
      equal(await client.handshake(), 101)
      client.send({ payload: new Uint8Array([0xc3, 0x28]) })
      equal(await client.closeCode(), 1007)
      client.destroy()
    },
  },
  {
    id: 'sockets-10',
    contract: 'A frame that is not masked, or has a reserved bit or opcode, closes the socket with 1002.',
    needs: 'sockets.strictFrames',
    without: unless(async (tools) => {
      const other = await connect(tools, `/sockets/other?key=${tools.key('other')}`)
      for (const frame of BROKEN_FRAMES) {
        const client = await tools.rawSocket(chat(tools))
        equal(await client.handshake(), 101)
        client.send({ payload: 'x', ...frame })
        client.destroy()
      }
      // Broken WebSocket frames of some clients do not affect another client.
      equal(await other.ask('ping'), { value: 'ping' })
      other.close(1000)
    }),
    async run(tools) {
      for (const frame of BROKEN_FRAMES) {
        const client = await tools.rawSocket(chat(tools))
        equal(await client.handshake(), 101)
        client.send({ payload: 'x', ...frame })
        equal(await client.closeCode(), 1002, JSON.stringify(frame).slice(0, 40))
        client.destroy()
      }
    },
  },
  ...plain([
    {
      id: 'sockets-11',
      contract: 'The fragments of a message are one message.',
      async run(tools) {
        const client = await tools.rawSocket(chat(tools))
        equal(await client.handshake(), 101)
        // The fragments of the WebSocket message split a UTF-8 character in two.
        const [first, second] = [new Uint8Array([0x61, 0xc3]), new Uint8Array([0xa9])]
        client.send({ payload: first, fin: false })
        client.send({ opcode: 0, payload: second, fin: false }, { opcode: 0, payload: '' })
        equal((await client.next())?.payload.toString(), 'a\u00e9')
        client.destroy()
      },
    },
    {
      id: 'sockets-12',
      contract: 'A ping between fragments is answered at once with its payload, and the message is whole.',
      async run(tools) {
        const client = await tools.rawSocket(chat(tools))
        equal(await client.handshake(), 101)
        client.send({ payload: 'a', fin: false }, { opcode: 9, payload: 'ping' })
        const pong = await client.next()
        equal([pong?.opcode, pong?.payload.toString()], [10, 'ping'])
        client.send({ opcode: 0, payload: 'b' })
        equal((await client.next())?.payload.toString(), 'ab')
        client.destroy()
      },
    },
    {
      id: 'sockets-13',
      contract: 'A thousand messages that are sent at once arrive once each.',
      async run(tools) {
        const client = await connect(tools, chat(tools))
        const sent = Array.from({ length: 1000 }, (_, index) => `message ${index}`)
        for (const text of sent) client.send(text)
        const received = new Set<unknown>()
        for (let count = 0; count < sent.length; count++) received.add(await client.next())
        // A duplicate of an earlier WebSocket message would arrive before the echo of the message `last`.
        client.send('last')
        equal(await client.next(), 'last')
        equal([received.size, sent.filter((text) => !received.has(text))], [sent.length, []])
        client.close(1000)
      },
    },
  ]),
  {
    id: 'sockets-14',
    contract: 'Handlers of one socket start in the order of its messages, whatever they await.',
    needs: 'sockets.ordered',
    without: unless(async (tools) => {
      const client = await connect(tools, chat(tools))
      const sent = Array.from({ length: 50 }, (_, index) => `message ${index}`)
      for (const text of sent) client.send(text)
      const received: unknown[] = []
      while (received.length < sent.length) received.push(await client.next())
      equal([received.length, new Set(received)], [sent.length, new Set(sent)])
      client.close(1000)
    }),
    async run(tools) {
      const client = await connect(tools, chat(tools))
      const numbers = Array.from({ length: 50 }, (_, index) => index)
      for (const count of numbers) client.send(`!${JSON.stringify({ op: 'start', count })}`)
      for (let answered = 0; answered < numbers.length; answered++) await client.next()
      equal(await client.ask('started'), { value: numbers })
      client.close(1000)
    },
  },
  {
    id: 'sockets-15',
    contract: 'Messages of one handler reach the client in the order of its calls.',
    needs: 'sockets',
    without: refusedAtBuild,
    async run(tools) {
      const client = await connect(tools, chat(tools))
      client.send(`!${JSON.stringify({ op: 'many', count: 200 })}`)
      for (let index = 0; index < 200; index++) equal(await client.next(), `${index}`)
      client.close(1000)
    },
  },
  {
    id: 'sockets-53',
    contract:
      'A message of 1 MiB passes both ways where the binding declares `largeMessages`, and no larger one.',
    needs: 'sockets.largeMessages',
    without: optionRefused('largeMessages', 'sockets.largeMessages'),
    async run(tools) {
      const path = `/sockets/large?key=${tools.key()}`
      const client = await connect(tools, path)
      const text = 'x'.repeat(1024 * 1024)
      client.send(text)
      ok((await client.next()) === text, 'the message differs')
      const refusal = { code: 'LimitExceeded', limit: 'sockets.largeMessage' }
      equal(await client.ask('send text', { size: text.length + 1 }), refusal)
      client.send(`${text}x`)
      equal((await client.closed).code, 1009, 'code')
    },
  },
  {
    id: 'sockets-54',
    contract:
      'A message of `autoResponse` is answered, and no handler is called; others are not taken for it.',
    needs: 'sockets.autoResponse',
    without: unless((tools) => answersItself(tools)),
    run: (tools) => answersItself(tools),
  },
  {
    id: 'sockets-49',
    contract: 'A client that does not read is closed with 1013; others go on meanwhile.',
    needs: 'sockets.backpressure',
    without: unless(async (tools) => {
      const slow = await tools.rawSocket(chat(tools, { open: 'hello' }))
      equal(await slow.handshake(), 101)
      equal((await slow.next())?.payload.toString(), 'hello chat')
      slow.send({ payload: `!${JSON.stringify({ op: 'id' })}` })
      const answer = (await slow.next())?.payload.toString() ?? ''
      const { value: id } = JSON.parse(answer.slice(1)) as { value: string }
      slow.pause()
      // The WebSocket messages are 2 MiB in total: twice the buffer at which other targets close the socket.
      const count = 64
      equal(await call(tools, 'chat', 'flood', id, count), { value: 'all sent' })
      const other = await connect(tools, `/sockets/other?key=${tools.key('other')}`)
      equal(await other.ask('ping'), { value: 'ping' })
      other.close(1000)
      slow.resume()
      for (let received = 0; received < count; received++)
        equal((await slow.next())?.payload.length, LARGEST, `message ${received}`)
      slow.destroy()
    }),
    async run(tools) {
      const slow = await tools.rawSocket(chat(tools, { open: 'hello' }))
      equal(await slow.handshake(), 101)
      equal((await slow.next())?.payload.toString(), 'hello chat')
      slow.send({ payload: `!${JSON.stringify({ op: 'id' })}` })
      const answer = (await slow.next())?.payload.toString() ?? ''
      const { value: id } = JSON.parse(answer.slice(1)) as { value: string }
      slow.pause()
      const other = await connect(tools, `/sockets/other?key=${tools.key('other')}`)
      // The WebSocket messages are up to 256 MiB in total, more than the kernel's socket buffers hold.
      equal((await call(tools, 'chat', 'flood', id, 8192))['code'], 'NotFound')
      other.send('still here')
      equal(await other.next(), 'still here')
      other.close(1000)
      slow.resume()
      await slow.closeCode()
      slow.destroy()
      await noted(tools, ['open', 'close 1013 the client reads too slowly clean']).catch(() =>
        noted(tools, ['open', 'close 1013 the client reads too slowly cut']),
      )
    },
  },
])
