import { assets, blob, defineBindings, kv, queue, secret, sql, variable, type Env } from 'unmoor'

/** One visit of a short link, on its way into the statistics. */
export interface Click {
  slug: string
  /** Milliseconds since 1970. */
  at: number
  /** Host of the page that the visitor came from; empty where unknown. */
  referrer: string
}

export const bindings = defineBindings({
  /** slug -> URL: what a visit reads. */
  links: kv(),
  /** slug -> picture. */
  icons: blob(),
  clicks: queue<Click>({ maxRetries: 3, batchSize: 50, batchWait: 1, deadLetterQueue: 'lostClicks' }),
  lostClicks: queue<Click>(),
  /** Owns which slugs are taken, and the statistics. */
  stats: sql({ migrations: './migrations' }),
  adminToken: secret(),
  /** Days that clicks are kept. */
  retentionDays: variable({ default: '90' }),
  site: assets({ directory: './public' }),
})

export type AppEnv = { Bindings: Env<typeof bindings> }
