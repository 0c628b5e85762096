/** The driver interface behind rate limits of existing Workers; `drivers.ts` has every driver's duties. */
import type { Driver } from './driver.ts'

/** The limit, amount and window that one call of a rate-limit counter asks for. */
export interface CounterWindow {
  /** Limit of a rate-limit counter: a call is allowed if the count before it is lower. */
  limit: number
  /** Amount that a call adds to its counter: a positive integer. */
  amount: number
  /** Length of a counter's window in seconds, which begins with its first call. */
  seconds: number
}

/**
 * Counts calls per key in windows of time, for the rate limits of existing Workers. Processes that share the
 * backend share the counts.
 */
export interface CounterDriver extends Driver {
  /**
   * Adds the amount to a counter in one atomic step if the count before it is below the limit. Resolves to
   * true if it did.
   */
  take(key: string, window: CounterWindow): Promise<boolean>
}
