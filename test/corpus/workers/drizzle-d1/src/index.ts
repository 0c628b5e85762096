import { count, desc, eq, like, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import setup from '../drizzle/migrations/0000_init.sql'
import * as schema from './schema'

const { users, posts } = schema

export default {
  async fetch(request: Request, env: { DB: D1Database }): Promise<Response> {
    const db = drizzle(env.DB, { schema })
    const { pathname } = new URL(request.url)
    switch (pathname) {
      case '/setup':
        await env.DB.batch(setup.split('--> statement-breakpoint').map((text) => env.DB.prepare(text)))
        return new Response('ready')
      case '/insert': {
        const [ada] = await db.insert(users).values({ name: 'Ada', admin: true }).returning()
        await db.batch([
          db.insert(posts).values({ title: 'One', author: ada!.id, meta: { tags: ['a'] } }),
          db.insert(posts).values({ title: 'Two', author: ada!.id }),
          db
            .insert(users)
            .values([{ name: 'Bob' }, { name: 'Cy' }])
            .onConflictDoNothing(),
        ])
        return Response.json(ada)
      }
      case '/relations':
        return Response.json(await db.query.users.findMany({ with: { posts: { orderBy: desc(posts.id) } } }))
      case '/join':
        return Response.json(
          await db
            .select()
            .from(posts)
            .leftJoin(users, eq(users.id, posts.author))
            .where(like(posts.title, '%o%')),
        )
      case '/count':
        return Response.json(
          await db.select({ n: count(), upper: sql<string>`max(upper(${users.name}))` }).from(users),
        )
      case '/update': {
        const result = await db.update(users).set({ admin: true }).where(eq(users.name, 'Bob')).run()
        return Response.json({ changes: result.meta.changes })
      }
      case '/delete':
        return Response.json(
          await db.delete(users).where(eq(users.name, 'Cy')).returning({ name: users.name }),
        )
      case '/bad':
        try {
          await db.insert(posts).values({ title: null as never })
        } catch (error) {
          return Response.json(
            { cause: String((error as Error).cause).includes('NOT NULL') },
            { status: 400 },
          )
        }
    }
    return new Response('no', { status: 404 })
  },
}
