import { createMiddleware } from 'hono/factory'
import type { AppEnv } from './bindings.ts'

/** Middleware that passes requests whose bearer token is the admin token. */
export const requireAdmin = createMiddleware<AppEnv>(async (c, next) => {
  const given = /^Bearer (.+)$/.exec(c.req.header('authorization') ?? '')?.[1] ?? ''
  if (!(await equal(given, await c.env.adminToken.get())))
    return c.json({ error: 'the admin token is missing or wrong' }, 401)
  return next()
})

/** Compares two texts in a time that does not reveal where they differ. */
async function equal(a: string, b: string): Promise<boolean> {
  const digests = await Promise.all(
    [a, b].map((text) => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))),
  )
  const [x, y] = digests.map((digest) => new Uint8Array(digest)) as [Uint8Array, Uint8Array]
  return x.reduce((difference, byte, index) => difference | (byte ^ (y[index] as number)), 0) === 0
}
