import { boolean, jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core'

export const tasks = pgTable('tasks', {
  id: text('id').primaryKey(),
  title: text('title').notNull(),
  done: boolean('done').notNull(),
  due: timestamp('due', { withTimezone: true, precision: 3 }),
  tags: jsonb('tags').$type<string[]>().notNull(),
})
