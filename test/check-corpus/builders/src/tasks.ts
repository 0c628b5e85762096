import { asc, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/sqlite-proxy'
import type { Sql } from 'unmoor'
import { createCallback } from 'unmoor/drizzle'
import { newest } from './shared.ts'
import { tasks } from './schema.ts'

export const recent = (db: Sql): Promise<unknown> =>
  drizzle(createCallback(db))
    .select({ id: tasks.id, day: sql`strftime('%Y', ${tasks.at})` })
    .from(tasks)
    .where(sql`${tasks.id} ILIKE 'a%'`) // expect: sql-operator
    .orderBy(newest, asc(tasks.id))
