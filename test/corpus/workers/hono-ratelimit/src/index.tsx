import { Hono } from 'hono'
import { basicAuth } from 'hono/basic-auth'
import { createMiddleware } from 'hono/factory'
import { html } from 'hono/html'
import { requestId } from 'hono/request-id'
import { timing } from 'hono/timing'
import { Layout } from './layout'

type Env = { Bindings: { LIMIT: RateLimit; TITLE: string }; Variables: { user: string } }

const limited = createMiddleware<Env>(async (c, next) => {
  const { success } = await c.env.LIMIT.limit({ key: c.req.header('x-user') ?? 'all' })
  if (!success) return c.text('Too many', 429)
  await next()
})

const app = new Hono<Env>().basePath('/')
app.use('/api/*', limited)
app.use('/admin/*', basicAuth({ username: 'ada', password: 'pw' }))
app.use('/id', requestId({ generator: () => 'fixed' }))

app.get('/', (c) =>
  c.html(
    <Layout title={c.env.TITLE}>
      {['a', '<b>'].map((item) => (
        <li key={item}>{item}</li>
      ))}
    </Layout>,
  ),
)
app.get('/api/ping', (c) => c.json({ pong: true }))
app.get('/admin/', (c) => c.html(html`<b>${'<admin>'}</b>`))
app.get('/id', (c) => c.text(c.get('requestId' as never)))
app.get('/files/:name{.+\\.png}', (c) => c.text(c.req.param('name')))
app.post('/upload', async (c) => {
  const body = await c.req.parseBody({ all: true })
  return c.json(
    Object.fromEntries(
      Object.entries(body).map(([name, value]) => [name, value instanceof File ? value.size : value]),
    ),
  )
})
app.notFound((c) => c.json({ path: c.req.path }, 404))

export default app
