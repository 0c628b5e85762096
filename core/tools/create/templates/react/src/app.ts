import { Hono } from 'hono'
import { validator } from 'hono/validator'
import { assets, defineApp, defineBindings, sql, type Env } from 'unmoor'

export interface Todo {
  id: string
  title: string
  done: boolean
}

const bindings = defineBindings({
  db: sql({ migrations: './migrations' }),
  // What Vite builds of index.html and web/. A browser that opens a path without a file gets the page.
  page: assets({ directory: './dist', notFound: 'single-page-application' }),
})

const titleOf = validator('json', (body: { title?: unknown } | null, c) => {
  const title = body?.title
  return typeof title === 'string' && title.trim() !== '' && title.length <= 200
    ? { title }
    : c.json({ error: 'A title has 1 to 200 characters.' }, 400)
})

const app = new Hono<{ Bindings: Env<typeof bindings> }>()
  .get('/api/todos', async (c) => {
    const rows = await c.env.db.all<{ id: string; title: string; done: number }>(
      sql`SELECT id, title, done FROM todos ORDER BY added_at, id`,
    )
    return c.json(rows.map(({ id, title, done }): Todo => ({ id, title, done: done === 1 })))
  })
  .post('/api/todos', titleOf, async (c) => {
    const todo: Todo = { id: crypto.randomUUID(), title: c.req.valid('json').title, done: false }
    await c.env.db.run(
      sql`INSERT INTO todos (id, title, done, added_at) VALUES (${todo.id}, ${todo.title}, 0, ${Date.now()})`,
    )
    return c.json(todo, 201)
  })
  .post('/api/todos/:id/done', async (c) => {
    await c.env.db.run(sql`UPDATE todos SET done = 1 WHERE id = ${c.req.param('id')}`)
    return c.body(null, 204)
  })

/** The routes with their types, from which the page's client is made. */
export type Api = typeof app

export default defineApp({ bindings, fetch: app.fetch })
