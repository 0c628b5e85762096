import { Hono } from 'hono'
import { defineApp, defineBindings, secret, sql, variable, type Env } from 'unmoor'
import { createAuth } from './auth'

const bindings = defineBindings({
  db: sql({ migrations: './migrations' }),
  /** AUTH_SECRET: at least 32 characters, which sign the cookies. */
  authSecret: secret(),
  /** AUTH_URL: requests of pages of another origin are refused. */
  authUrl: variable({ default: 'http://127.0.0.1:8787' }),
})

type AppEnv = Env<typeof bindings>

const app = new Hono<{ Bindings: AppEnv }>()

const authOf = async ({ db, authSecret, authUrl }: AppEnv) => createAuth(db, await authSecret.get(), authUrl)

// POST /api/auth/sign-up/email, /sign-in/email, /sign-out, GET /get-session and more: better-auth.com/docs.
app.on(['GET', 'POST'], '/api/auth/*', async (c) => (await authOf(c.env)).handler(c.req.raw))

app.get('/me', async (c) => {
  const session = await (await authOf(c.env)).api.getSession({ headers: c.req.raw.headers })
  if (session === null) return c.json({ error: 'Sign in first.' }, 401)
  return c.json({ name: session.user.name, email: session.user.email })
})

export default defineApp({ bindings, fetch: app.fetch })
