import { DrizzleQueryError } from 'drizzle-orm'
import { Hono } from 'hono'
import { defineApp, defineBindings, isUnmoorError, sql, type Env } from 'unmoor'
import { createBooks } from './books'

const bindings = defineBindings({ db: sql({ migrations: './migrations' }) })

const app = new Hono<{ Bindings: Env<typeof bindings> }>()

app.get('/books', async (c) => c.json(await createBooks(c.env.db).list()))

app.put('/books/:id', async (c) => {
  const { title, author } = await c.req.json<{ title?: unknown; author?: unknown }>()
  if (typeof title !== 'string' || typeof author !== 'string')
    return c.json({ error: 'A book has a title and an author.' }, 400)
  await createBooks(c.env.db).add({
    id: c.req.param('id'),
    title,
    author,
    isRead: false,
    addedAt: new Date(),
  })
  return c.body(null, 201)
})

app.post('/books/:id/read', async (c) => {
  const book = await createBooks(c.env.db).markRead(c.req.param('id'))
  return book === undefined ? c.notFound() : c.json(book)
})

app.onError((error, c) => {
  // Drizzle wraps errors of the binding in its own error, as its cause.
  const cause = error instanceof DrizzleQueryError ? error.cause : error
  if (isUnmoorError(cause, 'AlreadyExists')) return c.json({ error: 'There is such a book.' }, 409)
  if (cause instanceof SyntaxError) return c.json({ error: 'The body is no JSON.' }, 400)
  throw error
})

export default defineApp({ bindings, fetch: app.fetch })
