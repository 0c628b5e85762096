import { Hono } from 'hono'
import { type Connection, createConnection, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise'
import { defineApp, defineBindings, variable, type Env } from 'unmoor'

const bindings = defineBindings({ DATABASE_URL: variable() })
const app = new Hono<{ Bindings: Env<typeof bindings>; Variables: { db: Connection } }>()

app.use(async (c, next) => {
  const db = await createConnection({
    uri: c.env.DATABASE_URL,
    // Workers make no code from text; the documentation names this option for them.
    disableEval: true,
  })
  c.set('db', db)
  await next()
  await db.end()
})
app.post('/schema', async (c) => {
  await c
    .get('db')
    .query(
      'CREATE TABLE users (id int AUTO_INCREMENT PRIMARY KEY, name varchar(40) UNIQUE, born date, price decimal(8,2))',
    )
  return c.body(null, 204)
})
app.post('/users', async (c) => {
  const { name, born, price } = await c.req.json<{ name: string; born: string; price: number }>()
  try {
    const [result] = await c
      .get('db')
      .execute<ResultSetHeader>('INSERT INTO users (name, born, price) VALUES (?, ?, ?)', [name, born, price])
    return c.json({ id: result.insertId, rows: result.affectedRows }, 201)
  } catch (error) {
    return c.json(
      { code: (error as { code?: string }).code, errno: (error as { errno?: number }).errno },
      409,
    )
  }
})
app.get('/users', async (c) => {
  const [rows] = await c
    .get('db')
    .query<RowDataPacket[]>('SELECT id, name, price FROM users WHERE name IN (?) ORDER BY id', [
      c.req.queries('name'),
    ])
  return c.json(rows)
})
app.get('/transaction', async (c) => {
  const db = c.get('db')
  await db.beginTransaction()
  await db.query('DELETE FROM users')
  await db.rollback()
  const [rows] = await db.query<RowDataPacket[]>('SELECT count(*) AS left_over FROM users')
  return c.json(rows)
})
app.get('/prepared', async (c) => {
  const statement = await c.get('db').prepare('SELECT ? + ? AS sum, ? AS text')
  const [rows] = await statement.execute([1, 2, 'ä🎉'])
  await statement.close()
  return c.json(rows)
})
app.get('/error', (c) =>
  c
    .get('db')
    .query('SELECT * FROM nothing')
    .then(
      () => c.text('no error'),
      (error: { code: string }) => c.text(error.code, 400),
    ),
)

export default defineApp({ bindings, fetch: app.fetch })
