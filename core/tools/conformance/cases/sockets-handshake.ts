import { equal, ok } from '../assert.ts'
import { wireCases } from '../case.ts'
import { chat, connect, noted, plain, refused, refusedAtBuild, refusedWith, unless } from './socket-tools.ts'

export const handshakeCases = wireCases('sockets', [
  ...plain([
    {
      id: 'sockets-16',
      contract:
        'accept of a request that asks for no WebSocket is a 426: a plain GET, and one that asks for h2c.',
      async run(tools) {
        equal((await tools.fetch(chat(tools))).status, 426, 'a plain GET')
        const h2c = await tools.raw({
          path: chat(tools),
          headers: [
            ['Connection', 'Upgrade, HTTP2-Settings'],
            ['Upgrade', 'h2c'],
            ['HTTP2-Settings', 'AAMAAABkAAQAAP__'],
          ],
        })
        equal(h2c.status, 426, 'h2c')
      },
    },
    {
      id: 'sockets-17',
      contract: 'What accept gives makes no socket where it is not returned, and another answer is sent.',
      async run(tools) {
        const answer = await refused(tools, chat(tools, { drop: '' }))
        if (tools.capabilities['sockets.answers']) equal([answer.status, answer.body], [202, 'not accepted'])
        else equal(answer.status, 403)
        equal(await tools.notes(tools.key()), [], 'notes')
      },
    },
    {
      id: 'sockets-19',
      contract: 'The subprotocol that accept names is the one of the socket.',
      async run(tools) {
        const client = await connect(tools, chat(tools, { protocol: 'v2' }), { protocols: ['v1', 'v2'] })
        equal(client.protocol, 'v2')
        client.close(1000)
      },
    },
    {
      id: 'sockets-20',
      contract: 'A subprotocol that the client did not offer is InvalidArgument.',
      async run(tools) {
        const none = await refused(tools, chat(tools, { protocol: 'v3' }))
        refusedWith(tools, none, { code: 'InvalidArgument' })
        const other = await refused(tools, chat(tools, { protocol: 'v3' }), { protocols: ['v1', 'v31'] })
        refusedWith(tools, other, { code: 'InvalidArgument' })
      },
    },
    {
      id: 'sockets-21',
      contract: 'Without a subprotocol the answer names none, also where the client offers some.',
      async run(tools) {
        const client = await tools.rawSocket(chat(tools), { 'Sec-WebSocket-Protocol': 'v1, v2' })
        equal(await client.handshake(), 101)
        ok(!/sec-websocket-protocol/i.test(client.head), `the answer is ${client.head}`)
        client.destroy()
      },
    },
    {
      id: 'sockets-22',
      contract:
        'fetch sees query and cookies of an upgrade; its headers are on the answer where answers arrive.',
      async run(tools) {
        const path = chat(tools, { seen: '', cookie: '' })
        const client = await connect(tools, path, { headers: { cookie: 'session=1; b=2' } })
        if (tools.capabilities['sockets.answers']) {
          equal(client.headers['set-cookie'], ['one=1; Path=/', 'two=2'])
          equal(client.headers['x-app'], 'here')
        }
        ok(!('content-length' in client.headers), 'the answer has a length')
        client.send('!{"op":"id"}')
        await client.next()
        await noted(tools, [`GET ${new URL(path, tools.url).search} session=1; b=2`, 'open'])
        client.close(1000)
      },
    },
    {
      id: 'sockets-23',
      contract: 'An upgrade from a page of a foreign origin is a 403, and fetch does not see it.',
      async run(tools) {
        const { host } = tools.socketUrl(chat(tools))
        const foreign = [
          'https://evil.example',
          `https://evil.example/${host}`,
          `https://${host}.evil.example`,
        ]
        for (const origin of [...foreign, 'null', 'https://friend.example.evil.example']) {
          const answer = await refused(tools, chat(tools, { seen: '' }), { headers: { origin } })
          equal(answer.status, 403, origin)
        }
        equal(await tools.notes(tools.key()), [], 'notes')
      },
    },
    {
      id: 'sockets-24',
      contract: 'A client without an origin passes, a page of the own host, and one of a named origin.',
      async run(tools) {
        const { host } = tools.socketUrl(chat(tools))
        for (const origin of [undefined, `http://${host}`, `https://${host}`, 'https://friend.example']) {
          const headers: Record<string, string> = origin === undefined ? {} : { origin }
          const client = await connect(tools, chat(tools), { headers })
          client.close(1000)
        }
      },
    },
    {
      id: 'sockets-55',
      contract:
        'A handshake of another version is a 426 (or 400), one without a key or with a false one a 400.',
      async run(tools) {
        for (const version of ['8', '12', '']) {
          const client = await tools.rawSocket(chat(tools), { 'Sec-WebSocket-Version': version })
          ok([400, 426].includes(await client.handshake()), `version "${version}"`)
          client.destroy()
        }
        for (const key of ['', 'short', `${'A'.repeat(21)}===`]) {
          const client = await tools.rawSocket(chat(tools), { 'Sec-WebSocket-Key': key })
          equal(await client.handshake(), 400, `key "${key}"`)
          client.destroy()
        }
      },
    },
    {
      id: 'sockets-56',
      contract: "A second accept of one request, and one of another binding's path, are InvalidArgument.",
      async run(tools) {
        const twice = await refused(tools, chat(tools, { twice: '' }))
        refusedWith(tools, twice, { code: 'InvalidArgument' })
        const path = await refused(tools, `/sockets/other?key=${tools.key()}&by=chat`)
        refusedWith(tools, path, { code: 'InvalidArgument' })
      },
    },
    {
      id: 'sockets-57',
      contract: 'The answer of accept makes a socket also as a copy, as frameworks make to add headers.',
      async run(tools) {
        const client = await connect(tools, chat(tools, { copy: '', cookie: '' }))
        if (tools.capabilities['sockets.answers']) equal(client.headers['x-app'], 'here')
        equal(await client.ask('ping'), { value: 'ping' })
        client.close(1000)
      },
    },
  ]),
  {
    id: 'sockets-18',
    contract: 'Any other answer to an upgrade reaches the client as it is, with its body.',
    needs: 'sockets.answers',
    without: unless(async (tools) => {
      equal((await refused(tools, chat(tools, { refuse: '' }))).status, 401)
    }),
    async run(tools) {
      const answer = await refused(tools, chat(tools, { refuse: '' }))
      equal([answer.status, answer.body], [401, 'who are you?'])
    },
  },
  {
    id: 'sockets-25',
    contract: 'open starts before the first message, so what it sends comes first.',
    needs: 'sockets.ordered',
    without: unless(async (tools) => {
      const client = await connect(tools, chat(tools, { open: 'hello' }))
      client.send('at once')
      const both = new Set([await client.next(), await client.next()])
      ok(both.has('hello chat') && both.has('at once'), `it got ${[...both].join(', ')}`)
      client.close(1000)
    }),
    async run(tools) {
      const client = await connect(tools, chat(tools, { open: 'hello' }))
      client.send('at once')
      equal(await client.next(), 'hello chat')
      equal(await client.next(), 'at once')
      client.close(1000)
    },
  },
  {
    id: 'sockets-36',
    contract: 'Ids of sockets are unique, and of letters, digits and -_. only.',
    needs: 'sockets',
    without: refusedAtBuild,
    async run(tools) {
      const clients = await Promise.all(Array.from({ length: 20 }, () => connect(tools, chat(tools))))
      const ids = await Promise.all(clients.map(async (client) => (await client.ask('id'))['value']))
      equal(new Set(ids).size, 20, 'ids')
      for (const id of ids) ok(typeof id === 'string' && /^[\w.-]{1,200}$/.test(id), `the id ${String(id)}`)
      for (const client of clients) client.close(1000)
    },
  },
])
