import { setTimeout as sleep } from 'node:timers/promises'
import { openRawSocket, type RawFrame, type RawSocket } from '../../../core/tools/conformance/raw-socket.ts'
import {
  connectSocket,
  type RefusedSocket,
  SocketClient,
} from '../../../core/tools/conformance/socket-client.ts'
import { attack as sendMalformed } from '../../targets/malformed-frames.ts'
import { type Attack, type AttackClass, boundedBy, harmful, held, type Outcome } from '../attack.ts'
import { byCode, judgeAnswer, mustBe, named } from '../judge.ts'
import type { World } from '../world.ts'

const VICTIM = 'sockets-victim'
const RAW = 'sockets-raw'
/** Limits of an attacker's sockets. */
const OPEN = 12
const MESSAGES = 300
/** More frames than the limit of a second and one read of the network hold. */
const FLOOD = 24_000
/** Pings that may be unanswered. */
const PINGS = 40
/** Looks for a limit in the metrics, 50 ms apart. */
const LOOKS = 400

const hostOf = (app: string): Record<string, string> => ({ Host: `${app}.localhost` })

function dial(world: World, app: string, path = '/chat'): Promise<SocketClient | RefusedSocket> {
  return connectSocket(world.lab.host.url, path, { headers: hostOf(app) })
}

async function open(world: World, app: string, path = '/chat'): Promise<SocketClient> {
  const made = await dial(world, app, path)
  if (made instanceof SocketClient) return made
  throw new Error(`${app}${path} was answered ${made.status}: ${made.body}`)
}

async function openRaw(world: World, app: string): Promise<RawSocket> {
  const socket = await openRawSocket(world.lab.host.url, '/chat', hostOf(app))
  const status = await socket.handshake()
  if (status !== 101) throw new Error(`the handshake was answered ${status}`)
  return socket
}

/** What a socket of the victim hears, besides what it sends itself; `id` is its id. */
async function withVictim(
  world: World,
  act: (id: string, victim: SocketClient) => Promise<Outcome>,
): Promise<Outcome> {
  const victim = await open(world, VICTIM)
  victim.send('id')
  const outcome = await act(String(await victim.next()), victim)
  victim.send('still here')
  const heard = await victim.next().catch((error: Error) => error.message)
  if (heard !== 'still here') return harmful(`a socket of another app heard ${JSON.stringify(heard)}`)
  victim.close(1000)
  return outcome
}

/** The limit is in the metrics of the app, or will be. */
async function met(world: World, app: string, limit: string): Promise<Outcome> {
  for (let look = 0; look < LOOKS; look++) {
    if (((await world.hits()).get(`${app} ${limit}`) ?? 0) > 0) break
    await sleep(50)
  }
  return boundedBy(app, limit)
}

/** Code of an app with the id of another app's socket; it must find nothing. */
const FOREIGN: Readonly<Record<string, (id: string) => string>> = {
  'a message to it': (id) => `await env.chat.send('${id}', 'stolen')`,
  'a message to it by another binding': (id) => `await env.locked.send('${id}', 'stolen')`,
  'a close of it': (id) => `await env.chat.close('${id}', 4000, 'stolen')`,
  'messages to ids beside it': (id) => `await Promise.all(Array.from({ length: 200 }, (_, n) => env.chat.send('${id}'.slice(0, -2) + n, 'stolen').catch((error) => { if (error.code !== 'NotFound' && error.code !== 'Throttled') throw error }))); throw Object.assign(new Error(), { code: 'NotFound' })`,
  'a message to its process alone': (id) => `await env.chat.send('${id}'.split('.')[0] + '.', 'stolen')`,
} // prettier-ignore

/** Answers of an app by which it wants a socket that it has not accepted. */
const FORGED: Readonly<Record<string, string>> = {
  'by the header of accept': '/chat?forge=AAAAAAAAAAAAAAAA',
  'by the header of accept, empty': '/chat?forge=',
  'by fields of the connection': '/chat?upgrade',
  'by an accept that was not returned': '/chat?keep',
  'by the accept of another request': '/chat?kept',
  'on a path without sockets': '/elsewhere?upgrade',
}

/** Heads of requests that are no upgrade that may pass, after which the connection ends. */
const HEADS: Readonly<Record<string, readonly string[]>> = {
  'of an old version': ['GET /chat HTTP/1.1', 'Upgrade: websocket', 'Connection: Upgrade, close', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 8'],
  'without a key': ['GET /chat HTTP/1.1', 'Upgrade: websocket', 'Connection: Upgrade, close', 'Sec-WebSocket-Version: 13'],
  'with a key that is too short': ['GET /chat HTTP/1.1', 'Upgrade: websocket', 'Connection: Upgrade, close', 'Sec-WebSocket-Key: c2hvcnQ=', 'Sec-WebSocket-Version: 13'],
  'with two keys': ['GET /chat HTTP/1.1', 'Upgrade: websocket', 'Connection: Upgrade, close', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', 'Sec-WebSocket-Version: 13'],
  'by POST': ['POST /chat HTTP/1.1', 'Upgrade: websocket', 'Connection: Upgrade, close', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13', 'Content-Length: 0'],
  'of HTTP/1.0': ['GET /chat HTTP/1.0', 'Upgrade: websocket', 'Connection: Upgrade, close', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13'],
  'with a length': ['GET /chat HTTP/1.1', 'Upgrade: websocket', 'Connection: Upgrade, close', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13', 'Content-Length: 40'],
  'with chunks': ['GET /chat HTTP/1.1', 'Upgrade: websocket', 'Connection: Upgrade, close', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13', 'Transfer-Encoding: chunked'],
  'to h2c': ['GET /chat HTTP/1.1', 'Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings, close', 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA'],
  'from another origin': ['GET /chat HTTP/1.1', 'Upgrade: websocket', 'Connection: Upgrade, close', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13', 'Origin: https://evil.example'],
} // prettier-ignore

/** Frames without end, and how often each is sent. */
const FLOODS: Readonly<Record<string, RawFrame>> = {
  'messages of nothing': { payload: '' },
  'pongs that nobody asked for': { opcode: 10, payload: '' },
}

/** Messages that the code in an isolate makes up about WebSockets, and calls. */
const MADE_UP: Readonly<Record<string, string>> = {
  'about sockets that there are not': `for (const id of [0, 1, -1, NaN, 2 ** 60, '1', '__proto__', {}, null]) for (const type of ['message', 'close', 'cut', 'took', 'pause', 'constructor', {}, 5]) raw.post([['webSocket', id, type, 'x', 'y']], 1)`,
  'answers with a socket to plain requests': `for (let id = 0; id < 300; id++) raw.post([['response', id, 101, '', '', { socket: id }]], 1)`,
  'answers with a socket that is none': `for (const socket of [NaN, -1, 2 ** 60, '1', {}, null, '__proto__']) for (let id = 0; id < 40; id++) raw.post([['response', id, 101, '', 'a\\nb', { socket }]], 1)`,
  'much to a socket that is not open': `for (let count = 0; count < 30; count++) raw.post([['webSocket', 1, 'message', 'x'.repeat(1e6), 0]], 1e6)`,
  'handshakes by the thousand': `for (let id = 0; id < 3000; id++) raw.post([['call', 1e6 + id, 'webSocketConnect', [id, { url: 'http://127.0.0.1:1/', headers: [], protocols: [] }]]], 1)`,
  'handshakes of one id': `for (let id = 0; id < 50; id++) raw.post([['call', 1e6 + id, 'webSocketConnect', [7, { url: 'http://192.0.2.1/', headers: [], protocols: [] }]]], 1)`,
  'handshakes that are none': `for (const data of [null, 5, 'x', {}, { url: {} }, { url: 'x' }, { url: 'ftp://a/' }, { url: 'http://a/', headers: ['a', 'b\\r\\nc: d'] }, { url: 'http://a/', headers: 5, protocols: [{}] }]) raw.post([['call', 3e6, 'webSocketConnect', [1, data]]], 1)`,
} // prettier-ignore

/** Ways to the admin port, which listens on loopback. */
const INSIDE: Readonly<Record<string, (port: string) => string>> = {
  'by its address': (port) => `http://127.0.0.1:${port}/v1/apps`,
  'by its address in one number': (port) => `http://2130706433:${port}/v1/apps`,
  'by its address of IPv6': (port) => `http://[::ffff:127.0.0.1]:${port}/v1/apps`,
  'by the loopback of IPv6': (port) => `http://[::1]:${port}/v1/apps`,
  'by a name': (port) => `http://localhost:${port}/v1/apps`,
  'of a machine in a cloud': () => 'http://169.254.169.254/latest/meta-data/',
}

async function countOpen(dials: readonly Promise<SocketClient | RefusedSocket>[]): Promise<number> {
  return (await Promise.all(dials)).filter((made) => made instanceof SocketClient).length
}

const CLIENTS: readonly Attack[] = [
  {
    name: 'more sockets than openSockets',
    async run(world, app) {
      const count = await countOpen(Array.from({ length: OPEN * 4 }, () => dial(world, app)))
      return count > OPEN ? harmful(`${count} sockets are open`) : met(world, app, 'openSockets')
    },
  },
  {
    name: 'upgrades that wait, and are all accepted at once',
    async run(world, app) {
      await open(world, app)
      const dials = Array.from({ length: OPEN * 3 }, () => dial(world, app, '/chat?wait'))
      const waiting = `return globalThis.waiting ?? 0`
      for (let look = 0; look < LOOKS && Number(await world.value(app, waiting)) < dials.length; look++)
        await sleep(50)
      await world.value(app, `globalThis.gate.resolve(); return 1`)
      const count = 1 + (await countOpen(dials))
      return count > OPEN ? harmful(`${count} sockets are open`) : met(world, app, 'openSockets')
    },
  },
  {
    name: 'upgrades that nobody ends',
    async run(world, app) {
      await world.send(app)
      const sockets = await Promise.all(
        Array.from({ length: 60 }, () =>
          openRawSocket(world.lab.host.url, '/chat?wait', { ...hostOf(app), 'X-Long': 'x'.repeat(4000) }),
        ),
      )
      const answers = [await world.send(app), await world.send(VICTIM)]
      for (const socket of sockets) socket.destroy()
      return mustBe(answers[1]?.status === 200, `the victim was answered ${answers[1]?.status}`)
    },
  },
  ...named('a flood of', FLOODS, (name, frame): Attack => ({
    name,
    run: (world, app) =>
      withVictim(world, async () => {
        const socket = await openRaw(world, app)
        socket.send(...Array.from({ length: FLOOD }, () => frame))
        const outcome = await met(world, app, 'socketMessages')
        socket.destroy()
        return outcome
      }),
  })),
  {
    name: 'pings without end, whose answers are read',
    run: (world, app) =>
      withVictim(world, async () => {
        const socket = await openRaw(world, app)
        // The connection of a client that has many more unanswered is cut.
        const pings = Array.from({ length: PINGS }, () => ({ opcode: 9, payload: '' }))
        for (let sent = 0; sent < MESSAGES * 3; sent += PINGS) {
          socket.send(...pings)
          for (let count = 0; count < PINGS; count++)
            if ((await socket.next())?.opcode !== 10) return harmful('a ping was not answered')
        }
        socket.destroy()
        return met(world, app, 'socketMessages')
      }),
  },
  {
    name: 'pings whose answers nobody reads',
    run: (world, app) =>
      withVictim(world, async () => {
        const socket = await openRaw(world, app)
        socket.pause()
        const pings = Array.from({ length: FLOOD }, () => ({ opcode: 9, payload: 'x'.repeat(125) }))
        socket.send(...pings)
        socket.resume()
        let answered = 0
        while ((await socket.next())?.opcode === 10) answered++
        return mustBe(answered < pings.length, 'every answer was held for the client')
      }),
  },
  {
    name: 'a message of fragments without end',
    run: (world, app) =>
      withVictim(world, async () => {
        const socket = await openRaw(world, app)
        socket.send({ fin: false, payload: 'x' })
        socket.send(...Array.from({ length: 20_000 }, () => ({ opcode: 0, fin: false, payload: '' })))
        const code = await socket.closeCode()
        socket.destroy()
        return mustBe(code === 1008 || code === 1009, `it was closed with ${code}`)
      }),
  },
  {
    name: 'a message that is larger than the limit, piece by piece',
    run: (world, app) =>
      withVictim(world, async () => {
        const socket = await openRaw(world, app)
        socket.send({ fin: false, payload: 'x'.repeat(30_000) })
        for (let time = 0; time < 20; time++)
          socket.send({ opcode: 0, fin: false, payload: 'x'.repeat(30_000) })
        const code = await socket.closeCode()
        socket.destroy()
        return mustBe(code === 1009, `it was closed with ${code}`)
      }),
  },
  {
    name: 'requests in the place of frames',
    run: (world, app) =>
      withVictim(world, async () => {
        const socket = await openRaw(world, app)
        socket.write(Buffer.from(`GET /second HTTP/1.1\r\nHost: ${VICTIM}.localhost\r\n\r\n`.repeat(3)))
        const code = await socket.closeCode()
        socket.destroy()
        return mustBe(code === 1002, `it was closed with ${code}`)
      }),
  },
  {
    name: 'sequences of broken frames',
    async run(world, app) {
      const { wrong } = await sendMalformed({
        url: world.lab.host.url,
        path: '/chat',
        headers: hostOf(app),
        maxMessage: 32_768,
        count: 200,
        atOnce: OPEN - 2,
      })
      return mustBe(wrong.length === 0, wrong.slice(0, 3).join('; '))
    },
  },
  {
    name: 'a client that does not read what its app sends',
    run: (world, app) =>
      withVictim(world, async () => {
        const socket = await openRaw(world, app)
        socket.pause()
        const text = `'x'.repeat(30_000)`
        const code = `for (let n = 0; n < 4000; n++) await env.chat.publish('all', ${text}).catch(() => new Promise((done) => setTimeout(done, 20))); return 1`
        void world.code(app, code).catch(() => {})
        const outcome = await met(world, app, 'socketBufferBytes')
        socket.destroy()
        return outcome
      }),
  },
]

/** Sockets of apps, those of their visitors, and what each sends. */
export const sockets: AttackClass = {
  name: 'sockets',
  promise:
    'A socket, its id, topics and tickets are one app’s; no header makes one, no frame of one reaches another.',
  tenant: {
    build: 'sockets',
    limits: { openSockets: OPEN, socketMessages: MESSAGES, socketBufferBytes: 512 * 1024, cpuMs: 5000 },
  },
  perApp: 1,
  parallel: 4,
  others: {
    [VICTIM]: { build: 'sockets', limits: { cpuMs: 60_000, openSockets: 1000, socketMessages: 100_000 } },
    [RAW]: { build: 'raw-worker', limits: { cpuMs: 5000, wallTimeout: 20 } },
  },
  attacks: [
    ...named('the id of another app’s socket', FOREIGN, (name, code): Attack => ({
      name,
      run: (world, app) =>
        withVictim(world, async (id) => {
          const { status, text } = await world.code(app, `${code(id)}; return 'done'`)
          return mustBe(
            status === 299 && text.includes('"NotFound"'),
            `it was answered ${status} ${text.slice(0, 200)}`,
          )
        }),
    })),
    {
      name: 'a topic of another app',
      run: (world, app) =>
        withVictim(world, async () => {
          const answer = await world.code(app, `await env.chat.publish('all', 'stolen'); return 1`)
          return judgeAnswer(app, answer)
        }),
    },
    ...[true, false].map((isOwn): Attack => ({
      name: isOwn ? 'a ticket that was used' : 'a ticket of another app',
      async run(world, app) {
        const owner = isOwn ? app : VICTIM
        const code = `return String(await env.locked.url(request, { ticket: 'secret' }))`
        const { pathname, search } = new URL(String(await world.value(owner, code)))
        if (isOwn) (await open(world, owner, pathname + search)).close(1000)
        const made = await dial(world, app, pathname + search)
        if (!(made instanceof SocketClient)) return held
        return mustBe((await made.closed).code === 1011, 'the ticket let a connection in')
      },
    })),
    ...named('a socket', FORGED, (name, path): Attack => ({
      name,
      async run(world, app) {
        if (path.endsWith('kept')) await dial(world, app, '/chat?keep')
        const made = await dial(world, app, path)
        return mustBe(!(made instanceof SocketClient), 'there is a socket')
      },
    })),
    ...named('an upgrade', HEADS, (name, lines): Attack => ({
      name,
      async run(world, app) {
        await world.send(app)
        const head = [lines[0], `Host: ${app}.localhost`, ...lines.slice(1)].join('\r\n')
        const second = `GET /second HTTP/1.1\r\nHost: ${VICTIM}.localhost\r\nConnection: close\r\n\r\n`
        const answer = await world.exchange(`${head}\r\n\r\n${second}`)
        const isSocket = answer.startsWith('HTTP/1.1 101')
        return mustBe(!isSocket && !answer.includes('/second'), `it was answered ${answer.slice(0, 300)}`)
      },
    })),
    ...CLIENTS,
    ...named('made up', MADE_UP, (name, code) => ({
      ...byCode(name, ''),
      async run(world) {
        const answer = await world.code(RAW, `${code}; await null; return 'sent'`)
        return judgeAnswer(RAW, answer)
      },
    })),
    ...named('a WebSocket to the inside', INSIDE, (name, url): Attack => ({
      name,
      async run(world) {
        const { port } = new URL(world.lab.host.adminUrl as string)
        const data = JSON.stringify({ url: url(port), headers: [], protocols: [] })
        const code = `return ask('webSocketConnect', 5e5 + Math.floor(Math.random() * 1e5), ${data}).then((answer) => JSON.stringify(answer), (error) => 'refused: ' + error.message)`
        const told = String(await world.value(RAW, code))
        return mustBe(/^refused: .*may not reach/.test(told), `it was answered ${told.slice(0, 200)}`)
      },
    })),
  ],
  hole: {
    is: 'a WebSocket of a Worker goes to every address',
    file: 'adapters/isolate/services/outbound/handshake.js',
    from: '        policy.check(hostname, hostname, port);',
    to: '        void 0;',
    also: [
      "                    policy.check(hostname, socket.remoteAddress ?? '', port);",
      '                    void 0;',
    ],
    attacks: ['a WebSocket to the inside: by its address'],
    why: /it was answered/,
  },
  moreHoles: [
    {
      is: 'pings are not counted',
      file: 'adapters/node-server/runtime/web-sockets/group.js',
      from: '            this.#options.quota?.pinged(socket);',
      to: '            void 0;',
      attacks: ['pings without end, whose answers are read'],
      why: /not in the metrics/,
    },
    {
      is: 'sockets are counted as their upgrade begins, and not as they open',
      file: 'adapters/node-server/runtime/web-sockets/upgrade.js',
      from: ' || !accepted.opener.mayOpen()',
      to: '',
      attacks: ['upgrades that wait, and are all accepted at once'],
      why: /sockets are open/,
    },
  ],
}
