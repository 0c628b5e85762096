import { blob, defineApp, defineBindings, kv, queue } from 'unmoor'

export default defineApp({
  bindings: defineBindings({ links: kv(), icons: blob(), clicks: queue<string>() }),
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    await env.clicks.send(pathname)
    return new Response((await env.links.get(pathname)) ?? (await env.icons.get(pathname))?.body ?? 'hello')
  },
})
