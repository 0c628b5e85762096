/** The tables on SQLite and D1. */
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

export const books = sqliteTable('books', {
  id: text('id').primaryKey(),
  title: text('title').notNull(),
  author: text('author').notNull(),
  isRead: integer('is_read', { mode: 'boolean' }).notNull(),
  addedAt: integer('added_at', { mode: 'timestamp_ms' }).notNull(),
})
