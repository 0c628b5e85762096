import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { prettyJSON } from 'hono/pretty-json'
import { z } from 'zod'
import schema from '../migrations/0001_init.sql'

interface Todo {
  id: number
  title: string
  done: number
  tags: string
}

const Input = z.object({ title: z.string().min(1), tags: z.array(z.string()).default([]) })

const app = new Hono<{ Bindings: { DB: D1Database } }>()
app.use('/todos/*', cors({ origin: ['https://app.example'] }))
app.use(prettyJSON())

app.post('/setup', async (c) => {
  await c.env.DB.prepare(schema.replace(/--.*/g, '')).run()
  return c.body(null, 204)
})

app.get('/todos', async (c) => {
  const { results, success } = await c.env.DB.prepare('SELECT * FROM todos ORDER BY id').all<Todo>()
  return c.json({ success, todos: results.map((todo) => ({ ...todo, tags: JSON.parse(todo.tags) })) })
})

app.post('/todos', async (c) => {
  const input = Input.safeParse(await c.req.json().catch(() => null))
  if (!input.success)
    return c.json({ issues: input.error.issues.map(({ path, code }) => ({ path, code })) }, 422)
  const { meta } = await c.env.DB.prepare('INSERT INTO todos (title, tags) VALUES (?1, ?2)')
    .bind(input.data.title, JSON.stringify(input.data.tags))
    .run()
  return c.json({ id: meta.last_row_id, changes: meta.changes }, 201)
})

app.get('/todos/:id', async (c) => {
  const todo = await c.env.DB.prepare('SELECT id, title, done FROM todos WHERE id = ?')
    .bind(c.req.param('id'))
    .first<Todo>()
  return todo === null ? c.notFound() : c.json(todo)
})

app.patch('/todos/done', async (c) => {
  const ids = await c.req.json<number[]>()
  const update = c.env.DB.prepare('UPDATE todos SET done = 1 WHERE id = ?')
  const results = await c.env.DB.batch([
    ...ids.map((id) => update.bind(id)),
    c.env.DB.prepare('SELECT count(*) AS done FROM todos WHERE done = 1'),
  ])
  return c.json(results.map(({ results, meta }) => ({ results, changes: meta.changes })))
})

app.get('/raw', async (c) => {
  const statement = c.env.DB.prepare('SELECT id, title FROM todos WHERE title LIKE ?').bind('%i%')
  return c.json({
    raw: await statement.raw({ columnNames: true }),
    one: await statement.first('title'),
    nulls: await c.env.DB.prepare("SELECT NULL AS a, 1.5 AS b, x'0102' AS c").first(),
  })
})

app.get('/broken', async (c) => {
  await c.env.DB.prepare('SELECT nothing FROM nowhere').run()
  return c.text('no')
})
app.onError((error, c) => c.json({ name: error.name, message: error.message.split(':').slice(0, 2) }, 500))

export default app
