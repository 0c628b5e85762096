import type { KVNamespace, MessageBatch, Queue, ScheduledController } from '@cloudflare/workers-types'
import { Hono } from 'hono'

/** Sent for every note that is written. */
interface Written {
  slug: string
}

/** The bindings of wrangler.jsonc. */
interface Bindings {
  NOTES: KVNamespace
  WRITTEN: Queue<Written>
}

const app = new Hono<{ Bindings: Bindings }>()

app.get('/', (c) => c.text('PUT a note to /notes/NAME, then GET it. /count tells how many were written.'))

app.put('/notes/:slug', async (c) => {
  const slug = c.req.param('slug')
  await c.env.NOTES.put(`note:${slug}`, await c.req.text())
  await c.env.WRITTEN.send({ slug })
  return c.body(null, 204)
})

app.get('/notes/:slug', async (c) => {
  const note = await c.env.NOTES.get(`note:${c.req.param('slug')}`)
  return note === null ? c.notFound() : c.text(note)
})

app.get('/count', async (c) => c.json({ written: Number((await c.env.NOTES.get('count')) ?? 0) }))

export default {
  fetch: app.fetch,

  // A batch may come more than once: a real counter would remember the ids of messages.
  async queue(batch: MessageBatch<Written>, env: Bindings): Promise<void> {
    const count = Number((await env.NOTES.get('count')) ?? 0)
    await env.NOTES.put('count', String(count + batch.messages.length))
  },

  async scheduled(_controller: ScheduledController, env: Bindings): Promise<void> {
    await env.NOTES.put('count', '0')
  },
}
