import { UnmoorError } from '../../errors.ts'
import type { Claimant, StoreClaim } from './claim.ts'
import type { Sink } from './records.ts'

/** Seconds after which a claim on a store expires if it is not renewed. */
const LEASE_SECONDS = 120
const RENEW_MS = 20_000

/** The claims of one data transfer on all bindings that it writes, renewed until they are released. */
export class Claims {
  #own: Claimant
  #label: string
  #claims: ReadonlyMap<string, StoreClaim>
  #seconds: number
  #timer: NodeJS.Timeout | undefined
  #renewed = 0
  #lost: UnmoorError | undefined

  private constructor(
    own: Claimant,
    label: string,
    claims: ReadonlyMap<string, StoreClaim>,
    seconds: number,
  ) {
    this.#own = own
    this.#label = label
    this.#claims = claims
    this.#seconds = seconds
  }

  /**
   * Claims each binding for a data transfer. @throws `Conflict` naming another holder; then none is claimed.
   */
  static async take(
    sink: Sink,
    bindings: readonly string[],
    own: Claimant,
    seconds = LEASE_SECONDS,
  ): Promise<Claims> {
    const found = new Map<string, StoreClaim>()
    const claims = new Claims(own, sink.label, found, seconds)
    try {
      // A claim lasts from before it was asked for: the store may have begun to count long before its answer.
      claims.#renewed = Date.now()
      for (const binding of bindings) {
        const claim = sink.claim?.(binding)
        if (claim === undefined) continue
        found.set(binding, claim)
        await claims.#takeOne(binding, claim, false)
      }
    } catch (error) {
      await claims.release()
      throw error
    }
    claims.#timer = setInterval(
      () => void claims.renew().catch(() => {}),
      Math.min(RENEW_MS, (seconds * 1000) / 4),
    )
    claims.#timer.unref()
    return claims
  }

  /**
   * Renews all claims of the data transfer. @throws `Conflict` if another writer has taken a claim, or may
   * have.
   */
  async renew(): Promise<void> {
    this.check()
    const began = Date.now()
    try {
      for (const [binding, claim] of this.#claims) await this.#takeOne(binding, claim, true)
      this.#renewed = began
    } catch (error) {
      if (error instanceof UnmoorError && error.code === 'Conflict') this.#lost = error
      throw error
    }
  }

  /**
   * Checks the data transfer's claims before each write. @throws `Conflict` if another writer may own the
   * target by now.
   */
  check(): void {
    // An old claim no longer protects the transfer: if the process or the connection to the store stalled,
    // another writer may have claimed the store without having noticed this writer yet.
    if (this.#claims.size > 0 && Date.now() - this.#renewed > this.#seconds * 1000)
      this.#lost ??= new UnmoorError(
        'Conflict',
        `The claim on ${this.#label} could not be renewed for ${this.#seconds} s and has run out. Run ` +
          'the command again; it goes on where it was.',
        { operation: 'data', retryable: true },
      )
    if (this.#lost !== undefined) throw this.#lost
  }

  async release(): Promise<void> {
    clearInterval(this.#timer)
    // If the removal of a claim on a store fails, the claim expires by itself, so the error is ignored.
    for (const claim of this.#claims.values()) await claim.release(this.#own).catch(() => {})
  }

  async #takeOne(binding: string, claim: StoreClaim, held: boolean): Promise<void> {
    const other = await claim.take(this.#own, this.#seconds, held)
    if (other === undefined) return
    throw new UnmoorError(
      'Conflict',
      `"unmoor data" on ${other.host} is already writing into "${binding}" of ${this.#label}, since ` +
        `${other.since}. Wait for it; if it was killed, run its command again there, or wait ` +
        `${this.#seconds} s.`,
      { binding, retryable: true },
    )
  }
}
