import { sql, type CronEvent, type Kv, type Sql, type SqlStatement } from 'unmoor'

const QUERIES: Readonly<Record<string, SqlStatement>> = {
  topLinks: sql`SELECT slug, COUNT(*) AS clicks FROM clicks GROUP BY slug ORDER BY clicks DESC, slug LIMIT 10`,
  topReferrers: sql`SELECT referrer, COUNT(*) AS clicks FROM clicks GROUP BY referrer ORDER BY clicks DESC, referrer LIMIT 10`,
  clicksPerDay: sql`SELECT day, COUNT(*) AS clicks FROM clicks GROUP BY day ORDER BY day DESC LIMIT 30`,
  newestLinks: sql`SELECT slug, url, created_at FROM links ORDER BY created_at DESC, slug LIMIT 10`,
  unusedLinks: sql`SELECT slug FROM links WHERE slug NOT IN (SELECT slug FROM clicks) ORDER BY slug LIMIT 10`,
  totals: sql`SELECT (SELECT COUNT(*) FROM links) AS links, (SELECT COUNT(*) FROM clicks) AS clicks`,
}

interface ReportEnv {
  readonly stats: Sql
  readonly reports: Kv
  readonly reportPause: string
}

/**
 * Each report has a cron of its own, so that replicas share the work. Every run logs a line at its start and
 * at its end.
 */
export const reportCrons = Object.fromEntries(
  Object.entries(QUERIES).map(([name, query]) => [
    name,
    {
      schedule: '* * * * *',
      async run({ scheduledTime }: CronEvent, { stats, reports, reportPause }: ReportEnv): Promise<void> {
        const time = new Date(scheduledTime).toISOString()
        console.log(`report ${name} ${time} begins`)
        const rows = await stats.all(query)
        if (reportPause !== '0')
          await new Promise((resolve) => setTimeout(resolve, Math.random() * Number(reportPause)))
        await reports.put(name, JSON.stringify({ time, rows }))
        console.log(`report ${name} ${time} is done`)
      },
    },
  ]),
)
