import { json } from './responses'

export async function handleCreate(request, env) {
  let body
  try {
    body = await request.json()
  } catch (error) {
    return json({ error: 'Invalid JSON', name: error.name }, 400)
  }
  if (!URL.canParse(body.url)) return json({ error: 'Invalid url' }, 422)
  const slug = body.slug ?? Math.random().toString(36).slice(2, 8)
  if ((await env.LINKS.get(`link:${slug}`)) !== null) return json({ error: 'Taken' }, 409)
  await env.LINKS.put(`link:${slug}`, JSON.stringify({ url: body.url, hits: 0 }), {
    expirationTtl: body.ttl ?? env.DEFAULT_TTL,
    metadata: { url: body.url, tags: body.tags ?? [] },
  })
  return json({ short: `${env.BASE}/${slug}` }, 201, { location: `/${slug}` })
}

export async function handleRedirect(request, env, ctx, { slug }) {
  const link = await env.LINKS.get(`link:${slug}`, { type: 'json', cacheTtl: 60 })
  if (link === null) return new Response('No such link', { status: 404 })
  ctx.waitUntil(env.LINKS.put(`hits:${slug}`, String(link.hits + 1)))
  return Response.redirect(link.url, 302)
}

export async function handleList(request, env) {
  const { keys, list_complete, cacheStatus } = await env.LINKS.list({ prefix: 'link:', limit: 10 })
  return json({
    keys: keys.map(({ name, metadata, expiration }) => ({ name, metadata, expires: typeof expiration })),
    list_complete,
    cacheStatus,
  })
}

export async function handleDelete(request, env, ctx, { slug }) {
  const { value, metadata } = await env.LINKS.getWithMetadata(`link:${slug}`, 'json')
  if (value === null) return json({ error: 'Not Found' }, 404)
  await env.LINKS.delete(`link:${slug}`)
  return json({ deleted: slug, was: value, metadata })
}
