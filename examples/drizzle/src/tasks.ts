import { and, asc, eq, isNotNull, lt } from 'drizzle-orm'
import { drizzle as drizzlePostgres, type PgRemoteDatabase } from 'drizzle-orm/pg-proxy'
import { drizzle as drizzleSqlite, type SqliteRemoteDatabase } from 'drizzle-orm/sqlite-proxy'
import type { SqlSession } from 'unmoor'
import { createCallback } from 'unmoor/drizzle'
import * as postgres from './schema.postgres.ts'
import * as sqlite from './schema.sqlite.ts'

/** A task as the app knows it: both schema modules infer this type, which the compiler checks below. */
export interface Task {
  id: string
  title: string
  done: boolean
  due: Date | null
  tags: string[]
}

/** Queries that the app uses, the same on both engines. */
export interface Tasks {
  add(task: Task): Promise<void>
  finish(id: string): Promise<Task | undefined>
  overdue(now: Date): Promise<Task[]>
}

/** Creates the queries on a binding, or on a transaction of one. */
export function createTasks(session: SqlSession): Tasks {
  const callback = createCallback(session)
  return session.dialect === 'postgres'
    ? postgresTasks(drizzlePostgres(callback))
    : sqliteTasks(drizzleSqlite(callback))
}

type Table = typeof sqlite.tasks | typeof postgres.tasks

// Conditions and orders accept the columns of either dialect, so they are shared. A query itself is typed by
// its dialect's database, so query chains are written once per dialect.
const isOverdue = (table: Table, now: Date) =>
  and(eq(table.done, false), isNotNull(table.due), lt(table.due, now))
const byDue = (table: Table) => [asc(table.due), asc(table.id)]

function sqliteTasks(db: SqliteRemoteDatabase): Tasks {
  const { tasks } = sqlite
  return {
    add: async (task) => void (await db.insert(tasks).values(task)),
    finish: async (id) => (await db.update(tasks).set({ done: true }).where(eq(tasks.id, id)).returning())[0],
    overdue: async (now) =>
      db
        .select()
        .from(tasks)
        .where(isOverdue(tasks, now))
        .orderBy(...byDue(tasks)),
  }
}

function postgresTasks(db: PgRemoteDatabase): Tasks {
  const { tasks } = postgres
  return {
    add: async (task) => void (await db.insert(tasks).values(task)),
    finish: async (id) => (await db.update(tasks).set({ done: true }).where(eq(tasks.id, id)).returning())[0],
    overdue: async (now) =>
      db
        .select()
        .from(tasks)
        .where(isOverdue(tasks, now))
        .orderBy(...byDue(tasks)),
  }
}
