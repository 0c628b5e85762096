import { WorkerEntrypoint } from 'cloudflare:workers'

/** Short links in KV, with a queue of clicks and a nightly cleaning. The Worker knows nothing of unmoor. */
export default class Links extends WorkerEntrypoint {
  async fetch(request) {
    const { pathname } = new URL(request.url)
    const slug = pathname.slice(1)
    if (request.method === 'PUT') {
      const { url, ttl } = await request.json()
      await this.env.LINKS.put(slug, url, {
        metadata: { created: Date.now() },
        ...(ttl === undefined ? {} : { expirationTtl: ttl }),
      })
      return new Response(null, { status: 201 })
    }
    if (pathname.endsWith('/clicks'))
      return Response.json({
        clicks: Number((await this.env.CLICKS.get(slug.replace(/\/clicks$/, ''))) ?? 0),
      })
    const url = await this.env.LINKS.get(slug)
    if (url === null) return new Response('Not Found', { status: 404 })
    this.ctx.waitUntil(this.env.QUEUE.send({ slug }))
    return Response.redirect(url, 302)
  }

  async queue(batch) {
    const counts = new Map()
    for (const { body } of batch.messages) counts.set(body.slug, (counts.get(body.slug) ?? 0) + 1)
    for (const [slug, count] of counts)
      await this.env.CLICKS.put(slug, String(Number((await this.env.CLICKS.get(slug)) ?? 0) + count))
  }

  async scheduled() {
    const { keys } = await this.env.CLICKS.list()
    for (const { name } of keys)
      if ((await this.env.LINKS.get(name)) === null) await this.env.CLICKS.delete(name)
  }
}
