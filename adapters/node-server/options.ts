import type { TrustProxy } from '../../core/client.ts'
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
   * What happens at a cron's next time while its last run still works, or waits for its retry: it runs again
   * (`allow`), or that time is left out (`skip`). Default: `allow`.
   */
  cronOverlap?: 'allow' | 'skip'
}

/** Options that every target on this server has. */
export interface ServerOptions extends CronOptions {
  /** Largest request body in bytes; beyond it: 413. Default: no limit. */
  maxBodyBytes?: number
  /**
   * Whose `X-Forwarded-For`, `-Proto` and `-Host` are believed, for `ctx.client` and `request.url`: the
   * nearest proxy's (`true`), those of so many proxies one behind the other (`2`), or of proxies at these
   * addresses (`['10.0.0.0/8', '::1']`). Only behind proxies that set them themselves. Default: false.
   */
  trustProxy?: TrustProxy
  /** Seconds that a connection without a request is kept: more than the balancer before it. Default: 65. */
  keepAliveTimeout?: number
  /** Bytes of a request's head, names and values; beyond it: 431. Default: 65,536. */
  maxHeaderBytes?: number
  /** Seconds that an upload may pause between two bytes; beyond it: 408. Default: 60. */
  uploadTimeout?: number
  /** Seconds in which a whole request must have arrived; beyond it: 408. Default: no limit. */
  uploadTotalTimeout?: number
  /** Seconds until the handler must have answered; beyond it: 503. Default: 300. */
  wallTimeout?: number
  /**
   * Seconds between SIGTERM, from which on `/readyz` of the port ADMIN_PORT answers 503, and the close of the
   * app's port: as long as a balancer takes to notice. The app answers meanwhile. They come before those of
   * `stopTimeout`. Default: 0.
   */
  drainTimeout?: number
  /**
   * Seconds that a stop waits for requests, `waitUntil` work, crons and queue batches, at most 86,400.
   * Default: 30.
   */
  stopTimeout?: number
  /** @deprecated Since 0.2: `stopTimeout`. */
  stopSeconds?: number
}

/** The options of {@link ServerOptions} that a host has too. */
export const limitOptions = {
  keepAliveTimeout: { number: 'seconds', min: 1, max: 86_400 },
  maxHeaderBytes: { number: 'bytes', min: 1024, max: 1024 * 1024, whole: true },
  uploadTimeout: { number: 'seconds', min: 0.1, max: 86_400 },
  uploadTotalTimeout: { number: 'seconds', min: 0.1, max: 86_400 },
} satisfies OptionTable<
  Pick<ServerOptions, 'keepAliveTimeout' | 'maxHeaderBytes' | 'uploadTimeout' | 'uploadTotalTimeout'>
>

/** What {@link ServerOptions} may be. */
export const serverOptions = {
  maxBodyBytes: { number: 'bytes', whole: true },
  trustProxy: 'proxies',
  ...limitOptions,
  wallTimeout: { number: 'seconds', min: 0.001, max: 86_400 },
  cronStore: 'driver',
  cronLease: { number: 'seconds', min: 1, max: 3600 },
  cronLeaseSeconds: { renamed: 'cronLease' },
  cronMissed: ['skip', 'once'],
  cronOverlap: ['allow', 'skip'],
  drainTimeout: { number: 'seconds', max: 3600 },
  stopTimeout: { number: 'seconds', max: 86_400 },
  stopSeconds: { renamed: 'stopTimeout' },
} satisfies OptionTable<ServerOptions>
