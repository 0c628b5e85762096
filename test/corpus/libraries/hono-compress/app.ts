import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { compress } from 'hono/compress'
import { stream } from 'hono/streaming'
import { defineApp } from 'unmoor'

const app = new Hono()

app.use(compress())
app.get('/long', (c) => c.text('All work and no play makes Jack a dull boy. '.repeat(200)))
app.get('/short', (c) => c.text('short'))
app.get('/json', (c) =>
  c.json({ items: Array.from({ length: 500 }, (_, id) => ({ id, name: `Item ${id}` })) }),
)
app.get('/image', (c) => c.body('\u0089PNG'.repeat(1000), 200, { 'Content-Type': 'image/png' }))
app.get('/stream', (c) => {
  c.header('Content-Type', 'text/plain; charset=UTF-8')
  return stream(c, async (out) => {
    for (let line = 0; line < 200; line++) await out.write(`line ${line} of the stream\n`)
  })
})
app.post('/limited', bodyLimit({ maxSize: 1024, onError: (c) => c.text('overflow :(', 413) }), async (c) =>
  c.text(String((await c.req.text()).length)),
)

export default defineApp({ fetch: app.fetch })
