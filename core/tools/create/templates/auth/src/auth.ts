import { betterAuth } from 'better-auth'
import { Kysely } from 'kysely'
import type { Sql } from 'unmoor'
import { createDialect } from 'unmoor/kysely'

/** Accounts with e-mail and password on a `sql` binding. `url` is the app's own, as people see it. */
export function createAuth(db: Sql, secret: string, url: string) {
  return betterAuth({
    baseURL: url,
    secret,
    // The tables of migrations/ hold times and booleans as SQLite does, on every engine.
    database: { db: new Kysely({ dialect: createDialect(db) }), type: 'sqlite', transaction: false },
    emailAndPassword: { enabled: true, minPasswordLength: 10 },
    // Better Auth leaves this check out by itself where NODE_ENV is test.
    advanced: { disableOriginCheck: false },
    telemetry: { enabled: false },
  })
}
