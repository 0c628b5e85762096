/** Comments per page in D1, as in Cloudflare's own templates. The Worker knows nothing of unmoor. */
const COMMENTS = new URLPattern({ pathname: '/pages/:page/comments' })
const LIKES = new URLPattern({ pathname: '/comments/:id/likes' })

export default {
  async fetch(request, env) {
    const page = COMMENTS.exec(request.url)?.pathname.groups.page
    if (page !== undefined && request.method === 'GET') return list(env, page)
    if (page !== undefined && request.method === 'POST') return create(request, env, page)
    const id = LIKES.exec(request.url)?.pathname.groups.id
    if (id !== undefined && request.method === 'POST') return like(env, Number(id))
    return new Response('Not Found', { status: 404 })
  },
}

async function list(env, page) {
  const [comments, total] = await env.DB.batch([
    env.DB.prepare('SELECT id, author, body, likes FROM comments WHERE page = ?1 ORDER BY id LIMIT 20').bind(
      page,
    ),
    env.DB.prepare('SELECT count(*) AS n FROM comments WHERE page = ?1').bind(page),
  ])
  return Response.json({ comments: comments.results, total: total.results[0].n })
}

async function create(request, env, page) {
  const { author, body } = await request.json()
  try {
    const comment = await env.DB.prepare(
      'INSERT INTO comments (page, author, body) VALUES (?, ?, ?) RETURNING id, author, body, likes',
    )
      .bind(page, author, body)
      .first()
    return Response.json(comment, { status: 201 })
  } catch (error) {
    if (error.message.includes('CHECK constraint failed'))
      return Response.json({ error: 'The comment is too long.' }, { status: 400 })
    throw error
  }
}

async function like(env, id) {
  const { meta } = await env.DB.prepare('UPDATE comments SET likes = likes + 1 WHERE id = ?').bind(id).run()
  if (meta.changes === 0) return Response.json({ error: 'There is no such comment.' }, { status: 404 })
  return Response.json({
    likes: await env.DB.prepare('SELECT likes FROM comments WHERE id = ?').bind(id).first('likes'),
  })
}
