import { asc, eq } from 'drizzle-orm'
import { drizzle as drizzlePostgres, type PgRemoteDatabase } from 'drizzle-orm/pg-proxy'
import { drizzle as drizzleSqlite, type SqliteRemoteDatabase } from 'drizzle-orm/sqlite-proxy'
import type { SqlSession } from 'unmoor'
import { createCallback } from 'unmoor/drizzle'
import * as postgres from './schema.postgres'
import * as sqlite from './schema.sqlite'

/** A book of the list. The compiler checks that both schemas have this type. */
export interface Book {
  id: string
  title: string
  author: string
  isRead: boolean
  addedAt: Date
}

/** The app's queries, the same on both engines. */
export interface Books {
  list(): Promise<Book[]>
  add(book: Book): Promise<void>
  /** Marks a book as read; undefined if there is none of that id. */
  markRead(id: string): Promise<Book | undefined>
}

/** Creates the queries on a `sql` binding, or on a transaction of one. */
export function createBooks(session: SqlSession): Books {
  const callback = createCallback(session)
  return session.dialect === 'postgres'
    ? postgresBooks(drizzlePostgres(callback))
    : sqliteBooks(drizzleSqlite(callback))
}

// Drizzle's tables and query chains belong to one dialect, so each chain stands here once per dialect.

function sqliteBooks(db: SqliteRemoteDatabase): Books {
  const { books } = sqlite
  return {
    list: async () => db.select().from(books).orderBy(asc(books.addedAt), asc(books.id)),
    add: async (book) => void (await db.insert(books).values(book)),
    markRead: async (id) =>
      (await db.update(books).set({ isRead: true }).where(eq(books.id, id)).returning())[0],
  }
}

function postgresBooks(db: PgRemoteDatabase): Books {
  const { books } = postgres
  return {
    list: async () => db.select().from(books).orderBy(asc(books.addedAt), asc(books.id)),
    add: async (book) => void (await db.insert(books).values(book)),
    markRead: async (id) =>
      (await db.update(books).set({ isRead: true }).where(eq(books.id, id)).returning())[0],
  }
}
