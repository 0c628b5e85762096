import { Hono } from 'hono'
import { stream, streamSSE, streamText } from 'hono/streaming'
import { defineApp } from 'unmoor'

const app = new Hono()

app.get('/sse', (c) =>
  streamSSE(c, async (out) => {
    for (let id = 0; id < 5; id++) {
      await out.writeSSE({ data: `It is number ${id}\nand two lines`, event: 'time-update', id: String(id) })
      await out.sleep(2)
    }
  }),
)
app.get('/text', (c) =>
  streamText(c, async (out) => {
    await out.writeln('Hello')
    await out.sleep(2)
    await out.write('Hono! äöü 🎉')
  }),
)
app.get('/bytes', (c) =>
  stream(c, async (out) => {
    await out.write(new Uint8Array([0x48, 0x65, 0x6c, 0x6c, 0x6f]))
    await out.pipe(new Blob([' from a blob']).stream())
  }),
)
app.get('/fails', (c) =>
  streamSSE(
    c,
    async (out) => {
      await out.writeSSE({ data: 'before' })
      throw new Error('in the stream')
    },
    async (error, out) => {
      await out.writeln(`An error occurred: ${error.message}`)
    },
  ),
)
app.post('/echo', (c) =>
  stream(c, async (out) => {
    if (c.req.raw.body !== null) await out.pipe(c.req.raw.body)
  }),
)

export default defineApp({ fetch: app.fetch })
