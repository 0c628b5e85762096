import type { TrustProxy } from '../../core/client.ts'
import type { DriverConfig } from '../../core/config.ts'
import type { OptionTable } from '../../core/option-table.ts'

/** Cron options of a target that runs on the Node server. */
export interface CronOptions {
  /**
   * Store in which the replicas of the app agree on who runs a cron: `sqlite`, `postgres`, `redis`, `memory`,
   * or the module of another store; with the store's own options, such as `{ driver: 'postgres', url: { env:
   * 'CRONS_URL' } }`. Default: `sqlite`, a file in the data folder, which suits all processes of one machine.
   */
  cronStore?: DriverConfig<'sqlite' | 'postgres' | 'redis' | 'memory'>
  /**
   * Seconds until the cron lease of a replica that died runs out, 1 to 3600. A live replica extends its
   * lease. Default: 60.
   */
  cronLease?: number
  /** Old name of the server's `cronLease`. @deprecated Since 0.2: use `cronLease`. */
  cronLeaseSeconds?: number
  /**
   * What happens to cron times that passed while no replica ran: `skip` leaves them out, `once` runs the
   * latest time of each cron at the next start. Default: `skip`.
   */
  cronMissed?: 'skip' | 'once'
  /**
   * What happens at a cron's next time while its last run still works or waits for its retry: `allow` runs
   * the cron again, `skip` leaves that time out. Default: `allow`.
   */
  cronOverlap?: 'allow' | 'skip'
}

/** Options that every target on the Node server has. */
export interface ServerOptions extends CronOptions {
  /** Largest request body in bytes; a larger one is answered with 413. Default: no limit. */
  maxBodyBytes?: number
  /**
   * Proxies that are trusted to set `X-Forwarded-For`, `-Proto` and `-Host`, for `ctx.client` and
   * `request.url`: the nearest proxy (`true`), that many proxies in a row (`2`), or proxies at these
   * addresses (`['10.0.0.0/8', '::1']`). Use only behind proxies that overwrite these headers. Default:
   * false.
   */
  trustProxy?: TrustProxy
  /**
   * Seconds that an idle connection is kept open; set it higher than the load balancer's value. Default: 65.
   */
  keepAliveTimeout?: number
  /**
   * Bytes of a request's head, header names and values; a longer head is answered with 431. Default: 65,536.
   */
  maxHeaderBytes?: number
  /** Seconds that an upload may pause between two bytes; a longer pause is answered with 408. Default: 60. */
  uploadTimeout?: number
  /**
   * Seconds in which a whole request must arrive; a slower request is answered with 408. Default: no limit.
   */
  uploadTotalTimeout?: number
  /** Seconds until the handler must have answered; later, the client receives a 503. Default: 300. */
  wallTimeout?: number
  /**
   * Seconds between SIGTERM and the close of the app's port: as long as a load balancer takes to notice that
   * `/readyz` on the port ADMIN_PORT answers 503. The app keeps answering meanwhile. `stopTimeout` begins
   * after this time. Default: 0.
   */
  drainTimeout?: number
  /**
   * Seconds that a stop waits for requests, `waitUntil` work, crons and queue batches to finish, at most
   * 86,400. Default: 30.
   */
  stopTimeout?: number
  /** Old name of the server's `stopTimeout`. @deprecated Since 0.2: use `stopTimeout`. */
  stopSeconds?: number
}

/** Checks of the server options that a host of many apps has too (see {@link ServerOptions}). */
export const limitOptions = {
  keepAliveTimeout: { number: 'seconds', min: 1, max: 86_400 },
  maxHeaderBytes: { number: 'bytes', min: 1024, max: 1024 * 1024, whole: true },
  uploadTimeout: { number: 'seconds', min: 0.1, max: 86_400 },
  uploadTotalTimeout: { number: 'seconds', min: 0.1, max: 86_400 },
} satisfies OptionTable<
  Pick<ServerOptions, 'keepAliveTimeout' | 'maxHeaderBytes' | 'uploadTimeout' | 'uploadTotalTimeout'>
>

/** Checks of {@link ServerOptions}: kind and range of each option. */
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
