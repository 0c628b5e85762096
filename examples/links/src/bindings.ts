import { assets, blob, defineBindings, kv, queue, secret, sql, variable, type Env } from 'unmoor'

/** One visit of a short link, queued for the statistics. */
export interface Click {
  slug: string
  /** Time of the visit in milliseconds since 1970. */
  at: number
  /** Host name of the page that the visitor came from; empty if unknown. */
  referrer: string
}

export const bindings = defineBindings({
  /** URLs by slug, read at each visit. */
  links: kv(),
  /** Pictures by slug. */
  icons: blob(),
  clicks: queue<Click>({ maxRetries: 3, batchSize: 50, batchWait: 1, deadLetterQueue: 'lostClicks' }),
  lostClicks: queue<Click>(),
  /** Database of the statistics, which also decides which slugs are taken. */
  stats: sql({ migrations: './migrations' }),
  adminToken: secret(),
  /** Days for which clicks are kept. */
  retentionDays: variable({ default: '90' }),
  site: assets({ directory: './public' }),
})

export type AppEnv = { Bindings: Env<typeof bindings> }
