import { sql, type QueueBatch, type Sql } from 'unmoor'
import type { Click } from './bindings.ts'

/** Returns the UTC day of a time in milliseconds, such as `2026-11-23`. */
export function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}

/** Writes a batch of clicks. A message that is delivered twice counts once, because its id is the key. */
export async function recordClicks(batch: QueueBatch<Click>, stats: Sql): Promise<void> {
  await stats.batch(
    batch.messages.map(
      ({ id, body }) =>
        sql`INSERT INTO clicks (id, slug, day, referrer) VALUES (${id}, ${body.slug}, ${dayOf(body.at)}, ${body.referrer}) ON CONFLICT (id) DO NOTHING`,
    ),
  )
}

/** Deletes the clicks that are older than `days` days. */
export async function deleteOldClicks(stats: Sql, now: number, days: number): Promise<void> {
  if (!Number.isInteger(days) || days < 1)
    throw new Error(`RETENTION_DAYS must be a whole number of days, not "${days}".`)
  const { changes } = await stats.run(sql`DELETE FROM clicks WHERE day < ${dayOf(now - days * 86_400_000)}`)
  console.log(`cleanup removed ${changes} clicks older than ${days} days`)
}

export interface Statistics {
  slug: string
  total: number
  days: { day: string; clicks: number }[]
  referrers: { referrer: string; clicks: number }[]
}

/** Returns clicks per day and the most frequent referrers since the day `since`. */
export async function statisticsOf(stats: Sql, slug: string, since: string): Promise<Statistics> {
  const days = await stats.all<{ day: string; clicks: number }>(
    sql`SELECT day, COUNT(*) AS clicks FROM clicks WHERE slug = ${slug} AND day >= ${since} GROUP BY day ORDER BY day`,
  )
  const referrers = await stats.all<{ referrer: string; clicks: number }>(
    sql`SELECT referrer, COUNT(*) AS clicks FROM clicks WHERE slug = ${slug} AND day >= ${since} GROUP BY referrer ORDER BY clicks DESC, referrer LIMIT 10`,
  )
  return { slug, total: days.reduce((sum, { clicks }) => sum + clicks, 0), days, referrers }
}
