import { AsyncLocalStorage } from 'node:async_hooks'
import knexModule, { type Knex } from 'knex'
import { Hono } from 'hono'
import { defineApp, defineBindings, variable, type Env } from 'unmoor'

const bindings = defineBindings({ DATABASE_URL: variable() })
const app = new Hono<{ Bindings: Env<typeof bindings>; Variables: { knex: Knex } }>()
const requests = new AsyncLocalStorage<string>()

app.use(async (c, next) => {
  const knex = knexModule({ client: 'pg', connection: c.env.DATABASE_URL, pool: { min: 0, max: 1 } })
  c.set('knex', knex)
  await requests.run(c.req.path, next)
  await knex.destroy()
})
app.post('/schema', async (c) => {
  await c.get('knex').schema.createTable('users', (table) => {
    table.increments()
    table.string('name').notNullable().unique()
    table.integer('age').defaultTo(0)
    table.jsonb('data')
  })
  return c.json(await c.get('knex').schema.hasTable('users'))
})
app.post('/users', async (c) => {
  try {
    return c.json(
      await c
        .get('knex')('users')
        .insert(await c.req.json())
        .returning(['id', 'name']),
      201,
    )
  } catch (error) {
    return c.json({ code: (error as { code?: string }).code }, 409)
  }
})
app.get('/users', async (c) =>
  c.json(
    await c
      .get('knex')('users')
      .select('name', 'age', 'data')
      .where((where) => {
        void where.where('age', '>', 10).orWhereNull('data')
      })
      .orderBy('name'),
  ),
)
app.get('/sql', (c) =>
  c.text(c.get('knex')('users').where({ name: 'x' }).whereIn('age', [1, 2]).limit(3).toQuery()),
)
app.get('/transaction', async (c) => {
  const knex = c.get('knex')
  const message = await knex
    .transaction(async (trx) => {
      await trx('users').delete()
      throw new Error('rolled back')
    })
    .catch((error: Error) => error.message)
  return c.json({ message, left: await knex('users').count() })
})
app.get('/context', async (c) => {
  // A query is a thenable: what runs after it must still know the request.
  const [row] = await c.get('knex').select(c.get('knex').raw('1 as one'))
  const both = await Promise.all([2, 3].map((n) => c.get('knex').select(c.get('knex').raw('? as n', [n]))))
  return c.json({ row: row as unknown, both: both as unknown[], request: requests.getStore() ?? null })
})

export default defineApp({ bindings, fetch: app.fetch })
