/**
 * A claim says who writes into a store, in the store itself, so that a second writer is seen wherever it
 * runs. Its holder renews it; that of a dead one runs out. How it is kept is each kind's own: `claim-kv.ts`,
 * `claim-blob.ts`, `claim-sql.ts`.
 */

/** The writer that holds or wants a claim. */
export interface Claimant {
  /** Id that all runs of a transfer on one machine share, so that a run that was killed goes on at once. */
  id: string
  /** The machine, for people. */
  host: string
  /** When this run began: ISO time. */
  since: string
}

/** What of a store is claimed. */
export interface StoreClaim {
  /**
   * Takes the claim, or makes it last for `seconds` from now. Returns the other who holds it, where there is
   * one; then nothing is claimed. `held`: this run has it already, so a store that may show an old state must
   * not take it away without reason.
   */
  take(own: Claimant, seconds: number, held: boolean): Promise<Claimant | undefined>
  /** Removes it, where it is still this one's. */
  release(own: Claimant): Promise<void>
}

/** This key and those below it are claims: no data. */
export const CLAIM_KEY = '.unmoor/claim'

export function isClaimKey(key: string): boolean {
  return key === CLAIM_KEY || key.startsWith(`${CLAIM_KEY}/`)
}

/** Attempts to write against others who write at the same time. */
export const ATTEMPTS = 5
