/** @jsxImportSource hono/jsx */
/** An app with Hono, Drizzle and Kysely at once: much looks like a fault, and nothing is one. */
import { and, count, desc, eq, like, sql as drizzleSql } from 'drizzle-orm'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { drizzle } from 'drizzle-orm/sqlite-proxy'
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { basicAuth } from 'hono/basic-auth'
import { bearerAuth } from 'hono/bearer-auth'
import { compress } from 'hono/compress'
import { getCookie, setCookie } from 'hono/cookie'
import { cors } from 'hono/cors'
import { csrf } from 'hono/csrf'
import { etag } from 'hono/etag'
import { createFactory, createMiddleware } from 'hono/factory'
import { html } from 'hono/html'
import { HTTPException } from 'hono/http-exception'
import { jsxRenderer } from 'hono/jsx-renderer'
import { sign, verify } from 'hono/jwt'
import { logger } from 'hono/logger'
import { secureHeaders } from 'hono/secure-headers'
import { streamSSE } from 'hono/streaming'
import { timing } from 'hono/timing'
import { validator } from 'hono/validator'
import { Kysely, type Generated } from 'kysely'
import { blob, cache, defineApp, defineBindings, type Env, kv, queue, secret, sql } from 'unmoor'
import { createCallback } from 'unmoor/drizzle'
import { createDialect } from 'unmoor/kysely'
import { Sessions } from './sessions.ts'

const tasks = sqliteTable('tasks', { id: text('id').primaryKey(), title: text('title').notNull(), done: integer('done').notNull(), at: integer('at') })

const bindings = defineBindings({
  sessions: kv(),
  counts: kv({ consistency: 'strong' }),
  files: blob(),
  db: sql({ migrations: './migrations' }),
  jobs: queue<{ id: string }>(),
  pages: cache(),
  jwtKey: secret(),
})
type AppEnv = { Bindings: Env<typeof bindings>; Variables: { recent: Recent; db: ReturnType<typeof open>; sessions: Sessions } }

/** Has the methods of a kv, and other rules. */
class Recent {
  #entries = new Map<string, { value: string; until: number }>()

  put(key: string, value: string, options: { ttl: number }): void {
    this.#entries.set(key, { value, until: Date.now() + options.ttl * 1000 })
  }

  list(options: { limit: number }): string[] {
    return [...this.#entries.keys()].slice(0, options.limit)
  }
}
const recent = new Recent()
const open = (env: AppEnv['Bindings']) => drizzle(createCallback(env.db))

const withStores = createMiddleware<AppEnv>(async (c, next) => {
  c.set('db', open(c.env))
  c.set('recent', recent)
  c.set('sessions', new Sessions(c.env.sessions))
  await next()
})
const guard: MiddlewareHandler<AppEnv> = async (c: Context<AppEnv>, next) => {
  if ((await c.env.sessions.get('blocked')) !== null) return c.text('no', 403)
  return next()
}

const factory = createFactory<AppEnv>()
const app = new Hono<AppEnv>()
app.use(logger(), secureHeaders(), etag(), compress(), csrf(), timing(), cors(), withStores)
app.use('/admin/*', basicAuth({ username: 'a', password: 'b' }), guard)
app.use('/api/*', bearerAuth({ token: 'x' }))
app.get(
  '*',
  jsxRenderer(({ children }) => (
    <html lang="en">
      <body>{children}</body>
    </html>
  )),
)
app.get('/', async (c) => {
  const id = getCookie(c, 'sid') ?? crypto.randomUUID()
  setCookie(c, 'sid', id, { maxAge: 30 })
  await c.var.sessions.put(id, { n: 1 }, { ttl: 30 })
  const rows = await c.var.db.select().from(tasks).where(eq(tasks.done, 0)).orderBy(desc(tasks.at)).limit(20)
  c.var.recent.put('', JSON.stringify(rows), { ttl: 5 })
  c.get('recent').list({ limit: 5000 })
  return c.render(
    <ul>
      {rows.map((row) => (
        <li key={row.id}>{row.title}</li>
      ))}
    </ul>,
  )
})
app.get('/search', async (c) => {
  const words = (c.req.query('q') ?? '').toLowerCase()
  const found = await c.var.db
    .select({ n: count() })
    .from(tasks)
    .where(and(like(drizzleSql`LOWER(${tasks.title})`, `%${words}%`), eq(tasks.done, 1)))
  const kysely = new Kysely<{ tasks: { id: string; title: string; done: number; at: Generated<number> } }>({ dialect: createDialect(c.env.db) })
  const first = await kysely.selectFrom('tasks').select(['id', 'title']).limit(1).execute()
  const seen = new Map<string, object>()
  seen.set('', { ttl: 3 })
  seen.delete('')
  return c.json({ found, first, seen: seen.size })
})
app.post(
  '/',
  validator('json', (value, c) => (typeof value['title'] === 'string' ? { title: value['title'] } : c.text('bad', 400))),
  async (c) => {
    await c.var.db.insert(tasks).values({ id: crypto.randomUUID(), title: c.req.valid('json').title, done: 0, at: Date.now() })
    await c.env.jobs.send({ id: 'x' }, { delaySeconds: 900 })
    return c.html(html`<p>${await sign({ sub: 'a' }, await c.env.jwtKey.get())}</p>`)
  },
)
app.put(
  '/',
  ...factory.createHandlers(async (c) => {
    await verify(c.req.header('authorization') ?? '', await c.env.jwtKey.get(), 'HS256')
    await c.env.counts.update('n', (n) => String(Number(n ?? 0) + 1))
    return c.body(null, 204)
  }),
)
app.get('/events', (c) =>
  streamSSE(c, async (stream) => {
    for (let index = 0; index < 3; index++) await stream.writeSSE({ data: String(index) })
  }),
)
app.onError((error, c) => (error instanceof HTTPException ? error.getResponse() : c.text('oops', 500)))

export default defineApp({
  bindings,
  fetch: app.fetch,
  queues: {
    jobs: async (batch, { files }) => {
      for (const message of batch.messages) await files.put(`done/${message.body.id}`, 'x')
    },
  },
})
