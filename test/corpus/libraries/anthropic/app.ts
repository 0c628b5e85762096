import Anthropic from '@anthropic-ai/sdk'
import { Hono } from 'hono'
import { defineApp, defineBindings, variable, type Env } from 'unmoor'

const bindings = defineBindings({ ANTHROPIC_API_KEY: variable(), UPSTREAM_URL: variable() })
const app = new Hono<{ Bindings: Env<typeof bindings> }>()

const client = (env: Env<typeof bindings>): Anthropic =>
  new Anthropic({ apiKey: env.ANTHROPIC_API_KEY, baseURL: env.UPSTREAM_URL, maxRetries: 0 })
const params = {
  model: 'claude-test',
  max_tokens: 64,
  messages: [{ role: 'user' as const, content: 'Hello' }],
}

app.get('/message', async (c) => c.json(await client(c.env).messages.create(params)))
app.get('/stream', async (c) => {
  const stream = client(c.env).messages.stream(params)
  const parts: string[] = []
  stream.on('text', (text) => parts.push(text))
  const { content, stop_reason } = await stream.finalMessage()
  return c.json({ parts, content, stop_reason })
})
app.get('/passed-on', async (c) => {
  const stream = await client(c.env).messages.create({ ...params, stream: true })
  return c.body(stream.toReadableStream())
})
app.get('/count', async (c) =>
  c.json(await client(c.env).messages.countTokens({ model: params.model, messages: params.messages })),
)
app.get('/error', async (c) => {
  try {
    return c.json(await client(c.env).models.retrieve('missing'))
  } catch (error) {
    if (!(error instanceof Anthropic.APIError)) throw error
    return c.json({ of: error.constructor.name, status: error.status as number, id: error.requestID }, 404)
  }
})

export default defineApp({ bindings, fetch: app.fetch })
