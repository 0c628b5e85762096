import { sql } from 'drizzle-orm'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

// The schema of one engine may use what that has, and not what the other has.
export const tasks = sqliteTable('tasks', {
  id: text('id').primaryKey(),
  at: integer('at').default(sql`(unixepoch())`),
  day: text('day').default(sql`(now())`), // expect: sql-date
})
