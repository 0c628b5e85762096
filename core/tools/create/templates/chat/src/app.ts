import { Hono } from 'hono'
import { assets, defineApp, defineBindings, sockets, sql, type Env } from 'unmoor'
import { isName, isText, lastMessages, store, type Member } from './messages'

const bindings = defineBindings({
  chat: sockets<Member>({
    path: '/socket',
    tickets: true,
    // On lambda the sockets have a host of their own: name the origin of your page here.
    origins: ['http://127.0.0.1:8787', 'http://localhost:8787'],
  }),
  history: sql({ migrations: './migrations' }),
  page: assets({ directory: './public' }),
})

const app = new Hono<{ Bindings: Env<typeof bindings> }>()

/** Returns a socket's URL, with a ticket for one connection. An app with accounts checks here who asks. */
app.post('/join', async (c) => {
  const { name, room } = await c.req.json<{ name?: unknown; room?: unknown }>()
  if (!isName(name) || !isName(room))
    return c.json({ error: 'A name and a room have 1 to 32 letters, digits, spaces or hyphens.' }, 400)
  const url = await c.env.chat.url(c.req.raw, { ticket: { name, room } })
  return c.json({ url }, 200, { 'cache-control': 'no-store' })
})

app.get('/socket', async (c) => {
  const member = (await c.env.chat.ticket(c.req.raw)) as Member | null
  if (member === null) return c.json({ error: 'POST /join returns a URL with a ticket.' }, 401)
  return c.env.chat.accept(c.req.raw, { data: member, topics: [member.room] })
})

app.onError((error, c) => {
  if (error instanceof SyntaxError) return c.json({ error: 'The body is no JSON.' }, 400)
  throw error
})

export default defineApp({
  bindings,
  fetch: app.fetch,
  sockets: {
    chat: {
      // State is in the socket's data and in bindings: handlers of one socket may run in any process.
      open: async (socket, env) => {
        const messages = await lastMessages(env.history, socket.data.room)
        await socket.send(JSON.stringify({ type: 'history', messages }))
      },
      message: async (socket, text, env) => {
        if (!isText(text)) {
          await socket.send(
            JSON.stringify({ type: 'refused', reason: 'A message is one line of 1 to 500 characters.' }),
          )
          return
        }
        const message = await store(env.history, socket.data, text)
        await env.chat.publish(socket.data.room, JSON.stringify({ type: 'said', message }))
      },
    },
  },
  crons: {
    // Every night (UTC) messages of more than 30 days are deleted.
    cleanup: {
      schedule: '0 3 * * *',
      run: async ({ scheduledTime }, env) => {
        await env.history.run(sql`DELETE FROM messages WHERE sent_at < ${scheduledTime - 30 * 86_400_000}`)
      },
    },
  },
})
