/** Cases about WebSockets of a Worker without Durable Objects. Expected results are those of workerd. */
import { ok } from '../../assert.ts'
import { openRawSocket } from '../../raw-socket.ts'
import { connectSocket } from '../../socket-client.ts'
import { equal } from '../cases/tools.ts'
import { type ProjectCase, projectCases, type Site } from './project-case.ts'
import { open, taken, until } from './web-socket-tools.ts'
import { WORKER } from './web-sockets-worker.ts'

const fixture = (name: string, date: string): Parameters<typeof projectCases>[0] => ({
  wrangler: {
    name,
    main: 'src/index.js',
    compatibility_date: date,
    services: [{ binding: 'INNER', service: name, entrypoint: 'Inner' }],
  },
  files: { 'src/index.js': WORKER },
})

const probe = async (site: Site, name: string): Promise<unknown> =>
  JSON.parse(await site.text(`/probe/${name}?to=${encodeURIComponent(site.url)}`))

/**
 * Returns the events noted by the Worker's listeners of one WebSocket, once an event of type `last` is there.
 */
const noted = (site: Site, id: string, last: string): Promise<unknown[][]> =>
  until<unknown[][]>(site, `/log?id=${id}`, (log) => log.some(([type]) => type === last), `no ${last}`)

const asks = (name: string, expected: unknown): ProjectCase['check'] =>
  taken(async (site) => equal(await probe(site, name), expected))

const NOT_ACCEPTED =
  'TypeError: You must call one of accept() or state.acceptWebSocket() on this WebSocket before sending ' +
  'messages.'
const CUT = 'WebSocket disconnected without sending Close frame.'
const invalid = (code: number): string => `InvalidAccessError: Invalid WebSocket close code: ${code}.`

export const WEB_SOCKETS: ProjectCase[] = [
  ...projectCases(
    fixture('web-sockets-fixture', '2026-07-01'),
    [
      [
        '500',
        'a client of ws gets text and bytes back, empty text too',
        taken(async (site) => {
          const client = await open(site, '/ws?id=500')
          client.send('héllo\u0000')
          client.send('')
          client.send(Uint8Array.of(1, 2))
          equal([await client.next(), await client.next()], ['héllo\u0000', ''])
          equal([...((await client.next()) as Uint8Array)], [1, 2])
          client.close()
          await client.closed
        }),
      ],
      [
        '501',
        'the 101 has the headers of the response, and its protocol',
        taken(async (site) => {
          const client = await open(site, '/ws?id=501&protocol=chat', { protocols: ['chat', 'other'] })
          equal(
            [client.protocol, client.headers['set-cookie'], client.headers['x-own']],
            ['chat', ['a=b'], 'yes'],
          )
          client.close()
          await client.closed
        }),
      ],
      [
        '502',
        'a close of the client reaches the listener, and is answered before',
        taken(async (site) => {
          const client = await open(site, '/ws?id=502&reply')
          client.close(4004, 'bye')
          equal(await client.closed, { code: 4004, reason: 'bye' })
          equal((await noted(site, '502', 'close'))[0], ['close', 4004, 'bye', true, 3])
        }),
      ],
      [
        '503',
        'a close of the Worker reaches the client, and its answer the listener',
        taken(async (site) => {
          const client = await open(site, '/ws?id=503')
          client.send('!close')
          equal(await client.closed, { code: 4009, reason: 'ok' })
          equal((await noted(site, '503', 'close')).at(-1), ['close', 4009, 'ok', true, 3])
        }),
      ],
      [
        '504',
        'a connection that is cut is a close of 1006 that is not clean',
        taken(async (site) => {
          const client = await open(site, '/ws?id=504')
          client.cut()
          const [close] = await noted(site, '504', 'close')
          equal(close?.slice(0, 4), ['close', 1006, CUT, false])
        }),
      ],
      [
        '505',
        'a listener that throws ends the connection with 1006, and is told by error',
        taken(async (site) => {
          const client = await open(site, '/ws?id=505')
          client.send('!throw')
          equal((await client.closed).code, 1006)
          equal(await noted(site, '505', 'error'), [
            ['message', '!throw'],
            ['error', 'Uncaught Error: thrown'],
          ])
        }),
      ],
      [
        '541',
        'a client that breaks the protocol is an error event, and no close event follows',
        taken(async (site) => {
          const client = await openRawSocket(site.url, '/ws?id=541')
          equal(await client.handshake(), 101)
          client.send({ opcode: 3 })
          equal(await client.closeCode(), 1002)
          client.finish()
          equal(await client.next(), undefined)
          const log = await noted(site, '541', 'error')
          ok(
            /^Uncaught Error: WebSocket protocol error; .* = 1002; /.test(String(log[0]?.[1])),
            JSON.stringify(log),
          )
          equal(log.length, 1)
          client.destroy()
        }),
      ],
      [
        '542',
        'a client that breaks the protocol after the close of the Worker is told by its own code',
        taken(async (site) => {
          const client = await openRawSocket(site.url, '/ws?id=542')
          equal(await client.handshake(), 101)
          client.send({ payload: '!close' })
          equal(await client.closeCode(), 4009)
          client.send({ opcode: 3 })
          client.finish()
          const log = await noted(site, '542', 'error')
          equal([log.length, log[0]], [2, ['message', '!close']])
          ok(/ = 1002; /.test(String(log[1]?.[1])), JSON.stringify(log))
          client.destroy()
        }),
      ],
      [
        '543',
        'what is sent before the socket is handed over arrives first, in its order',
        taken(async (site) => {
          const client = await open(site, '/ws?id=543&greet=3')
          client.send('own')
          const heard = [await client.next(), await client.next(), await client.next(), await client.next()]
          equal(heard, ['greeting 0', 'greeting 1', 'greeting 2', 'own'])
          client.close()
          await client.closed
        }),
      ],
      [
        '544',
        'a close that comes with the socket reaches the client after what was sent',
        taken(async (site) => {
          const client = await open(site, '/ws?id=544&greet=1&leave')
          equal(await client.next(), 'greeting 0')
          equal(await client.closed, { code: 4010, reason: 'full' })
        }),
      ],
      [
        '545',
        'accept with allowHalfOpen leaves the answer to a close to the Worker, at any date',
        taken(async (site) => {
          const client = await open(site, '/ws?id=545&reply&half')
          client.close(4004, 'bye')
          equal(await client.closed, { code: 4010, reason: 'mine' })
          equal((await noted(site, '545', 'close'))[0], ['close', 4004, 'bye', true, 2])
        }),
      ],
      [
        '506',
        'accept comes first; names, states and constants are as on Workers',
        asks('shape', {
          send: NOT_ACCEPTED,
          close: NOT_ACCEPTED,
          states: [1, 1, '', '', null, 'blob'],
          constants: [0, 0, 1, 1, 2, 2, 3, 3],
          keys: ['0', '1'],
          iterable: true,
          isTarget: true,
          tag: '[object WebSocket]',
          again: 'fine',
        }),
      ],
      [
        '507',
        'close takes the codes and reasons that workerd takes',
        asks('codes', {
          none: [1005, 0],
          c1000: [1000, 0],
          c1001: [1001, 0],
          c2999: [2999, 0],
          c4999: [4999, 0],
          c999: invalid(999),
          c1004: invalid(1004),
          c1005: invalid(1005),
          c1006: invalid(1006),
          c1015: invalid(1015),
          c5000: invalid(5000),
          text: invalid(0),
          reasonOnly:
            'InvalidAccessError: If you specify a WebSocket close reason, you must also specify a code.',
          r123: [1000, 123],
          r124: 'SyntaxError: WebSocket close reason must not be longer than 123 bytes when UTF-8 encoded.',
        }),
      ],
      [
        '508',
        'a Response takes a socket with 101 alone, keeps it in a copy, and has no clone',
        asks('response', {
          made: [101, true, false, null],
          copy: [101, true, 'b'],
          plain: null,
          none: null,
          status: 'RangeError: Responses with a WebSocket must have status code 101.',
          body: 'TypeError: Response with null body status (101, 204, 205, or 304) cannot have a body.',
          type:
            "TypeError: Incorrect type for the 'webSocket' field on 'InitializerDict': the provided value " +
            "is not of type 'WebSocket'.",
          clone: 'TypeError: Cannot clone a response to a WebSocket handshake.',
        }),
      ],
      [
        '509',
        'the two sockets of a pair talk, to handlers and listeners in their order',
        asks('talk', [
          ['property', 'one'],
          ['listener', 'one'],
          ['object', 'one'],
          ['once', 'one'],
          ['property', 'Blob'],
          ['listener', 'Blob'],
          ['object', 'Blob'],
          ['property', 'ArrayBuffer'],
          ['listener', 'ArrayBuffer'],
          ['object', 'ArrayBuffer'],
          ['close', 4001, 'bye', true, 3],
        ]),
      ],
      [
        '510',
        'after a close nothing is sent, and what comes before the other’s close is heard',
        asks('ending', [
          2,
          "TypeError: Can't call WebSocket send() after close().",
          'late',
          [4001, 'bye', true],
          3,
          "TypeError: Can't call WebSocket send() after close().",
          'fine',
        ]),
      ],
      [
        '511',
        'a socket in the answer to a plain GET is an error, and the Worker goes on',
        taken(async (site) => {
          const response = await site.fetch('/ws?id=511')
          await response.body?.cancel()
          equal(response.status, 500)
          equal(await site.text('/'), 'here')
        }),
      ],
      [
        '512',
        'an upgrade that the Worker does not take is answered as any request',
        taken(async (site) => {
          const answer = await connectSocket(site.url, '/')
          ok('status' in answer, 'no socket was made')
          equal([answer.status, answer.body], [200, 'here'])
        }),
      ],
      [
        '513',
        'fetch with Upgrade opens a socket, or has the answer that refused it',
        asks('fetch', [
          [101, 1, 'yes', ''],
          'hi',
          [4009, 'ok', true],
          [200, null, 'here'],
          'Network connection lost.',
        ]),
      ],
      [
        '514',
        'new WebSocket opens, talks and closes; what fails is an error and a close of 1006',
        asks('client', [
          [0, ''],
          NOT_ACCEPTED,
          "TypeError: Websockets obtained from the 'new WebSocket()' constructor cannot call accept",
          ['open', 1, 'chat'],
          'hi',
          [4009, 'ok', true],
          [
            'Uncaught TypeError: Failed to establish the WebSocket connection: expected server to reply ' +
              'with HTTP status code 101 (switching protocols), but received 200 instead.',
            1006,
            'Failed to establish websocket connection',
            3,
          ],
          'SyntaxError: WebSocket Constructor: The url is invalid.',
          'SyntaxError: WebSocket Constructor: The url scheme must be ws or wss.',
          'SyntaxError: WebSocket Constructor: The protocol header token is invalid.',
        ]),
      ],
      [
        '515',
        'a service binding hands its socket on to the client',
        taken(async (site) => {
          const client = await open(site, '/inner?id=515')
          client.send('hi')
          equal(await client.next(), 'inner: hi')
          client.close(1000)
          equal((await client.closed).code, 1000)
        }),
      ],
      [
        '516',
        'an answer of fetch with Upgrade goes on to the client',
        taken(async (site) => {
          const client = await open(site, `/proxy?id=516&to=${encodeURIComponent(site.url)}`)
          client.send('through')
          equal(await client.next(), 'through')
          client.send(Uint8Array.of(7))
          equal([...((await client.next()) as Uint8Array)], [7])
          client.send('!close')
          equal(await client.closed, { code: 4009, reason: 'ok' })
        }),
      ],
    ],
    'sockets',
  ),
  ...projectCases(
    fixture('web-sockets-old-fixture', '2026-02-01'),
    [
      [
        '517',
        'at an older date a close waits for the Worker’s own, bytes are buffers, reasons have no bound',
        taken(async (site) => {
          const client = await open(site, '/ws?id=517&reply')
          client.send(Uint8Array.of(1))
          equal([...((await client.next()) as Uint8Array)], [1])
          client.close(4004, 'bye')
          equal(await client.closed, { code: 4010, reason: 'mine' })
          // workerd may add a further event when the WebSocket's connection is lost, so only the first two
          // are compared.
          equal((await noted(site, '517', 'close')).slice(0, 2), [
            ['message', 'ArrayBuffer'],
            ['close', 4004, 'bye', true, 2],
          ])
          const { r124 } = (await probe(site, 'codes')) as Record<string, unknown>
          equal(r124, [1000, 124])
        }),
      ],
    ],
    'sockets',
  ),
]
