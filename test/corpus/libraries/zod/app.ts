import { Hono } from 'hono'
import { z } from 'zod'
import { defineApp } from 'unmoor'

const Player = z.object({
  username: z.string().min(3),
  email: z.email(),
  xp: z.coerce.number().int().nonnegative().default(0),
  born: z.iso.date().optional(),
  tags: z.array(z.string()).max(2).default([]),
})
const Event = z.discriminatedUnion('type', [
  z.object({ type: z.literal('click'), x: z.number(), y: z.number() }),
  z.object({ type: z.literal('key'), key: z.string().length(1) }),
])

class Email extends String {}

const app = new Hono()
app.post('/players', async (c) => {
  const result = Player.safeParse(await c.req.json())
  return result.success ? c.json(result.data, 201) : c.json(z.treeifyError(result.error), 400)
})
app.post('/events', async (c) => {
  try {
    return c.json(Event.parse(await c.req.json()))
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error
    return c.json({ name: error.name, of: error.constructor.name, text: z.prettifyError(error) }, 400)
  }
})
app.get('/schema', (c) => c.json(z.toJSONSchema(Player, { io: 'input' })))
app.get('/transform', (c) =>
  c.json(
    z
      .string()
      .transform((text) => text.split(','))
      .pipe(z.array(z.coerce.number<string>()))
      .parse(c.req.query('list')),
  ),
)
app.get('/instance', (c) => {
  const result = z.instanceof(Email).safeParse(c.req.query('class') === 'email' ? new Email('a@b') : 'a@b')
  return c.json({ success: result.success, issues: result.error?.issues ?? [] })
})

export default defineApp({ fetch: app.fetch })
