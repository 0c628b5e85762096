import { describe, expect, it } from 'vitest'
import { defineApp } from '../../core/app.ts'
import { defineBindings, kv, type SocketsDeclaration } from '../../core/bindings/declarations.ts'
import { addTopic } from '../../core/bindings/socket-checks.ts'
import type { SocketMessage, SocketTransport } from '../../core/bindings/socket-transport.ts'
import { createSocket, Sockets } from '../../core/bindings/sockets.ts'
import { sockets } from '../../core/bindings/sockets-declaration.ts'
import { createManifest } from '../../core/manifest.ts'

const INVALID = { code: 'InvalidArgument' }

/** A binding over a transport that writes down what reaches it. */
function binding(declaration: SocketsDeclaration<unknown, SocketMessage> = sockets({ path: '/chat' })) {
  const reached: unknown[][] = []
  const note =
    (method: string) =>
    async (...args: unknown[]): Promise<void> =>
      void reached.push([method, ...args])
  const transport: SocketTransport = {
    accept: async (_request, accepted) => {
      reached.push(['accept', accepted])
      return new Response(null)
    },
    send: note('send'),
    publish: note('publish'),
    close: note('close'),
    setData: note('setData'),
    subscribe: note('subscribe'),
    unsubscribe: note('unsubscribe'),
    saveTicket: note('saveTicket'),
    ticketOf: () => '{"user":"ann"}',
  }
  const all = new Sockets(transport, { binding: 'chat', declaration })
  return { all, reached, socket: createSocket(all, { id: 'a.b', data: '{"n":1}' }) }
}

function upgrade(path = '/chat', headers: Record<string, string> = {}): Request {
  return new Request(`https://example.com${path}`, { headers: { upgrade: 'WebSocket', ...headers } })
}

describe('a declaration', () => {
  it('is plain data, and keeps what it was given', () => {
    const declared = sockets<{ user: string }>({
      path: '/chat/%C3%A9',
      origins: ['https://Example.com', 'http://localhost:3000/'],
      autoResponse: ['ping', 'pong'],
      tickets: true,
    })
    expect(declared).toEqual({
      kind: 'sockets',
      path: '/chat/%C3%A9',
      origins: ['https://example.com', 'http://localhost:3000'],
      autoResponse: ['ping', 'pong'],
      tickets: true,
    })
    const manifest = createManifest('a', defineApp({ bindings: defineBindings({ chat: declared }) }))
    expect(JSON.parse(JSON.stringify(manifest))).toEqual(manifest)
  })

  it.each([
    [{}, /path/],
    [{ path: 'chat' }, /slash first/],
    [{ path: '/chat?x=1' }, /without query/],
    [{ path: '/rooms/*' }, /patterns/],
    [{ path: '/a/../b' }, /dot segments/],
    [{ path: '/\u00e9' }, /percent-encoded/],
    [{ path: '//host/chat' }, /path/],
    [{ path: '/.unmoor/chat' }, /unmoor's own/],
    [{ path: '/chat', origins: 'https://a.example' }, /array/],
    [{ path: '/chat', origins: ['*'] }, /no origin/],
    [{ path: '/chat', origins: ['https://a.example/path'] }, /no origin/],
    [{ path: '/chat', origins: ['a.example'] }, /no origin/],
    [{ path: '/chat', autoResponse: ['ping'] }, /two texts/],
    [{ path: '/chat', autoResponse: ['', 'pong'] }, /1 to 2048/],
    [{ path: '/chat', autoResponse: ['ping', 'x'.repeat(2049)] }, /1 to 2048/],
    [{ path: '/chat', binary: 1 }, /true or false/],
    [{ path: '/chat', origin: ['https://a.example'] }, /Did you mean "origins"/],
  ])('%j is refused', (options, message) => {
    expect(() => sockets(options as never)).toThrow(expect.objectContaining(INVALID))
    expect(() => sockets(options as never)).toThrow(message)
  })

  it('shares its path with no other', () => {
    expect(() => defineBindings({ a: sockets({ path: '/x' }), b: sockets({ path: '/x' }) })).toThrow(
      /both have the path \/x/,
    )
  })
})

describe('defineApp', () => {
  it('refuses handlers of sockets that are not declared, and of events that are none', () => {
    const bindings = defineBindings({ links: kv(), chat: sockets({ path: '/chat' }) })
    const define = (handlers: object): unknown => defineApp({ bindings, sockets: handlers })
    expect(() => define({ talk: {} })).toThrow(/"talk" is not a declared sockets binding/)
    expect(() => define({ links: {} })).toThrow(/"links" is not a declared sockets binding/)
    expect(() => define({ chat: { onMessage() {} } })).toThrow(/no event "onMessage".*open, message/)
    expect(() => define({ chat: { message() {} } })).not.toThrow()
  })
})

describe('limits', () => {
  const sent = (size: number): Promise<void> => binding().all.send('a.b', 'x'.repeat(size))

  it('of a message are counted in UTF-8 and hold for send and publish', async () => {
    const { all, reached } = binding()
    await expect(sent(32_768)).resolves.toBeUndefined()
    const limit = { code: 'LimitExceeded', details: { limit: 'sockets.message', max: 32_768 } }
    await expect(sent(32_769)).rejects.toMatchObject(limit)
    await expect(all.publish('t', '\u00e9'.repeat(16_385))).rejects.toMatchObject(limit)
    await all.publish('t', '\u00e9'.repeat(16_384))
    expect(reached).toHaveLength(1)
  })

  it('of a message are 1 MiB with largeMessages, for bytes too', async () => {
    const { all, reached } = binding(sockets({ path: '/chat', binary: true, largeMessages: true }))
    await all.send('a.b', new Uint8Array(1024 * 1024))
    await all.send('a.b', new Uint16Array([1]).buffer as never)
    expect(reached[1]).toEqual(['send', 'a.b', new Uint8Array([1, 0])])
    await expect(all.send('a.b', new Uint8Array(1024 * 1024 + 1))).rejects.toMatchObject({
      code: 'LimitExceeded',
      details: { limit: 'sockets.largeMessage', actual: 1024 * 1024 + 1 },
    })
  })

  it('refuses bytes of a binding without them, and what is no message', async () => {
    const { all, reached } = binding()
    await expect(all.send('a.b', new Uint8Array(1) as never)).rejects.toMatchObject({
      code: 'Unsupported',
      details: { capability: 'sockets.binary' },
    })
    for (const message of [1, null, undefined, {}, ['x'], '\ud800'])
      await expect(all.send('a.b', message as never)).rejects.toMatchObject(INVALID)
    await expect(all.send(7 as never, 'x')).rejects.toMatchObject(INVALID)
    expect(reached).toEqual([])
  })

  it('of data are 2,048 bytes of JSON', async () => {
    const { all, socket, reached } = binding()
    await socket.setData('x'.repeat(2046))
    const limit = { code: 'LimitExceeded', details: { limit: 'sockets.data', actual: 2049 } }
    await expect(socket.setData('x'.repeat(2047))).rejects.toMatchObject(limit)
    await expect(all.accept(upgrade(), { data: 'x'.repeat(2047) })).rejects.toMatchObject(limit)
    const circle: unknown[] = []
    circle.push(circle)
    for (const value of [circle, 1n, () => {}, Symbol('s')])
      await expect(socket.setData(value)).rejects.toMatchObject(INVALID)
    expect(reached).toHaveLength(1)
  })

  it('of topics are 16, of 128 bytes each', async () => {
    const { all, socket, reached } = binding()
    const many = Array.from({ length: 17 }, (_, index) => `t${index}`)
    await all.accept(upgrade(), { topics: [...many.slice(1), 't1'] })
    expect(reached[0]).toEqual(['accept', { data: undefined, topics: many.slice(1), protocol: undefined }])
    const limit = { code: 'LimitExceeded', details: { limit: 'sockets.topics', actual: 17 } }
    await expect(all.accept(upgrade(), { topics: many })).rejects.toMatchObject(limit)
    const full = many.slice(1)
    expect(addTopic(full, 't3')).toBe(full)
    expect(() => addTopic(full, 'more')).toThrow(expect.objectContaining({ code: 'LimitExceeded' }))
    await socket.subscribe('\u00e9'.repeat(64))
    for (const topic of ['', 7, '\ud800'])
      await expect(socket.subscribe(topic as never)).rejects.toMatchObject(INVALID)
    await expect(all.publish('\u00e9'.repeat(65), 'x')).rejects.toMatchObject({ code: 'LimitExceeded' })
  })

  it('of a close are the codes of apps, and 123 bytes of reason', async () => {
    const { all, socket, reached } = binding()
    for (const code of [1000, 3000, 4999]) await socket.close(code, 'x'.repeat(123))
    await all.close('a.b')
    expect(reached.at(-1)).toEqual(['close', 'a.b', 1000, ''])
    for (const code of [0, 1001, 1005, 1006, 1011, 1015, 2999, 5000, 3000.5, Number.NaN, '4000'])
      await expect(socket.close(code as never)).rejects.toMatchObject(INVALID)
    await expect(all.close('a.b', 4000, 'x'.repeat(124))).rejects.toMatchObject({
      code: 'LimitExceeded',
      details: { limit: 'sockets.reason', actual: 124, max: 123 },
    })
    expect(reached).toHaveLength(4)
  })
})

describe('accept', () => {
  it('answers 426 to a request that asks for no WebSocket', async () => {
    const { all, reached } = binding()
    const answer = await all.accept(new Request('https://example.com/chat'))
    expect([answer.status, answer.headers.get('upgrade')]).toEqual([426, 'websocket'])
    expect((await all.accept(upgrade('/chat', { upgrade: 'h2c' }))).status).toBe(426)
    expect(reached).toEqual([])
  })

  it('refuses another path, a protocol that was not offered, and options that it does not have', async () => {
    const { all, reached } = binding()
    const offers = { 'sec-websocket-protocol': 'v1, v2' }
    await all.accept(upgrade('/chat?room=1', offers), { protocol: 'v2' })
    expect(reached).toEqual([['accept', { data: undefined, topics: [], protocol: 'v2' }]])
    await expect(all.accept(upgrade('/chat/'))).rejects.toThrow(/declares the path \/chat/)
    await expect(all.accept(upgrade('/chat', offers), { protocol: 'v' })).rejects.toThrow(/did not offer/)
    await expect(all.accept(upgrade(), { protocol: 'v1' })).rejects.toThrow(/offered none/)
    await expect(all.accept(upgrade('/chat', offers), { protocol: 'v1, v2' })).rejects.toMatchObject(INVALID)
    await expect(all.accept(upgrade(), { topic: 'x' } as never)).rejects.toThrow(/no option "topic"/)
  })
})

describe('a socket', () => {
  it('has the data of its event, and that of its own setData', async () => {
    const { socket, reached } = binding()
    expect(socket.data).toEqual({ n: 1 })
    await socket.setData({ n: 2 })
    expect(socket.data).toEqual({ n: 2 })
    expect(reached).toEqual([['setData', 'a.b', '{"n":2}']])
    await socket.setData(undefined)
    expect(socket.data).toBeUndefined()
  })
})

describe('url', () => {
  it('is the path at the origin of the request, as a WebSocket address', async () => {
    const { all } = binding()
    expect(await all.url(new Request('https://example.com/page?x=1'))).toBe('wss://example.com/chat')
    expect(await all.url(new Request('http://localhost:3000/'))).toBe('ws://localhost:3000/chat')
  })

  it('carries a fresh ticket where the binding has them', async () => {
    const { all, reached } = binding(sockets({ path: '/chat', tickets: true }))
    const request = new Request('https://example.com/')
    const urls = [await all.url(request, { ticket: { user: 'ann' } }), await all.url(request, { ticket: 1 })]
    const ids = urls.map((url) => new URL(url).searchParams.get('ticket'))
    expect(new Set(ids).size).toBe(2)
    expect(ids[0]).toMatch(/^[\w-]{32}$/)
    expect(reached).toEqual([
      ['saveTicket', ids[0], '{"user":"ann"}', 60],
      ['saveTicket', ids[1], '1', 60],
    ])
    expect(await all.ticket(request)).toEqual({ user: 'ann' })
    for (const ticketSeconds of [0, 3601, 1.5, '60'])
      await expect(all.url(request, { ticket: 1, ticketSeconds } as never)).rejects.toMatchObject(INVALID)
    await expect(all.url(request, { ticket: 'x'.repeat(2047) })).rejects.toMatchObject({
      code: 'LimitExceeded',
    })
  })

  it('refuses a ticket where the binding has none', async () => {
    await expect(binding().all.url(new Request('https://a.example/'), { ticket: 1 })).rejects.toThrow(
      /declares no tickets/,
    )
  })
})
