/**
 * A cron store is where the replicas of an app agree on who runs a cron. A replica claims each time of a cron
 * with a lease, extends the lease while the handler works, and marks the time as done. A lease that ran out
 * can be claimed again. So each time runs exactly once if no replica dies during it, and at least once
 * otherwise.
 */
import type { DriverContext } from '../bindings/drivers.ts'

/** The outcome of a {@link CronStore.claim}. */
export type CronClaim =
  /**
   * The caller of a claim runs the cron. `attempt` is 1 for the first claim of this time, and one more for
   * each holder that died.
   */
  | { readonly state: 'claimed'; readonly attempt: number }
  /** Another replica holds the cron's lease for `seconds` more, unless it extends the lease. */
  | { readonly state: 'taken'; readonly seconds: number }
  /** The cron has already run for this time. */
  | { readonly state: 'done' }

/** A time of a cron that was claimed and is not done. */
export interface OpenCronTime {
  /** Scheduled time of the cron in milliseconds since 1970. */
  readonly scheduledTime: number
  /** True while the lease of the cron holds; if false, its holder has died or stopped. */
  readonly held: boolean
}

/**
 * The claims of one app's crons. Every method may be repeated after an error: the caller names its lease, so
 * a repeated claim finds the one whose answer was lost. The store's clock times the leases. A store remembers
 * times that are done for at least {@link KEEP_SECONDS}, and the newest time of each cron for good.
 */
export interface CronStore {
  /**
   * Claims `scheduledTime` of `cron` for `seconds`, atomically, if it is neither done nor held under another
   * lease.
   */
  claim(cron: string, scheduledTime: number, lease: string, seconds: number): Promise<CronClaim>
  /**
   * Makes the lease of a cron last `seconds` from now; 0 frees it for others. Resolves to false if the caller
   * no longer holds it.
   */
  extend(cron: string, scheduledTime: number, lease: string, seconds: number): Promise<boolean>
  /** Marks the cron's time as done, whoever holds the lease, because the handler has run. */
  finish(cron: string, scheduledTime: number): Promise<void>
  /** Returns the times of a cron that are claimed and not done. */
  open(cron: string): Promise<OpenCronTime[]>
  /** Returns the newest time of a cron that was ever claimed; undefined if there is none. */
  latest(cron: string): Promise<number | undefined>
  /** Frees connections and files of the cron store. Default: nothing to free. */
  close?(): Promise<void> | void
}

/**
 * Seconds for which a cron store remembers times that are done: a week. A replica that comes with an older
 * time runs it again.
 */
export const KEEP_SECONDS = 7 * 24 * 3600

/**
 * Type of the function that the module of a cron store exports as `cronStore`. It may use `app`, `binding`
 * (for messages), `dataDir`, `variable` and `now` of the context.
 */
export type CronStoreFactory<Options> = (
  options: Options,
  context: DriverContext,
) => CronStore | Promise<CronStore>
