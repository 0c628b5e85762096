import { Hono } from 'hono'
import { Redis } from 'ioredis'
import { defineApp, defineBindings, variable, type Env } from 'unmoor'

const bindings = defineBindings({ REDIS_URL: variable(), REDIS_PREFIX: variable() })
const app = new Hono<{ Bindings: Env<typeof bindings>; Variables: { redis: Redis } }>()

app.use(async (c, next) => {
  const redis = new Redis(c.env.REDIS_URL, { keyPrefix: c.env.REDIS_PREFIX, lazyConnect: true })
  c.set('redis', redis)
  await redis.connect()
  await next()
  await redis.quit()
})
app.put('/keys/:key', async (c) => {
  const result = await c.get('redis').set(c.req.param('key'), await c.req.text(), 'EX', 60)
  return c.json({ result, ttl: (await c.get('redis').ttl(c.req.param('key'))) > 0 })
})
app.get('/keys/:key', async (c) => {
  const value = await c.get('redis').get(c.req.param('key'))
  return value === null ? c.notFound() : c.text(value)
})
app.get('/pipeline', async (c) => {
  const results = await c
    .get('redis')
    .pipeline()
    .incr('n')
    .incrby('n', 4)
    .hset('h', { a: 1, b: 'ä' })
    .hgetall('h')
    .exec()
  return c.json(results)
})
app.get('/multi', async (c) =>
  c.json(await c.get('redis').multi().rpush('list', 'a', 'b').lrange('list', 0, -1).exec()),
)
app.get('/script', async (c) =>
  c.json(await c.get('redis').eval('return { KEYS[1], ARGV[1], 7 }', 1, 'key', 'argument')),
)
app.get('/bytes', async (c) => {
  await c.get('redis').set('bytes', Buffer.from([0, 255, 128]))
  const bytes = await c.get('redis').getBuffer('bytes')
  return c.body(new Uint8Array(bytes ?? []))
})
app.get('/error', (c) =>
  c
    .get('redis')
    .call('NOTACOMMAND')
    .then(
      () => c.text('no error'),
      (error: Error) => c.text(`${error.name}: ${error.message}`, 400),
    ),
)

export default defineApp({ bindings, fetch: app.fetch })
