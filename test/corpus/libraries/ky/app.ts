import { Hono } from 'hono'
import ky, { HTTPError, type KyInstance } from 'ky'
import { defineApp, defineBindings, variable, type Env } from 'unmoor'

const bindings = defineBindings({ UPSTREAM_URL: variable() })
const app = new Hono<{ Bindings: Env<typeof bindings> }>()

const api = (env: Env<typeof bindings>): KyInstance =>
  ky.create({ prefix: env.UPSTREAM_URL, retry: 0, headers: { 'x-app': 'corpus' } })

app.get('/users/:id', async (c) =>
  c.json(
    await api(c.env)
      .get(`users/${c.req.param('id')}`, { searchParams: { deep: 'ä b' } })
      .json(),
  ),
)
app.post('/users', async (c) =>
  c.json(
    await api(c.env)
      .post('echo', { json: await c.req.json() })
      .json(),
  ),
)
app.get('/missing', async (c) => {
  try {
    return c.json(await api(c.env).get('missing').json())
  } catch (error) {
    if (!(error instanceof HTTPError)) throw error
    return c.json({ name: error.name, of: error.constructor.name, status: error.response.status }, 404)
  }
})
app.get('/redirect', async (c) => c.json(await api(c.env).get('gone').json()))
app.get('/hooks', async (c) => {
  const client = api(c.env).extend({
    hooks: { beforeRequest: [({ request }) => request.headers.set('authorization', 'Bearer token')] },
  })
  return c.json(await client.get('headers').json())
})
app.get('/bytes', async (c) => c.body(await api(c.env).get('bytes').arrayBuffer()))

export default defineApp({ bindings, fetch: app.fetch })
