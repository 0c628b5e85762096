import { sql } from 'drizzle-orm'

export const newest = sql`
  CASE
    WHEN datetime('now') > at THEN 1 -- expect: sql-date
    ELSE 0
  END
`
