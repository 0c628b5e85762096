/** SQL that the query builders pass on as it is written: pieces of statements, and whole ones. */
import { Kysely, sql } from 'kysely'
import { defineApp, defineBindings, sql as database } from 'unmoor'
import { createDialect } from 'unmoor/kysely'
import { recent } from './tasks.ts'

const bindings = defineBindings({ db: database() })

export default defineApp({
  bindings,
  fetch: async (request, env) => {
    const title = new URL(request.url).searchParams.get('title')
    const db = new Kysely<{ tasks: { id: string; title: string; at: number } }>({ dialect: createDialect(env.db) })
    const open = db
      .selectFrom('tasks')
      .select(sql<string>`datetime('now')`.as('time')) // expect: sql-date
      .select((eb) => sql<string>`IFNULL(${eb.ref('title')}, '')`.as('name')) // expect: sql-function
      .where(sql<boolean>`title GLOB ${title}`) // expect: sql-operator
      .where(sql<boolean>`title IS ${sql`NULL`}`)
      .where(sql<boolean>`id = ${title}::text`) // expect: sql-operator
      .orderBy(sql`title COLLATE NOCASE`) // expect: sql-collate
    await sql`INSERT OR REPLACE INTO tasks (id) VALUES (${title})`.execute(db) // expect: sql-insert-or
    await sql`UPDATE tasks SET title = '${title}'`.execute(db) // expect: sql-placeholder-in-quotes
    await sql`PRAGMA foreign_keys = ON`.execute(db) // expect: sql-statement
    await sql`DELETE FROM tasks; DELETE FROM tasks`.execute(db) // expect: sql-multiple
    await sql`SELECT id FROM tasks ${title === null ? sql`` : sql`WHERE title = ${title}`} OFFSET 5`.execute(db) // expect: sql-limit
    await db.updateTable('tasks').set({ title: sql.raw("strftime('%s', 'now')") }).execute() // expect: sql-date
    const pieces = [sql`SET title = ${title}`, sql`END`, sql`(`, sql`OFFSET 5`, sql`CASE WHEN ${title} = 'a' THEN 1`, sql.raw('(title')]
    return Response.json([await open.execute(), await recent(env.db), pieces.length])
  },
})
