import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

export const tasks = sqliteTable('tasks', {
  id: text('id').primaryKey(),
  title: text('title').notNull(),
  done: integer('done', { mode: 'boolean' }).notNull(),
  due: integer('due', { mode: 'timestamp_ms' }),
  tags: text('tags', { mode: 'json' }).$type<string[]>().notNull(),
})
