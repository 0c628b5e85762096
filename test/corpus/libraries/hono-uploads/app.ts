import { Hono } from 'hono'
import { zValidator } from '@hono/zod-validator'
import { z } from 'zod'
import { defineApp } from 'unmoor'

const app = new Hono()

async function describe(value: unknown): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map(describe))
  if (!(value instanceof File)) return value
  const digest = await crypto.subtle.digest('SHA-256', await value.arrayBuffer())
  return { name: value.name, type: value.type, size: value.size, sha256: [...new Uint8Array(digest)].join() }
}

app.post('/upload', async (c) => {
  const body = await c.req.parseBody()
  return c.json(
    Object.fromEntries(await Promise.all(Object.entries(body).map(async ([k, v]) => [k, await describe(v)]))),
  )
})
app.post('/uploads', async (c) => {
  const body = await c.req.parseBody({ all: true, dot: true })
  return c.json({ files: await describe(body['files']), user: body['user'] })
})
app.post('/back', async (c) => {
  const file = (await c.req.formData()).get('file') as File
  return c.body(await file.arrayBuffer(), 200, {
    'Content-Type': file.type,
    'Content-Disposition': `attachment; filename="${file.name}"`,
  })
})
app.post(
  '/validated',
  zValidator('form', z.object({ title: z.string().min(3), size: z.coerce.number().max(10) })),
  (c) => c.json(c.req.valid('form'), 201),
)

export default defineApp({ fetch: app.fetch })
