import { defineApp, defineBindings, sockets } from 'unmoor'

const PAGES = ['https://example.com']
const BYTES = true

const bindings = defineBindings({
  plain: sockets({ path: '/plain' }), // expect: sockets-origins
  none: sockets({ path: '/none', origins: [] }), // expect: sockets-origins
  named: sockets({ path: '/named', origins: PAGES }),
  bytes: sockets({
    path: '/bytes',
    origins: PAGES,
    binary: BYTES, // expect: sockets-capability
  }),
  large: sockets({
    path: '/large',
    origins: PAGES,
    largeMessages: true, // expect: sockets-capability
    binary: false,
  }),
})

export default defineApp({
  bindings,
  fetch: (request, env) => env.named.accept(request),
  sockets: {
    named: {
      async message(socket, message, env) {
        await env.named.send(socket.id, 'x'.repeat(32_769)) // expect: sockets-message
        await env.named.publish('all', 'é'.repeat(16_385)) // expect: sockets-message
        await env.named.publish('t'.repeat(129), message) // expect: sockets-message
        await env.named.publish('all', 'x'.repeat(32_768))
        await env.large.send(socket.id, 'x'.repeat(32_769))
        await env.large.send(socket.id, 'x'.repeat(1024 * 1024 + 1)) // expect: sockets-message
        await env.named.send(socket.id, message)
      },
    },
  },
})
