import { createClient } from '@supabase/supabase-js'
import { Hono } from 'hono'
import { defineApp, defineBindings, variable, type Env } from 'unmoor'

const bindings = defineBindings({ UPSTREAM_URL: variable() })
const app = new Hono<{ Bindings: Env<typeof bindings>; Variables: { db: ReturnType<typeof connect> } }>()

/** As the library says where it finds no WebSocket, which only its realtime part opens. */
class NoRealtime {
  constructor() {
    throw new Error('This app has no realtime.')
  }
}

const connect = (url: string) =>
  createClient(url, 'anon-key', {
    auth: { persistSession: false, autoRefreshToken: false },
    realtime: { transport: NoRealtime as never },
  })

app.use(async (c, next) => {
  c.set('db', connect(c.env.UPSTREAM_URL))
  await next()
})
app.get('/select', async (c) => {
  const { data, count, error } = await c
    .get('db')
    .from('users')
    .select('id, name', { count: 'exact' })
    .gte('age', 18)
    .in('role', ['a', 'b c'])
    .order('name', { ascending: false })
    .range(0, 9)
  return c.json({ data, count, error })
})
app.post('/insert', async (c) => {
  const { data, status } = await c
    .get('db')
    .from('users')
    .insert(await c.req.json())
    .select()
    .single()
  return c.json({ data: data as unknown, status })
})
app.get('/error', async (c) => {
  const { error, status } = await c.get('db').from('nothing').select()
  return c.json({ code: error?.code, message: error?.message, of: error?.constructor.name, status }, 400)
})
app.get('/rpc', async (c) => {
  const { data } = await c.get('db').rpc('add', { a: 1, b: 2 })
  return c.json(data as number)
})
app.get('/login', async (c) => {
  const { data, error } = await c
    .get('db')
    .auth.signInWithPassword({ email: 'ada@example.com', password: 'x' })
  return c.json({ user: data.user?.email, error: error?.message ?? null })
})
app.post('/upload', async (c) => {
  const { data, error } = await c
    .get('db')
    .storage.from('files')
    .upload('ä/a.txt', await c.req.arrayBuffer(), { contentType: 'text/plain', upsert: true })
  return c.json({ data, error })
})
app.get('/function', async (c) => {
  const { data } = await c.get('db').functions.invoke('hello', { body: { name: 'Ädä' } })
  return c.json(data as object)
})

export default defineApp({ bindings, fetch: app.fetch })
