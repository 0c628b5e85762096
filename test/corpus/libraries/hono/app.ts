import { Hono } from 'hono'
import { basicAuth } from 'hono/basic-auth'
import { getCookie, setCookie } from 'hono/cookie'
import { cors } from 'hono/cors'
import { etag } from 'hono/etag'
import { HTTPException } from 'hono/http-exception'
import { secureHeaders } from 'hono/secure-headers'
import { defineApp } from 'unmoor'

const app = new Hono()

app.get('/', (c) => c.text('Hello Hono!'))
app.use('/api/*', cors({ origin: 'https://example.com', allowHeaders: ['X-Custom'], maxAge: 600 }))
app.get('/api/posts/:id', (c) => c.json({ id: c.req.param('id'), page: c.req.query('page') ?? null }))
app.use('/admin/*', basicAuth({ username: 'hono', password: 'acoolproject' }))
app.get('/admin/page', (c) => c.text('You are authorized'))
app.use('/etag/*', etag())
app.get('/etag/abc', (c) => c.text('Hono is cool'))
app.use('/secure', secureHeaders())
app.get('/secure', (c) => c.html('<h1>Secure</h1>'))
app.get('/visits', (c) => {
  const visits = Number(getCookie(c, 'visits') ?? 0) + 1
  setCookie(c, 'visits', String(visits), { path: '/', httpOnly: true, sameSite: 'Lax' })
  setCookie(c, 'last', 'a b', { maxAge: 60 })
  return c.json({ visits })
})
app.get('/throws', () => {
  throw new HTTPException(403, { message: 'You shall not pass' })
})
app.onError((error, c) =>
  error instanceof HTTPException ? error.getResponse() : c.text(`${error.name}: ${error.message}`, 500),
)
app.get('/breaks', () => {
  throw new TypeError('It broke')
})
app.notFound((c) => c.text('Custom 404', 404))

export default defineApp({ fetch: app.fetch })
