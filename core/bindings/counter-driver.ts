/** The small interface behind rate limits of existing Workers; `drivers.ts` has every driver's duties. */
import type { Driver } from './driver.ts'

/** The limit, amount and window that one call of a counter asks for. */
export interface CounterWindow {
  /** Limit of the count: the call is allowed while the count before it is below. */
  limit: number
  /** Amount that the call adds to the count: a positive integer. */
  amount: number
  /** Length of the window, which begins with its first call. */
  seconds: number
}

/**
 * Counts calls per key in windows of time, for the rate limits of existing Workers. Processes that share the
 * backend share the counts.
 */
export interface CounterDriver extends Driver {
  /**
   * Adds the amount in one atomic step if the count before it is below the limit. Resolves to true if it did.
   */
  take(key: string, window: CounterWindow): Promise<boolean>
}
