import { Hono } from 'hono'
import { bearerAuth } from 'hono/bearer-auth'
import { jwt, sign, type JwtVariables } from 'hono/jwt'
import { getSignedCookie, setSignedCookie } from 'hono/cookie'
import { defineApp, defineBindings, variable, type Env } from 'unmoor'

const bindings = defineBindings({ JWT_SECRET: variable() })
const app = new Hono<{ Bindings: Env<typeof bindings>; Variables: JwtVariables }>()

app.use('/auth/*', (c, next) => jwt({ secret: c.env.JWT_SECRET, alg: 'HS256' })(c, next))
app.get('/auth/page', (c) => c.json(c.get('jwtPayload')))
app.get('/token/:alg', async (c) => {
  const alg = c.req.param('alg') as 'HS256' | 'HS512'
  return c.text(await sign({ sub: 'user123', role: 'admin', exp: 4_102_444_800 }, c.env.JWT_SECRET, alg))
})
app.use('/bearer/*', bearerAuth({ token: 'honoiscool' }))
app.get('/bearer/page', (c) => c.json({ message: 'You are authorized' }))
app.get('/signed', async (c) => {
  const cookie = await getSignedCookie(c, c.env.JWT_SECRET, 'fortune')
  await setSignedCookie(c, 'fortune', 'lots-of-money', c.env.JWT_SECRET)
  return c.json({ cookie: cookie ?? null })
})

export default defineApp({ bindings, fetch: app.fetch })
