import { count, desc, eq, gte, relations, sql } from 'drizzle-orm'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { SqliteRemoteDatabase } from 'drizzle-orm/sqlite-proxy'

const users = sqliteTable('users', {
  id: text('id').primaryKey(),
  name: text('name').notNull(),
  age: integer('age').notNull(),
  settings: text('settings', { mode: 'json' }).$type<{ theme: string }>().notNull(),
})
const posts = sqliteTable('posts', {
  id: text('id').primaryKey(),
  author: text('author').notNull(),
  title: text('title').notNull(),
})
export const schema = {
  users,
  posts,
  usersRelations: relations(users, ({ many }) => ({ posts: many(posts) })),
  postsRelations: relations(posts, ({ one }) => ({
    user: one(users, { fields: [posts.author], references: [users.id] }),
  })),
}

/** The app, on whatever database is behind Drizzle. */
export async function answer(request: Request, db: SqliteRemoteDatabase<typeof schema>): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url)
  const id = searchParams.get('id') ?? ''
  switch (`${request.method} ${pathname}`) {
    case 'POST /users': {
      const rows = (await request.json()) as (typeof users.$inferInsert)[]
      return Response.json(await db.insert(users).values(rows).returning({ id: users.id }), { status: 201 })
    }
    case 'POST /posts':
      await db.insert(posts).values((await request.json()) as (typeof posts.$inferInsert)[])
      return new Response(null, { status: 204 })
    case 'GET /users':
      return Response.json(
        await db
          .select()
          .from(users)
          .where(gte(users.age, Number(searchParams.get('age') ?? 0)))
          .orderBy(desc(users.age)),
      )
    case 'GET /counts':
      return Response.json(
        await db
          .select({ name: users.name, posts: count(posts.id) })
          .from(users)
          .leftJoin(posts, eq(posts.author, users.id))
          .groupBy(users.id, users.name)
          .orderBy(users.name),
      )
    case 'GET /user':
      return Response.json((await db.query.users.findFirst({ where: eq(users.id, id) })) ?? null)
    case 'PATCH /users':
      return Response.json(
        await db
          .update(users)
          .set({ age: sql`${users.age} + 1` })
          .where(eq(users.id, id))
          .returning({ name: users.name, age: users.age }),
      )
    default:
      await db.delete(posts).where(eq(posts.author, id))
      return Response.json(await db.$count(posts))
  }
}
