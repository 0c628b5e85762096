// Compiled, never run: what must be accepted, and under each @ts-expect-error what must be refused.
import { defineApp, defineBindings, kv, sockets } from '../../core/index.ts'

interface Who {
  user: string
}

const bindings = defineBindings({
  links: kv(),
  chat: sockets<Who>({ path: '/chat', origins: ['https://example.com'], autoResponse: ['ping', 'pong'] }),
  files: sockets<Who>({ path: '/files', binary: true }),
  bare: sockets({ path: '/bare' }),
})

defineApp({
  bindings,
  async fetch(request, env) {
    if (request.url.endsWith('bare')) return env.bare.accept(request)
    await env.bare.accept(request, { topics: ['a'], protocol: 'v1' })
    // @ts-expect-error -- a socket of this binding has data
    await env.chat.accept(request)
    // @ts-expect-error -- not a Who
    await env.chat.accept(request, { data: { user: 1 } })
    // @ts-expect-error -- this binding has no data
    await env.bare.accept(request, { data: { user: 'a' } })
    // @ts-expect-error -- bytes need `binary`
    await env.chat.send('id', new Uint8Array())
    await env.files.send('id', new Uint8Array())
    const url: string = await env.chat.url(request, { ticket: { user: 'a' }, ticketSeconds: 30 })
    await env.chat.close('id', 4000, url)
    return env.chat.accept(request, { data: { user: 'a' } })
  },
  sockets: {
    chat: {
      async open(socket) {
        const user: string = socket.data.user
        await socket.setData({ user })
        // @ts-expect-error -- not a Who
        await socket.setData({ name: user })
        // @ts-expect-error -- data is replaced by setData alone
        socket.data = { user }
      },
      async message(socket, message, env, ctx) {
        const text: string = message
        ctx.waitUntil(env.chat.publish('lobby', `${socket.data.user}: ${text}`))
        await env.links.put('last', text)
      },
      close(_socket, { code, reason, clean }) {
        const facts: [number, string, boolean] = [code, reason, clean]
        void facts
      },
      error(_socket, error: unknown) {
        void error
      },
    },
    files: {
      async message(socket, message) {
        // @ts-expect-error -- it may be bytes
        const text: string = message
        await socket.send(typeof message === 'string' ? text : message)
      },
    },
    // @ts-expect-error -- not a sockets binding
    links: {},
  },
})

defineApp({
  bindings,
  sockets: {
    // @ts-expect-error -- not declared
    talk: {},
  },
})

defineApp({
  bindings,
  sockets: {
    chat: {
      // @ts-expect-error -- no event of that name
      onMessage() {},
    },
  },
})

// @ts-expect-error -- a path is needed
sockets({})
// @ts-expect-error -- no such option
sockets({ path: '/x', origin: [] })
