import { Hono } from 'hono'
import { isUnmoorError, sql } from 'unmoor'
import { requireAdmin } from './admin.ts'
import type { AppEnv } from './bindings.ts'
import { dayOf, statisticsOf } from './clicks.ts'
import { checkSlug, checkUrl, randomSlug } from './links.ts'

const MAX_ICON_BYTES = 256 * 1024
const ICON_TYPES = ['image/png', 'image/jpeg', 'image/webp', 'image/gif']

export const routes = new Hono<AppEnv>()

routes.use('/api/*', requireAdmin)

routes.post('/api/links', async (c) => {
  const input: { url?: unknown; slug?: unknown } = await c.req.json().catch(() => ({}))
  const url = checkUrl(input.url)
  if (url === undefined) return c.json({ error: 'url must be an absolute http or https address' }, 400)
  const slug = input.slug === undefined ? randomSlug() : checkSlug(input.slug)
  if (slug === undefined) return c.json({ error: 'slug must be 2 to 64 letters, digits, "-" or "_"' }, 400)
  try {
    // The database decides who gets a slug: the key-value store may be stale for a minute.
    await c.env.stats.run(
      sql`INSERT INTO links (slug, url, created_at) VALUES (${slug}, ${url}, ${new Date().toISOString()})`,
    )
  } catch (error) {
    if (isUnmoorError(error, 'AlreadyExists')) return c.json({ error: `the slug "${slug}" is taken` }, 409)
    throw error
  }
  await c.env.links.put(slug, url)
  return c.json({ slug, url }, 201)
})

routes.get('/api/links', async (c) => {
  const after = c.req.query('after') ?? ''
  const links = await c.env.stats.all<{ slug: string; url: string; created_at: string }>(
    sql`SELECT slug, url, created_at FROM links WHERE slug > ${after} ORDER BY slug LIMIT 50`,
  )
  return c.json({ links, next: links.length === 50 ? links.at(-1)?.slug : undefined })
})

routes.delete('/api/links/:slug', async (c) => {
  const slug = c.req.param('slug')
  const { changes } = await c.env.stats.run(sql`DELETE FROM links WHERE slug = ${slug}`)
  await Promise.all([c.env.links.delete(slug), c.env.icons.delete(slug)])
  return changes === 0 ? c.json({ error: 'no such link' }, 404) : c.body(null, 204)
})

routes.put('/api/links/:slug/icon', async (c) => {
  const slug = c.req.param('slug')
  const contentType = c.req.header('content-type') ?? ''
  if (!ICON_TYPES.includes(contentType))
    return c.json({ error: `an icon is one of ${ICON_TYPES.join(', ')}` }, 415)
  const found = await c.env.stats.value(sql`SELECT slug FROM links WHERE slug = ${slug}`)
  if (found === null) return c.json({ error: 'no such link' }, 404)
  const bytes = await c.req.arrayBuffer()
  if (bytes.byteLength > MAX_ICON_BYTES)
    return c.json({ error: `an icon is at most ${MAX_ICON_BYTES} bytes` }, 413)
  await c.env.icons.put(slug, bytes, { contentType })
  return c.json({ slug, bytes: bytes.byteLength }, 201)
})

routes.get('/api/stats/:slug', async (c) => {
  const days = Number(c.req.query('days') ?? 30)
  if (!Number.isInteger(days) || days < 1 || days > 365)
    return c.json({ error: 'days is a whole number from 1 to 365' }, 400)
  return c.json(
    await statisticsOf(c.env.stats, c.req.param('slug'), dayOf(Date.now() - (days - 1) * 86_400_000)),
  )
})

routes.get('/icons/:slug', async (c) => {
  const icon = await c.env.icons.get(c.req.param('slug'), {
    ifNoneMatch: c.req.header('if-none-match')?.replaceAll('"', '') || 'none',
  })
  if (icon === null) return c.notFound()
  const headers = { etag: `"${icon.etag}"`, 'cache-control': 'public, max-age=300' }
  if (icon.body === null) return c.body(null, 304, headers)
  return c.body(icon.body, 200, {
    ...headers,
    'content-type': icon.httpMetadata.contentType ?? 'application/octet-stream',
  })
})

routes.get('/:slug', async (c) => {
  const slug = c.req.param('slug')
  const url = checkSlug(slug) === undefined ? null : await c.env.links.get(slug)
  if (url === null) return c.text('There is no such link.', 404)
  await c.env.clicks.send({ slug, at: Date.now(), referrer: hostOf(c.req.header('referer')) })
  return c.redirect(url, 302)
})

function hostOf(referrer: string | undefined): string {
  return referrer !== undefined && URL.canParse(referrer) ? new URL(referrer).host : ''
}
