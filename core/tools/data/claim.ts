/**
 * A claim is a record in a store that tells which data transfer writes into the store, so that a second
 * writer is noticed wherever it runs. The holder renews its claim; the claim of a dead holder expires. Each
 * kind of store keeps claims in its own way: `claim-kv.ts`, `claim-blob.ts`, `claim-sql.ts`.
 */

/** The writer that holds or wants a claim on a store. */
export interface Claimant {
  /** Id that all runs of a data transfer on one machine share, so that a killed run can continue at once. */
  id: string
  /** Host name of the machine that claims a store, for error messages. */
  host: string
  /** ISO time at which the claiming run of the data transfer began. */
  since: string
}

/** The claim of a data transfer on one store. */
export interface StoreClaim {
  /**
   * Takes the claim on the store, or extends it to `seconds` from now. If another writer has the claim,
   * returns that writer and claims nothing. `held` is true if this run already holds the claim: a store whose
   * reads may be stale then yields only to an earlier claim.
   */
  take(own: Claimant, seconds: number, held: boolean): Promise<Claimant | undefined>
  /** Removes the claim on the store if this claimant still holds it. */
  release(own: Claimant): Promise<void>
}

/**
 * Key prefix of the data transfers' claims in a store: this key and the keys below it are not the app's data.
 */
export const CLAIM_KEY = '.unmoor/claim'

export function isClaimKey(key: string): boolean {
  return key === CLAIM_KEY || key.startsWith(`${CLAIM_KEY}/`)
}

/** Number of attempts to write a data transfer's claim into a store while other writers try the same. */
export const ATTEMPTS = 5
