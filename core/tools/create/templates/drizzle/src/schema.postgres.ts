/** The same tables on Postgres. */
import { boolean, pgTable, text, timestamp } from 'drizzle-orm/pg-core'

export const books = pgTable('books', {
  id: text('id').primaryKey(),
  title: text('title').notNull(),
  author: text('author').notNull(),
  isRead: boolean('is_read').notNull(),
  addedAt: timestamp('added_at', { withTimezone: true, precision: 3 }).notNull(),
})
