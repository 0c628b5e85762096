import { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import OpenAI from 'openai'
import { defineApp, defineBindings, variable, type Env } from 'unmoor'

const bindings = defineBindings({ OPENAI_API_KEY: variable(), UPSTREAM_URL: variable() })
const app = new Hono<{ Bindings: Env<typeof bindings> }>()

const client = (env: Env<typeof bindings>): OpenAI =>
  new OpenAI({ apiKey: env.OPENAI_API_KEY, baseURL: `${env.UPSTREAM_URL}/v1`, maxRetries: 0 })
const messages = [{ role: 'user' as const, content: 'Say hi' }]

app.get('/chat', async (c) => {
  const completion = await client(c.env).chat.completions.create({ model: 'gpt-test', messages })
  return c.json({ text: completion.choices[0]?.message.content, usage: completion.usage })
})
app.get('/stream', (c) =>
  streamSSE(c, async (out) => {
    const stream = await client(c.env).chat.completions.create({ model: 'gpt-test', messages, stream: true })
    for await (const chunk of stream) await out.writeSSE({ data: chunk.choices[0]?.delta.content ?? '' })
  }),
)
app.get('/models', async (c) => {
  const ids: string[] = []
  for await (const model of client(c.env).models.list()) ids.push(model.id)
  return c.json(ids)
})
app.post('/upload', async (c) => {
  const file = (await c.req.formData()).get('file') as File
  return c.json(await client(c.env).files.create({ file, purpose: 'assistants' }))
})
app.get('/error', async (c) => {
  try {
    return c.json(await client(c.env).models.retrieve('missing'))
  } catch (error) {
    if (!(error instanceof OpenAI.APIError)) throw error
    return c.json(
      {
        of: error.constructor.name,
        status: error.status as number,
        code: error.code,
        message: error.message,
      },
      404,
    )
  }
})

export default defineApp({ bindings, fetch: app.fetch })
