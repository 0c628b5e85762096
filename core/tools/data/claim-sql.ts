import type { Sql } from '../../bindings/sql.ts'
import { isUnmoorError, UnmoorError } from '../../errors.ts'
import { ATTEMPTS, type StoreClaim } from './claim.ts'

/**
 * Table for the claim on a database. It exists only during a data transfer; `sql-schema.ts` leaves it out of
 * the app's tables.
 */
const TABLE = 'unmoor_claims'

/**
 * Claims a database for a data transfer by one row of a table of its own, in one statement and by the
 * database's clock.
 */
export function sqlClaim(db: Sql): StoreClaim {
  const now =
    db.dialect === 'postgres' ? 'CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)' : 'unixepoch()'
  const write = `INSERT INTO ${TABLE} (name, owner, host, since, ends)
VALUES ('data', ?1, ?2, ?3, ${now} + ?4)
ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, host = excluded.host,
  since = excluded.since, ends = excluded.ends
WHERE ${TABLE}.owner = excluded.owner OR ${TABLE}.ends < ${now}
RETURNING owner`
  return {
    async take(own, seconds) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        try {
          if ((await db.raw(write, [own.id, own.host, own.since, seconds])).rows.length > 0) return undefined
          const [row] = (await db.raw(`SELECT owner, host, since FROM ${TABLE}`)).rows
          if (row !== undefined) return { id: String(row[0]), host: String(row[1]), since: String(row[2]) }
        } catch (error) {
          if (!isMissing(error)) throw error
          await makeTable(db)
        }
      }
      throw new UnmoorError(
        'Conflict',
        `The table ${TABLE} is being made and dropped by others at the same time. Run the command again.`,
        {
          operation: 'data',
        },
      )
    },
    async release(own) {
      const remove = { text: `DELETE FROM ${TABLE} WHERE owner = ?`, params: [own.id] }
      const [held] = await db.raw(`SELECT 1 AS one FROM ${TABLE} WHERE owner = ?`, [own.id]).then(
        ({ rows }) => rows,
        (error: unknown) => {
          if (isMissing(error)) return []
          throw error
        },
      )
      if (held === undefined) return
      try {
        // The claim's row and table are removed in one transaction, so that nobody can take the claim in
        // between.
        await db.batch([remove, { text: `DROP TABLE ${TABLE}` }])
      } catch {
        // Dropping the claim's table fails if it belongs to another user; then only the row is removed.
        await db.raw(remove.text, remove.params)
      }
    },
  }
}

function isMissing(error: unknown): boolean {
  return isUnmoorError(error) && error.code === 'NotFound'
}

async function makeTable(db: Sql): Promise<void> {
  const text =
    `CREATE TABLE IF NOT EXISTS ${TABLE} (name TEXT PRIMARY KEY, owner TEXT NOT NULL, host ` +
    'TEXT NOT NULL, since TEXT NOT NULL, ends BIGINT NOT NULL)'
  try {
    await db.raw(text)
  } catch (error) {
    if (isUnmoorError(error) && error.code === 'PermissionDenied')
      throw new UnmoorError(
        'PermissionDenied',
        `The user may not make the table that says who writes. Let its owner make it: ${text}`,
        {
          operation: 'data',
          cause: error,
        },
      )
    // On Postgres, one of two writers who create the claim's table at once fails. The next attempt finds the
    // table.
    if (!isUnmoorError(error) || error.code !== 'AlreadyExists') throw error
  }
}
