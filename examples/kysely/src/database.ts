import { Kysely } from 'kysely'
import type { Sql } from 'unmoor'
import { createDialect } from 'unmoor/kysely'

/** The tables, once for every engine: what both SQLite and Postgres give for the columns of the migration. */
export interface Database {
  authors: { id: string; name: string }
  posts: { id: string; author: string; title: string; views: number; created: number }
}

/** Kysely on the binding. It opens nothing, so one per request is fine. */
export function createDatabase(binding: Sql): Kysely<Database> {
  return new Kysely<Database>({ dialect: createDialect(binding) })
}
