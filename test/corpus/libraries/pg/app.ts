import { Hono } from 'hono'
import { Client, DatabaseError, Pool } from 'pg'
import { defineApp, defineBindings, variable, type Env } from 'unmoor'

const bindings = defineBindings({ DATABASE_URL: variable() })
const app = new Hono<{ Bindings: Env<typeof bindings>; Variables: { client: Client } }>()

app.use('/db/*', async (c, next) => {
  const client = new Client({ connectionString: c.env.DATABASE_URL })
  await client.connect()
  c.set('client', client)
  try {
    await next()
  } finally {
    await client.end()
  }
})
app.post('/db/schema', async (c) => {
  await c
    .get('client')
    .query(
      'CREATE TABLE users (id serial PRIMARY KEY, email text UNIQUE, born date, tags text[], data jsonb, big bigint)',
    )
  return c.body(null, 204)
})
app.post('/db/users', async (c) => {
  const { email, tags, data } = await c.req.json<{ email: string; tags: string[]; data: unknown }>()
  try {
    const { rows, rowCount } = await c
      .get('client')
      .query('INSERT INTO users (email, tags, data, big) VALUES ($1, $2, $3, 9007199254740993) RETURNING *', [
        email,
        tags,
        data,
      ])
    return c.json({ rows: rows as unknown[], rowCount }, 201)
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    return c.json({ code: error.code, constraint: error.constraint, name: error.constructor.name }, 409)
  }
})
app.get('/db/users', async (c) => {
  const { rows, fields } = await c
    .get('client')
    .query({ text: 'SELECT id, email FROM users ORDER BY id', rowMode: 'array' })
  return c.json({ rows, fields: fields.map(({ name }) => name) })
})
app.get('/db/transaction', async (c) => {
  const client = c.get('client')
  await client.query('BEGIN')
  await client.query("UPDATE users SET email = 'gone'")
  await client.query('ROLLBACK')
  return c.json((await client.query<{ email: string }>('SELECT email FROM users ORDER BY id')).rows)
})
app.get('/db/error', async (c) => {
  try {
    await c.get('client').query('SELECT * FROM nothing')
    return c.text('no error')
  } catch (error) {
    return c.text(`${(error as DatabaseError).code}: ${(error as Error).message}`, 400)
  }
})
app.get('/pool', async (c) => {
  const pool = new Pool({ connectionString: c.env.DATABASE_URL, max: 2 })
  try {
    const results = await Promise.all(
      [1, 2, 3, 4].map((n) => pool.query<{ n: number }>('SELECT $1::int AS n', [n])),
    )
    return c.json({ numbers: results.map(({ rows }) => rows[0]?.n), most: pool.totalCount })
  } finally {
    await pool.end()
  }
})

export default defineApp({ bindings, fetch: app.fetch })
