import type { DriverConfig } from '../../core/config.ts'
import type { OptionTable } from '../../core/option-table.ts'

/** The part of a target's options that is about crons. */
export interface CronOptions {
  /**
   * Where the replicas of the app agree on who runs a cron: `sqlite`, `postgres`, `redis`, `memory`, or the
   * module of another store; with options of its own, such as
   * `{ driver: 'postgres', url: { env: 'CRONS_URL' } }`.
   * Default: `sqlite`, a file in the data folder: right for all processes of one machine.
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

/** Options that every target on this server has. */
export interface ServerOptions extends CronOptions {
  /** Largest request body in bytes; beyond it: 413. Default: no limit. */
  maxBodyBytes?: number
  /**
   * Whether `X-Forwarded-Proto` and `X-Forwarded-Host` make `request.url`. Only behind a proxy that sets them
   * itself. Default: false.
   */
  trustProxy?: boolean
  /**
   * Seconds that a stop waits for requests, `waitUntil` work, crons and queue batches, at most 86,400.
   * Default: 30.
   */
  stopTimeout?: number
  /** @deprecated Since 0.2: `stopTimeout`. */
  stopSeconds?: number
}

/** What {@link ServerOptions} may be. */
export const serverOptions = {
  maxBodyBytes: { number: 'bytes', whole: true },
  trustProxy: 'boolean',
  cronStore: 'driver',
  cronLease: { number: 'seconds', min: 1, max: 3600 },
  cronLeaseSeconds: { renamed: 'cronLease' },
  cronMissed: ['skip', 'once'],
  cronOverlap: ['allow', 'skip'],
  stopTimeout: { number: 'seconds', max: 86_400 },
  stopSeconds: { renamed: 'stopTimeout' },
} satisfies OptionTable<ServerOptions>
