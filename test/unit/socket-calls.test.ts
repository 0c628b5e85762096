import { describe, expect, it } from 'vitest'
import { SocketCalls } from '../../adapters/isolate/services/socket-calls.ts'
import { SocketGroup } from '../../adapters/node-server/runtime/web-sockets/group.ts'
import { sockets as memory } from '../../adapters/drivers/memory/sockets.ts'
import { kv } from '../../core/bindings/declarations.ts'
import { sockets } from '../../core/bindings/sockets-declaration.ts'
import type { Manifest } from '../../core/manifest.ts'

const bindings = { chat: sockets({ path: '/chat' }), plain: kv() }
const manifest: Manifest = { version: 1, name: 'app', bindings, fetch: true, queues: [], crons: {} }

/** The calls of a guest, over what holds the sockets of a server that answers one request, event 7. */
function calls(): SocketCalls {
  const group = new SocketGroup({
    binding: 'chat',
    declaration: bindings.chat,
    driver: memory({}, { now: Date.now } as never) as never,
    process: 'own',
    upgradeOf: () => undefined,
    isStopping: () => false,
    mayOpen: () => true,
    run() {},
    onError() {},
    quota: undefined,
  })
  const request = new Request('http://app/chat')
  return new SocketCalls(
    manifest,
    () => group,
    (event) => (event === 7 ? request : undefined),
  )
}

describe('what a guest makes up about sockets', () => {
  it.each([
    ['a binding that is none', 'other', 'send', ['own.x', 'text'], 'InvalidArgument'],
    ['a name of every object', 'constructor', 'send', ['own.x', 'text'], 'InvalidArgument'],
    ['a binding of another kind', 'plain', 'publish', ['topic', 'text'], 'InvalidArgument'],
    ['an operation that is none', 'chat', 'open', ['own.x'], 'InvalidArgument'],
    ['a method of the holder', 'chat', 'received', ['own.x'], 'InvalidArgument'],
    ['an id that is no text', 'chat', 'send', [{ id: 1 }, 'text'], 'InvalidArgument'],
    ['an id of a megabyte', 'chat', 'send', ['x'.repeat(1 << 20), 'text'], 'NotFound'],
    ['an id of nobody', 'chat', 'send', ['own.x', 'text'], 'NotFound'],
    ['a message that is an object', 'chat', 'send', ['own.x', { length: 3 }], 'InvalidArgument'],
    ['bytes that were not declared', 'chat', 'send', ['own.x', new Uint8Array(1)], 'Unsupported'],
    ['a message that is too large', 'chat', 'publish', ['topic', 'x'.repeat(32_769)], 'LimitExceeded'],
    ['a topic that is no text', 'chat', 'publish', [7, 'text'], 'InvalidArgument'],
    ['a topic that is too long', 'chat', 'subscribe', ['own.x', 'x'.repeat(129)], 'LimitExceeded'],
    ['a code of the protocol', 'chat', 'close', ['own.x', 1006, ''], 'InvalidArgument'],
    ['a reason that is no text', 'chat', 'close', ['own.x', 1000, 7], 'InvalidArgument'],
    ['a reason that is too long', 'chat', 'close', ['own.x', 1000, 'x'.repeat(124)], 'LimitExceeded'],
    ['data that is no text', 'chat', 'setData', ['own.x', { a: 1 }], 'InvalidArgument'],
    ['data that is too large', 'chat', 'setData', ['own.x', 'x'.repeat(2049)], 'LimitExceeded'],
    ['a ticket of a binding without', 'chat', 'saveTicket', ['x'.repeat(32), '1', 60], 'InvalidArgument'],
    ['an event that is none', 'chat', 'accept', [8, undefined, [], undefined], 'InvalidArgument'],
    ['a request that is no upgrade', 'chat', 'accept', [7, undefined, [], undefined], 'InvalidArgument'],
    ['a protocol with a line end', 'chat', 'accept', [7, undefined, [], 'a\r\nb: c'], 'InvalidArgument'],
    ['topics that are none', 'chat', 'accept', [7, undefined, 'all', undefined], 'InvalidArgument'],
  ])('%s is refused', async (_, binding, operation, data, code) => {
    await expect(calls().call(binding, operation, data)).rejects.toMatchObject({ code })
  })

  it('a ticket is that of a request under way, and undefined for all else', () => {
    for (const [binding, event] of [
      ['chat', 7],
      ['chat', 8],
      ['plain', 7],
      ['constructor', 7],
      [undefined, 7],
    ])
      expect(calls().ticket(binding, event)).toBeUndefined()
  })
})
