/**
 * Where replicas of an app agree on who runs a cron. Each time of a cron is claimed with a lease, which its
 * holder extends while the handler works, and marked done afterwards; a lease that ran out is claimed again.
 * So a time runs exactly once where no replica dies during it, and at least once otherwise.
 */
import type { DriverContext } from '../bindings/drivers.ts'

/** What became of a {@link CronStore.claim}. */
export type CronClaim =
  /**
   * The caller runs it. `attempt` is 1 for the first claim of this time and counts those whose holder died.
   */
  | { readonly state: 'claimed'; readonly attempt: number }
  /** Another one holds it for `seconds` more, unless it extends that. */
  | { readonly state: 'taken'; readonly seconds: number }
  /** The time has run. */
  | { readonly state: 'done' }

/** A time that was claimed and is not done. */
export interface OpenCronTime {
  /** Milliseconds since 1970. */
  readonly scheduledTime: number
  /** True while its lease holds; if not, its holder has died or stopped. */
  readonly held: boolean
}

/**
 * Claims of one app. Every method may be repeated after an error: the lease is the caller's own word, so a
 * claim that was made without an answer is found again. Leases are timed by the store's clock. A store keeps
 * what is done for at least {@link KEEP_SECONDS}, and the newest time of each cron for good.
 */
export interface CronStore {
  /**
   * Takes `scheduledTime` of `cron` for `seconds`, atomically, where it is neither done nor held under
   * another lease.
   */
  claim(cron: string, scheduledTime: number, lease: string, seconds: number): Promise<CronClaim>
  /**
   * Makes the lease last `seconds` from now; 0 frees it for others. False where it is no longer the caller's.
   */
  extend(cron: string, scheduledTime: number, lease: string, seconds: number): Promise<boolean>
  /** Marks it done, whoever holds the lease: it has run. */
  finish(cron: string, scheduledTime: number): Promise<void>
  /** What is claimed and not done. */
  open(cron: string): Promise<OpenCronTime[]>
  /** The newest time that was ever claimed; undefined where there is none. */
  latest(cron: string): Promise<number | undefined>
  /** Frees connections and files. Default: nothing to free. */
  close?(): Promise<void> | void
}

/**
 * Seconds that times which are done are remembered: a week. A replica that comes later than that with an old
 * time runs it again.
 */
export const KEEP_SECONDS = 7 * 24 * 3600

/**
 * What a store's module exports as `cronStore`. From the context it may use `app`, `binding` (for messages),
 * `dataDir`, `variable` and `now`.
 */
export type CronStoreFactory<Options> = (
  options: Options,
  context: DriverContext,
) => CronStore | Promise<CronStore>
