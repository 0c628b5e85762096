import { Kysely } from 'kysely'
import type { Sql } from 'unmoor'
import { createDialect } from 'unmoor/kysely'

/**
 * Tables with the types of their columns, which SQLite and Postgres both return for the migration's columns.
 */
export interface Database {
  authors: { id: string; name: string }
  posts: { id: string; author: string; title: string; views: number; created: number }
}

/** Creates a Kysely on the binding. It opens no connection, so creating one per request is fine. */
export function createDatabase(binding: Sql): Kysely<Database> {
  return new Kysely<Database>({ dialect: createDialect(binding) })
}
