import type { DriverSpec } from '../../core/adapter.ts'

/** The part of a target's options that is about crons. */
export interface CronOptions {
  /**
   * Where the replicas of the app agree on who runs a cron: `sqlite`, `postgres`, `redis`, `memory`, or the
   * module of another store; with options of its own, such as
   * `{ driver: 'postgres', url: { env: 'CRONS_URL' } }`.
   * Default: `sqlite`, a file in the data folder: right for all processes of one machine.
   */
  cronStore?: string | DriverSpec
  /**
   * Seconds until a replica that died loses its claim to another one. A replica that lives extends it.
   * Default: 60.
   */
  cronLeaseSeconds?: number
  /**
   * Times that passed while no replica ran: `skip` leaves them out, `once` runs the latest of each cron at
   * the next start. Default: `skip`.
   */
  cronMissed?: 'skip' | 'once'
  /**
   * Whether a cron whose last run still works, or waits for its retry, runs again at its next time (`allow`),
   * or leaves that time out (`skip`). Default: `allow`.
   */
  cronOverlap?: 'allow' | 'skip'
}

/** Options that every target on this server has. */
export interface ServerOptions extends CronOptions {
  /** Largest request body in bytes; beyond it: 413. Default: no limit. */
  maxBodyBytes?: number
  /**
   * Whether `X-Forwarded-Proto` and `X-Forwarded-Host` make `request.url`. Only behind a proxy that sets them
   * itself. Default: false.
   */
  trustProxy?: boolean
  /** Seconds that a stop waits for requests, `waitUntil` work, crons and queue batches. Default: 30. */
  stopSeconds?: number
}

/** What each cron option takes, in words, and whether a value is one. */
export const CRON_CHECKS: Readonly<Record<keyof CronOptions, { wants: string; holds(value: unknown): boolean }>> = {
  cronStore: { wants: 'a store\'s name or { driver: "postgres", ...options }', holds: isSpec },
  cronLeaseSeconds: { wants: 'a number of seconds from 1 to 3,600', holds: (value) => typeof value === 'number' && value >= 1 && value <= 3600 },
  cronMissed: { wants: '"skip" or "once"', holds: (value) => value === 'skip' || value === 'once' },
  cronOverlap: { wants: '"allow" or "skip"', holds: (value) => value === 'allow' || value === 'skip' },
}

function isSpec(value: unknown): boolean {
  const driver: unknown = typeof value === 'object' && value !== null ? (value as { driver?: unknown }).driver : value
  return typeof driver === 'string' && driver !== ''
}
