import { Hono } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { HTTPException } from 'hono/http-exception'
import { logger } from 'hono/logger'
import { secureHeaders } from 'hono/secure-headers'
import { stream } from 'hono/streaming'
import { renderer } from './renderer'

interface Bindings {
  ASSETS: { fetch: typeof fetch }
  GUESTS: {
    get(key: string): Promise<string | null>
    put(key: string, value: string, options?: { metadata?: unknown }): Promise<void>
    list(options: { prefix: string }): Promise<{ keys: { name: string; metadata?: unknown }[] }>
  }
  SITE: string
}

const app = new Hono<{ Bindings: Bindings }>()

app.use(logger())
app.use(secureHeaders())
app.use(renderer)

app.get('/', async (c) => {
  const visits = Number(getCookie(c, 'visits') ?? 0) + 1
  setCookie(c, 'visits', String(visits), { path: '/', httpOnly: true, sameSite: 'Lax' })
  return c.render(
    <main>
      <h1>{c.env.SITE}</h1>
      <p>Visit {visits}</p>
      <form action="/guests" method="post">
        <input name="name" />
      </form>
    </main>,
    { title: c.env.SITE },
  )
})

app.post('/guests', async (c) => {
  const { name } = await c.req.parseBody<{ name: string }>()
  if (!name) return c.text('name is missing', 400)
  await c.env.GUESTS.put(`guest:${name}`, name, { metadata: { length: name.length } })
  return c.redirect('/api/guests', 303)
})

app.get('/api/guests', async (c) => c.json((await c.env.GUESTS.list({ prefix: 'guest:' })).keys))
app.post('/api/echo', async (c) => c.json({ body: await c.req.json(), type: c.req.header('content-type') }))
app.get('/stream', (c) =>
  stream(c, async (out) => {
    for (const part of ['one ', 'two ', 'three']) await out.write(part)
  }),
)
app.get('/through', async (c) => {
  const asset = await c.env.ASSETS.fetch(new URL('/robots.txt', c.req.url))
  return c.text(`${asset.status} ${await asset.text()}`)
})
app.get('/denied', () => {
  throw new HTTPException(401, { message: 'no entry' })
})
app.get('/mode', (c) => c.json({ mode: import.meta.env.MODE, prod: import.meta.env.PROD }))
app.onError((error, c) =>
  error instanceof HTTPException ? error.getResponse() : c.text(`failed: ${error.message}`, 500),
)
app.get('/broken', () => {
  throw new TypeError('as meant')
})

export default app
