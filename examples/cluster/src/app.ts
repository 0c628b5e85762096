import { Hono } from 'hono'
import { assets, defineApp, defineBindings, kv, queue, sql, variable, type Env } from 'unmoor'
import { requireAdmin } from '../../links/src/admin.ts'
import { bindings as links, type Click } from '../../links/src/bindings.ts'
import { deleteOldClicks, recordClicks } from '../../links/src/clicks.ts'
import { routes } from '../../links/src/routes.ts'
import { reportCrons } from './reports.ts'

const bindings = defineBindings({
  ...links,
  stats: sql({ migrations: '../links/migrations' }),
  site: assets({ directory: '../links/public' }),
  // `maxRetries` is high because a database that is down for a while must not use up the retries of a click.
  clicks: queue<Click>({
    maxRetries: 100,
    retryDelay: 2,
    batchSize: 50,
    batchWait: 1,
    maxConcurrency: 2,
    deadLetterQueue: 'lostClicks',
  }),
  reports: kv(),
  /**
   * Most milliseconds of the random pause within each report. Only tests set it, to kill a replica during a
   * report.
   */
  reportPause: variable({ default: '0' }),
})

type AppEnv = { Bindings: Env<typeof bindings> }

const app = new Hono<AppEnv>()

app.get('/api/reports/:name', requireAdmin, async (c) => {
  const report = await c.env.reports.get(c.req.param('name'))
  return report === null
    ? c.json({ error: 'no such report' }, 404)
    : c.body(report, 200, { 'content-type': 'application/json' })
})
app.route('/', routes)

/** The links example, with reports that a cron makes each minute for all replicas. */
export default defineApp({
  bindings,
  fetch: app.fetch,
  queues: {
    clicks: (batch, env) => recordClicks(batch, env.stats),
    lostClicks: (batch) => {
      for (const { body, id } of batch.messages) console.error('click could not be recorded', id, body.slug)
    },
  },
  crons: {
    ...reportCrons,
    cleanup: {
      schedule: '0 3 * * *',
      run: (event, env) => deleteOldClicks(env.stats, event.scheduledTime, Number(env.retentionDays)),
    },
  },
})
