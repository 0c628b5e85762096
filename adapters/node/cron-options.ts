import type { DriverConfig } from '../../core/config.ts'
import type { OptionTable } from '../../core/option-table.ts'

/** The part of a target's options that is about crons. */
export interface CronOptions {
  /**
   * Where the replicas of the app agree on who runs a cron: `sqlite`, `postgres`, `redis`, `memory`, or the
   * module of another store; with options of its own, such as `{ driver: 'postgres', url: { env: 'CRONS_URL'
   * } }`. Default: `sqlite`, a file in the data folder: right for all processes of one machine.
   */
  cronStore?: DriverConfig<'sqlite' | 'postgres' | 'redis' | 'memory'>
  /**
   * Seconds until a replica that died loses its claim to another one, 1 to 3600. A replica that lives extends
   * it. Default: 60.
   */
  cronLease?: number
  /** @deprecated Since 0.2: `cronLease`. */
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

export const cronOptions = {
  cronStore: 'driver',
  cronLease: { number: 'seconds', min: 1, max: 3600 },
  cronLeaseSeconds: { renamed: 'cronLease' },
  cronMissed: ['skip', 'once'],
  cronOverlap: ['allow', 'skip'],
} satisfies OptionTable<CronOptions>
