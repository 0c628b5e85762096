import { Hono } from 'hono'
import postgres from 'postgres'
import { defineApp, defineBindings, variable, type Env } from 'unmoor'

const bindings = defineBindings({ DATABASE_URL: variable() })
const app = new Hono<{ Bindings: Env<typeof bindings>; Variables: { sql: postgres.Sql } }>()

app.use(async (c, next) => {
  const sql = postgres(c.env.DATABASE_URL, { max: 1, onnotice() {} })
  c.set('sql', sql)
  await next()
  await sql.end()
})
app.post('/schema', async (c) => {
  await c.get('sql')`CREATE TABLE users (name text PRIMARY KEY, age int, seen timestamptz, data jsonb)`
  return c.body(null, 204)
})
app.post('/users', async (c) => {
  const sql = c.get('sql')
  const users = await c.req.json<{ name: string; age: number }[]>()
  try {
    return c.json(await sql`INSERT INTO users ${sql(users, 'name', 'age')} RETURNING name, age`, 201)
  } catch (error) {
    if (!(error instanceof postgres.PostgresError)) throw error
    return c.json({ name: error.name, code: error.code, table: error.table_name }, 409)
  }
})
app.get('/users', async (c) => {
  const sql = c.get('sql')
  const names = c.req.queries('name') ?? []
  return c.json(await sql`SELECT name, age FROM users WHERE name IN ${sql(names)} ORDER BY name`)
})
app.put('/users/:name', async (c) => {
  const sql = c.get('sql')
  const change = { seen: new Date(86_400_000), data: sql.json({ ok: true, list: [1, null] }) }
  const [user] =
    await sql`UPDATE users SET ${sql(change)} WHERE name = ${c.req.param('name')} RETURNING seen, data`
  return c.json(user ?? null)
})
app.get('/transaction', async (c) => {
  const sql = c.get('sql')
  const message = await sql
    .begin(async (sql) => {
      await sql`DELETE FROM users`
      throw new Error('changed my mind')
    })
    .catch((error: Error) => error.message)
  return c.json({ message, left: await sql`SELECT count(*)::int FROM users` })
})
app.get('/cursor', async (c) => {
  const batches: number[] = []
  await c.get('sql')`SELECT * FROM generate_series(1, 25)`.cursor(
    10,
    (rows) => void batches.push(rows.length),
  )
  return c.json(batches)
})

export default defineApp({ bindings, fetch: app.fetch })
