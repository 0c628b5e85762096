/** Cases about WebSockets that Durable Objects accept. Expected results are those of workerd. */
import { ok } from '../../assert.ts'
import { openRawSocket } from '../../raw-socket.ts'
import { equal } from '../cases/tools.ts'
import { type ProjectCase, projectCases, type Site } from './project-case.ts'
import { open, taken, until } from './web-socket-tools.ts'

const WORKER = `
import { DurableObject } from 'cloudflare:workers'
const failure = (work) => {
  try { const value = work(); return value === undefined ? 'fine' : value }
  catch (error) { return error.name + ': ' + error.message }
}
const pair = () => Object.values(new WebSocketPair())
export class Room extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env)
    this.born = crypto.randomUUID()
    this.log = []
  }
  fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    const { ctx } = this
    if (pathname === '/log') return Response.json({ log: this.log, open: ctx.getWebSockets().length })
    if (pathname === '/limits') return Response.json(this.limits())
    if (pathname === '/settings') return Response.json(this.settings())
    const [client, server] = pair()
    if (searchParams.has('auto'))
      ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair('ping', 'pong'))
    ctx.acceptWebSocket(server, ['all', 'name:' + searchParams.get('name')])
    server.serializeAttachment({ name: searchParams.get('name'), at: new Date(0), in: new Map([[1, 2]]) })
    return new Response(null, { status: 101, webSocket: client })
  }
  limits() {
    const { ctx } = this
    const tags = (list) => failure(() => {
      const [, server] = pair()
      ctx.acceptWebSocket(server, list)
      const found = ctx.getTags(server)
      server.close()
      return found
    })
    const ten = Array.from({ length: 10 }, (_, n) => 't' + n)
    const [a, b] = pair()
    const told = {
      tags: [tags(['a', 'a', 1]), tags(ten).length, tags([...ten, 'x']), tags(['x'.repeat(256)])[0].length,
        tags(['x'.repeat(257)]).slice(-49)],
      foreign: failure(() => ctx.getTags(a)),
      wrong: failure(() => ctx.acceptWebSocket({})),
    }
    ctx.acceptWebSocket(b)
    told.again = failure(() => ctx.acceptWebSocket(b))
    told.accept = failure(() => b.accept())
    told.none = b.deserializeAttachment()
    told.largest = failure(() => b.serializeAttachment('x'.repeat(16379)))
    told.larger = failure(() => b.serializeAttachment('x'.repeat(16380)))
    told.function = failure(() => b.serializeAttachment(() => {})).slice(0, 20)
    told.same = ctx.getWebSockets().includes(b)
    b.close()
    return told
  }
  settings() {
    const { ctx } = this
    const auto = (a, b) => failure(() => ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(a, b)))
    const limit = (value) => failure(() => ctx.setHibernatableWebSocketEventTimeout(value))
    return {
      auto: [ctx.getWebSocketAutoResponse(), auto('a', 'b'), ctx.getWebSocketAutoResponse().response,
        auto('x'.repeat(2048), ''), auto('x'.repeat(2049), ''), auto('', 'x'.repeat(2049)),
        failure(() => ctx.setWebSocketAutoResponse({ request: 'a', response: 'b' })),
        failure(() => ctx.setWebSocketAutoResponse()), ctx.getWebSocketAutoResponse()],
      timeout: [ctx.getHibernatableWebSocketEventTimeout(), limit(1000),
        ctx.getHibernatableWebSocketEventTimeout(), limit(604800001), limit(-1), limit()],
    }
  }
  webSocketMessage(ws, message) {
    const { ctx } = this
    if (message === 'throw') throw new Error('thrown')
    if (message === 'close') return ws.close(4009, 'ok')
    if (message === 'who') {
      const { name, at, in: map } = ws.deserializeAttachment()
      const at2 = ctx.getWebSocketAutoResponseTimestamp(ws)
      const answer = { born: this.born, name, time: at.getTime(), map: [...map], tags: ctx.getTags(ws),
        auto: at2 === null ? null : at2 instanceof Date }
      return ws.send(JSON.stringify(answer))
    }
    if (typeof message === 'string' && message.startsWith('to ')) {
      const [, name, text] = message.split(' ')
      for (const socket of ctx.getWebSockets('name:' + name)) socket.send(text)
      return
    }
    ws.send(message)
  }
  webSocketClose(ws, code, reason, wasClean) {
    this.log.push(['close', code, reason, wasClean, this.ctx.getWebSockets().includes(ws)])
    if (reason === 'reply') ws.close(4011, 'mine')
    else ws.close()
  }
  webSocketError(ws, error) {
    const told = error instanceof Error ? error.name + ': ' + error.message : 'no Error'
    const { ctx } = this
    const calls = [failure(() => ws.send('x')), failure(() => ws.close(1011))]
    this.log.push(['error', told, ctx.getTags(ws), ...calls])
  }
}
export default {
  async fetch(request, env) {
    const room = new URL(request.url).searchParams.get('room') ?? 'room'
    const response = await env.ROOM.getByName(room).fetch(request)
    return response.webSocket ? response : new Response(response.body, response)
  },
}
`

const fixture = {
  wrangler: {
    name: 'web-socket-objects-fixture',
    main: 'src/index.js',
    compatibility_date: '2026-07-01',
    durable_objects: { bindings: [{ name: 'ROOM', class_name: 'Room' }] },
    migrations: [{ tag: 'v1', new_sqlite_classes: ['Room'] }],
  },
  files: { 'src/index.js': WORKER },
}

const PROTOCOL_ERROR =
  'Error: WebSocket protocol error; protocolError.statusCode = 1002; protocolError.description = '

interface Log {
  log: unknown[][]
  open: number
}

const logOf = (site: Site, room: string): Promise<Log> =>
  until<Log>(site, `/log?room=${room}`, ({ log, open: left }) => log.length > 0 && left === 0, 'no close')

/**
 * Milliseconds that a WebSocket case waits without an event until a Durable Object is evicted from memory,
 * which happens after ten seconds.
 */
const SLEEP = 12_000
const NAPS = 5

export const WEB_SOCKET_OBJECTS: ProjectCase[] = projectCases(
  fixture,
  [
    [
      '530',
      'an object accepts a socket with tags and an attachment, and the Worker hands it on',
      taken(async (site) => {
        const client = await open(site, '/?room=530&name=ann')
        client.send('who')
        const { born, ...rest } = JSON.parse((await client.next()) as string) as Record<string, unknown>
        ok(typeof born === 'string', 'it has an object')
        equal(rest, { name: 'ann', time: 0, map: [[1, 2]], tags: ['all', 'name:ann'], auto: null })
        client.send(Uint8Array.of(1, 2))
        equal([...((await client.next()) as Uint8Array)], [1, 2])
        client.close(1000)
        await client.closed
      }),
    ],
    [
      '531',
      'getWebSockets finds the sockets of a tag',
      taken(async (site) => {
        const [ann, bob] = [await open(site, '/?room=531&name=ann'), await open(site, '/?room=531&name=bob')]
        ann.send('to bob hello')
        equal(await bob.next(), 'hello')
        ann.send('own')
        equal([await ann.next(), ann.waiting(), bob.waiting()], ['own', [], []])
        for (const client of [ann, bob]) {
          client.close(1000)
          await client.closed
        }
      }),
    ],
    [
      '532',
      'a close of the client is told with code and reason, and answered by the handler',
      taken(async (site) => {
        const client = await open(site, '/?room=532&name=x')
        client.close(4004, 'reply')
        equal(await client.closed, { code: 4011, reason: 'mine' })
        equal(await logOf(site, '532'), { log: [['close', 4004, 'reply', true, true]], open: 0 })
      }),
    ],
    [
      '533',
      'a connection that is cut is told as 1006, not clean',
      taken(async (site) => {
        const client = await open(site, '/?room=533&name=x')
        client.cut()
        equal(await logOf(site, '533'), {
          log: [['close', 1006, 'WebSocket disconnected without sending Close frame.', false, true]],
          open: 0,
        })
      }),
    ],
    [
      '534',
      'a close of the object reaches the client, and the handler afterwards',
      taken(async (site) => {
        const client = await open(site, '/?room=534&name=x')
        client.send('close')
        equal(await client.closed, { code: 4009, reason: 'ok' })
        equal((await logOf(site, '534')).log, [['close', 4009, 'ok', true, true]])
      }),
    ],
    [
      '535',
      'a handler that throws keeps the socket',
      taken(async (site) => {
        const client = await open(site, '/?room=535&name=x')
        client.send('throw')
        client.send('on')
        equal(await client.next(), 'on')
        client.close(1000)
        await client.closed
      }),
    ],
    [
      '536',
      'a hundred messages are handled in their order',
      taken(async (site) => {
        const client = await open(site, '/?room=536&name=x')
        const sent = Array.from({ length: 100 }, (_, n) => `n${n}`)
        for (const text of sent) client.send(text)
        const heard: unknown[] = []
        while (heard.length < sent.length) heard.push(await client.next())
        equal(heard, sent)
        client.close(1000)
        await client.closed
      }),
    ],
    [
      '537',
      'tags and attachments have the limits and errors of workerd',
      taken(async (site) =>
        equal(JSON.parse(await site.text('/limits?room=537')), {
          tags: [
            ['a', '1'],
            10,
            'Error: a Hibernatable WebSocket cannot have more than 10 tags',
            256,
            'is longer than the max tag length (256 characters).'.slice(-49),
          ],
          foreign:
            "Error: you must call 'acceptWebSocket()' before attempting to access the tags of a WebSocket.",
          wrong:
            "TypeError: Failed to execute 'acceptWebSocket' on 'DurableObjectState': parameter 1 is not of " +
            "type 'WebSocket'.",
          again:
            'Error: Cannot call `acceptWebSocket()` if the WebSocket was already accepted via `accept()`',
          accept: "TypeError: Can't accept() WebSocket after enabling hibernation.",
          none: null,
          largest: 'fine',
          larger:
            "Error: A WebSocket 'attachment' cannot be larger than 16384 bytes.'attachment' was 16385 bytes.",
          function: 'DataCloneError: () =',
          same: true,
        }),
      ),
    ],
    [
      '538',
      'the auto-response and the time-out of events are kept, within their limits',
      taken(async (site) => {
        const over = (what: string, key: string): string =>
          `RangeError: ${what} cannot be larger than 2048 bytes. A ${key} of size 2049 was provided.`
        equal(JSON.parse(await site.text('/settings?room=538')), {
          auto: [
            null,
            'fine',
            'b',
            'fine',
            over('Request', 'request'),
            over('Response', 'response'),
            "TypeError: Failed to execute 'setWebSocketAutoResponse' on 'DurableObjectState': parameter 1 " +
              "is not of type 'WebSocketRequestResponsePair'.",
            'fine',
            null,
          ],
          timeout: [
            null,
            'fine',
            1000,
            'Error: Event timeout should not exceed 604800000 ms.',
            'TypeError: The value cannot be converted because it is negative and this API expects a ' +
              'positive number.',
            'fine',
          ],
        })
      }),
    ],
    [
      '539',
      'an idle object leaves memory and its sockets stay: a message makes it anew',
      taken(async (site) => {
        const client = await open(site, '/?room=539&name=ann&auto')
        const who = async (): Promise<Record<string, unknown>> => {
          client.send('who')
          return JSON.parse((await client.next()) as string) as Record<string, unknown>
        }
        const before = await who()
        let after = before
        for (let nap = 0; nap < NAPS && after['born'] === before['born']; nap++) {
          await new Promise((resolve) => setTimeout(resolve, SLEEP))
          client.send('ping')
          equal(await client.next(), 'pong')
          after = await who()
        }
        ok(after['born'] !== before['born'], 'the constructor ran again')
        equal({ ...after, born: before['born'] }, { ...before, auto: true })
        client.close(1000)
        await client.closed
      }),
    ],
    [
      '540',
      'a client that breaks the protocol is closed with 1002, and webSocketError alone is told',
      taken(async (site) => {
        // Workerd closes these with a code; it drops clients of unmasked frames or invalid UTF-8.
        for (const [index, frame] of [{ reserved: 4 }, { opcode: 3 }, { opcode: 0 }].entries()) {
          const room = `540-${index}`
          const client = await openRawSocket(site.url, `/?room=${room}&name=x`)
          equal(await client.handshake(), 101)
          client.send(frame)
          equal(await client.closeCode(), 1002)
          client.finish()
          const { log } = await logOf(site, room)
          const [[kind, text, ...rest] = []] = log
          equal([log.length, kind, ...rest], [1, 'error', ['all', 'name:x'], 'fine', 'fine'])
          ok(String(text).startsWith(PROTOCOL_ERROR), String(text))
          client.destroy()
        }
      }),
    ],
  ],
  'sockets',
)
