import { handleRedirect, handleCreate, handleList, handleDelete } from './handlers'
import { json } from './responses'

const ROUTES = [
  ['POST', /^\/api\/links$/, handleCreate],
  ['GET', /^\/api\/links$/, handleList],
  ['DELETE', /^\/api\/links\/(?<slug>[\w-]+)$/, handleDelete],
  ['GET', /^\/(?<slug>[\w-]+)$/, handleRedirect],
]

export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url)
    for (const [method, pattern, handler] of ROUTES) {
      const match = pattern.exec(url.pathname)
      if (match && request.method === method) return handler(request, env, ctx, match.groups ?? {})
    }
    return json({ error: 'Not Found' }, 404)
  },

  async scheduled(event, env, ctx) {
    ctx.waitUntil(expire(env, event.scheduledTime))
  },
}

async function expire(env, now) {
  let cursor
  do {
    const page = await env.LINKS.list({ prefix: 'link:', cursor })
    await Promise.all(
      page.keys.filter(({ metadata }) => metadata?.until < now).map(({ name }) => env.LINKS.delete(name)),
    )
    cursor = page.list_complete ? undefined : page.cursor
  } while (cursor)
}
