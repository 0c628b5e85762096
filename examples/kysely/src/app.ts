import { defineApp, defineBindings, isUnmoorError, sql } from 'unmoor'
import { createDatabase } from './database.ts'
import { type NewPost, publish, ranking, view } from './posts.ts'

const bindings = defineBindings({ db: sql({ migrations: './migrations' }) })

export default defineApp({
  bindings,
  async fetch(request, env) {
    const db = createDatabase(env.db)
    const { pathname } = new URL(request.url)
    try {
      if (request.method === 'POST' && pathname === '/posts') {
        await publish(db, (await request.json()) as NewPost, Date.now())
        return new Response(null, { status: 201 })
      }
      const id = /^\/posts\/([^/]+)$/.exec(pathname)?.[1]
      if (id !== undefined) {
        const post = await view(db, id)
        return post === undefined ? new Response('Not Found', { status: 404 }) : Response.json(post)
      }
      return pathname === '/ranking'
        ? Response.json(await ranking(db, 10))
        : new Response('Not Found', { status: 404 })
    } catch (error) {
      if (isUnmoorError(error, 'AlreadyExists')) return new Response('There is such a post.', { status: 409 })
      if (isUnmoorError(error, 'Unsupported')) return new Response(error.message, { status: 501 })
      throw error
    }
  },
})
