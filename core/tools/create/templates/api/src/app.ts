import { Hono } from 'hono'
import { defineApp, defineBindings, kv, queue, type Env } from 'unmoor'

/** Sent for every note that is written. */
interface Written {
  slug: string
}

const bindings = defineBindings({
  notes: kv(),
  written: queue<Written>({ maxRetries: 3 }),
})

const app = new Hono<{ Bindings: Env<typeof bindings> }>()

app.get('/', (c) => c.text('PUT a note to /notes/NAME, then GET it. /count tells how many were written.'))

app.put('/notes/:slug', async (c) => {
  const slug = c.req.param('slug')
  await c.env.notes.put(`note:${slug}`, await c.req.text())
  await c.env.written.send({ slug })
  return c.body(null, 204)
})

app.get('/notes/:slug', async (c) => {
  const note = await c.env.notes.get(`note:${c.req.param('slug')}`)
  return note === null ? c.notFound() : c.text(note)
})

app.get('/count', async (c) => c.json({ written: Number((await c.env.notes.get('count')) ?? 0) }))

export default defineApp({
  bindings,
  fetch: app.fetch,
  queues: {
    // A batch may come more than once: a real counter would remember the ids of messages.
    written: async (batch, env) => {
      const count = Number((await env.notes.get('count')) ?? 0)
      await env.notes.put('count', String(count + batch.messages.length))
    },
  },
  crons: {
    // At three in the morning (UTC) the count starts again.
    reset: { schedule: '0 3 * * *', run: (_event, env) => env.notes.put('count', '0') },
  },
})
