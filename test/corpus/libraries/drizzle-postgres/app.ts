import { eq, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { integer, jsonb, pgTable, serial, text, timestamp } from 'drizzle-orm/pg-core'
import { Client } from 'pg'
import { defineApp, defineBindings, variable } from 'unmoor'

const bindings = defineBindings({ DATABASE_URL: variable() })
const users = pgTable('users', {
  id: serial('id').primaryKey(),
  name: text('name').notNull(),
  age: integer('age').notNull().default(0),
  tags: jsonb('tags').$type<string[]>(),
  seen: timestamp('seen', { withTimezone: true }),
})

async function answer(request: Request, client: Client): Promise<Response> {
  const db = drizzle(client)
  const { pathname } = new URL(request.url)
  switch (pathname) {
    case '/schema':
      await db.execute(
        sql`CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL, age int NOT NULL DEFAULT 0, tags jsonb, seen timestamptz)`,
      )
      return new Response(null, { status: 204 })
    case '/insert':
      return Response.json(
        await db
          .insert(users)
          .values([
            { name: 'Ada', tags: ['a', 'ä'], seen: new Date(0) },
            { name: 'Bob', age: 20 },
          ])
          .returning(),
      )
    case '/select':
      return Response.json(await db.select().from(users).where(eq(users.name, 'Ada')))
    case '/transaction':
      await db
        .transaction(async (tx) => {
          await tx.update(users).set({ age: 99 })
          tx.rollback()
        })
        .catch(() => undefined)
      return Response.json(await db.select({ age: users.age }).from(users).orderBy(users.id))
    default:
      return Response.json(await db.$count(users))
  }
}

export default defineApp({
  bindings,
  async fetch(request, env) {
    const client = new Client({ connectionString: env.DATABASE_URL })
    await client.connect()
    try {
      return await answer(request, client)
    } finally {
      await client.end()
    }
  },
})
