/** A Worker as Cloudflare's users have it, with one path per binding. */
export default {
  async fetch(request, env) {
    switch (new URL(request.url).pathname) {
      case '/kv':
        return Response.json(await env.KV.get('key', 'json'))
      case '/d1':
        return Response.json(
          (
            await env.DB.prepare('SELECT id, name, email FROM users WHERE id BETWEEN ? AND ? ORDER BY id')
              .bind(10, 19)
              .all()
          ).results,
        )
      case '/r2': {
        const object = await env.BUCKET.get('object')
        return new Response(object.body, { headers: { etag: object.httpEtag } })
      }
      case '/set-up':
        await env.KV.put('key', JSON.stringify({ text: 'x'.repeat(1000) }))
        await env.BUCKET.put('object', 'r'.repeat(16 * 1024))
        await env.DB.batch(
          Array.from({ length: 100 }, (_, id) =>
            env.DB.prepare('INSERT OR REPLACE INTO users VALUES (?, ?, ?)').bind(
              id,
              `name ${id}`,
              `user${id}@example.com`,
            ),
          ),
        )
        return new Response('done')
    }
    return new Response('hello')
  },
}
