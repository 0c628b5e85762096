import axios, { AxiosError, type AxiosInstance } from 'axios'
import { Hono } from 'hono'
import { defineApp, defineBindings, variable, type Env } from 'unmoor'

const bindings = defineBindings({ UPSTREAM_URL: variable() })
const app = new Hono<{ Bindings: Env<typeof bindings> }>()

const api = (env: Env<typeof bindings>): AxiosInstance =>
  axios.create({ baseURL: env.UPSTREAM_URL, timeout: 20_000, headers: { 'X-App': 'corpus' } })

app.get('/users/:id', async (c) => {
  const { data, status, headers } = await api(c.env).get<unknown>(`/users/${c.req.param('id')}`, {
    params: { deep: [1, 2] },
  })
  return c.json({ data, status, type: headers['content-type'] as string })
})
app.post('/users', async (c) => {
  const { data } = await api(c.env).post<unknown>('/echo', await c.req.json())
  return c.json(data)
})
app.post('/form', async (c) => {
  const { data } = await api(c.env).postForm<unknown>('/echo', { name: 'Ädä', list: [1, 2] })
  return c.json(data)
})
app.get('/missing', async (c) => {
  try {
    await api(c.env).get('/missing')
    return c.text('no error')
  } catch (error) {
    if (!axios.isAxiosError(error)) throw error
    const { name, code, message, response } = error
    return c.json(
      { name, code, message, data: response?.data as unknown, is: error instanceof AxiosError },
      404,
    )
  }
})
app.get('/bytes', async (c) => {
  const { data } = await api(c.env).get<ArrayBuffer>('/bytes', { responseType: 'arraybuffer' })
  return c.json(Array.from(new Uint8Array(data)))
})
app.get('/interceptors', async (c) => {
  const client = api(c.env)
  client.interceptors.request.use((config) => {
    config.headers.set('Authorization', 'Bearer token')
    return config
  })
  client.interceptors.response.use((response) => ({
    ...response,
    data: { wrapped: response.data as unknown },
  }))
  return c.json((await client.get<unknown>('/headers')).data)
})
app.get('/cancelled', async (c) => {
  const controller = new AbortController()
  controller.abort()
  const error = await api(c.env)
    .get('/users/1', { signal: controller.signal })
    .catch((reason: unknown) => reason)
  return c.json({ cancelled: axios.isCancel(error), code: (error as AxiosError).code })
})

export default defineApp({ bindings, fetch: app.fetch })
