import { UnmoorError } from '../../../../core/errors.ts'
import { errorText } from '../error-text.ts'
import { monotonicMs } from '../monotonic.ts'
import type { Elsewhere } from '../messages.ts'
import type { Owner, OwnerIdentity, OwnerTable } from '../store/owner-table.ts'

/**
 * Location of Durable Objects that this host does not run; `soon`: on this host, once its former run has
 * released them.
 */
export type NotOwned = Elsewhere | { soon: true }
/**
 * Result of claiming an app's Durable Objects: the time by {@link monotonicMs} until which this host may run
 * them, or their location.
 */
export type Claim = { until: number } | NotOwned

/** Receives changes of this host's claims to Durable Objects. */
export interface OwnerEvents {
  /** This host has become the owner of the app's Durable Objects. */
  gained(app: string): void
  /** The lease of the app's Durable Objects now ends at `until`. */
  renewed(app: string, until: number): void
  /** This host does not own the app's Durable Objects, or no longer does. */
  elsewhere(app: string, where: NotOwned): void
  print(line: string): void
}

/** Options of {@link Owners}, the Durable Objects that a host owns. */
export interface OwnersOptions {
  table: OwnerTable
  identity: OwnerIdentity
  /** Duration of a lease of Durable Objects in milliseconds. Default: 15,000. */
  leaseMs?: number | undefined
}

const LEASE_MS = 15_000
/** Fraction of a Durable Objects lease before its end in which the app no longer runs here. */
const MARGIN = 1 / 5
const LOOK_MS = 100
/** Milliseconds between two attempts to take over Durable Objects from an earlier run of this host. */
const SUCCESSOR_MS = 300

/**
 * Durable Objects of apps that this host owns. In a shared store, one host owns each app's objects, since
 * their data lies on its disk. The owner holds a lease by the store's clock, and ends the app's process by
 * its own monotonic clock before the lease expires.
 */
export class Owners {
  #options: OwnersOptions
  #events: OwnerEvents | undefined
  #claims = new Map<string, Claim>()
  #timers: NodeJS.Timeout[] = []
  #renewing: Promise<void> | undefined
  #leaseMs: number
  /** True if an earlier run of this host may release its leases at any time. */
  #isSuccessor = false
  #renewedAt = 0

  constructor(options: OwnersOptions) {
    this.#options = options
    this.#leaseMs = options.leaseMs ?? LEASE_MS
  }

  /**
   * Starts to renew this host's leases of Durable Objects and to report changes. Call it before the first
   * claim, since a claimed app may take longer to start than a lease lasts.
   */
  follow(events: OwnerEvents): void {
    this.#events = events
    const look = (): void => {
      this.#look()
      if (this.#isSuccessor && performance.now() - this.#renewedAt > SUCCESSOR_MS) this.renew()
    }
    this.#timers = [setInterval(() => this.renew(), this.#leaseMs / 3), setInterval(look, LOOK_MS)]
  }

  /**
   * Renews every lease of Durable Objects now, for example after this host's address has changed. Failures
   * are printed.
   */
  renew(): void {
    this.#renewing ??= this.#renew()
      .catch((error: unknown) => this.#events?.print(`Owners of objects: ${errorText(error)}`))
      .finally(() => (this.#renewing = undefined))
  }

  /** Claims the Durable Objects of an app that is about to be served. */
  async claim(app: string): Promise<Claim> {
    const known = this.#claims.get(app)
    if (known !== undefined && 'until' in known && known.until > monotonicMs()) return known
    const asked = monotonicMs()
    const claim = await this.#options.table
      .claim(app, this.#options.identity, this.#leaseMs)
      .then((owner) => this.#claimOf(owner, asked), unreachable)
    this.#claims.set(app, claim)
    return claim
  }

  /**
   * Returns the time until which this host owns an app's Durable Objects; undefined if it does not own them.
   */
  until(app: string): number | undefined {
    const claim = this.#claims.get(app)
    return claim !== undefined && 'until' in claim ? claim.until : undefined
  }

  /** Forgets the claim to an app's Durable Objects, as the host no longer serves the app. */
  forget(app: string): void {
    this.#claims.delete(app)
  }

  /**
   * Makes this host the owner of an app's Durable Objects, on the operator's request.
   *
   * @throws `Conflict` while another host holds the lease.
   */
  async takeOver(app: string): Promise<void> {
    const asked = monotonicMs()
    const { table, identity } = this.#options
    if (!(await table.takeOver(app, identity, this.#leaseMs))) {
      const owner = (await table.all()).find((one) => one.app === app)
      if (owner?.instance !== identity.instance)
        throw new UnmoorError(
          'Conflict',
          owner === undefined
            ? `Nobody owns objects of "${app}": it has none, or is not served.`
            : `The host at ${owner.address} owns the objects of "${app}" and is at work: its lease has ` +
                `${Math.ceil(owner.leftMs / 1000)} s left. Stop that host first.`,
          { operation: 'deploy', retryable: false },
        )
    }
    this.#claims.set(app, { until: this.#untilOf(asked) })
    this.#events?.gained(app)
  }

  #untilOf(asked: number): number {
    return asked + this.#leaseMs * (1 - MARGIN)
  }

  #claimOf(owner: Owner, asked: number): Claim {
    const { identity } = this.#options
    if (owner.instance === identity.instance && owner.leftMs > 0) return { until: this.#untilOf(asked) }
    // The owner of the Durable Objects is another run of this host on the same data folder: this run takes
    // over as soon as that one stops.
    if (owner.host === identity.host) this.#isSuccessor = true
    if (owner.leftMs > 0) return { address: owner.address }
    if (owner.host === identity.host) return { soon: true }
    return {
      refused:
        `the host at ${owner.address} owns its objects and does not answer. Start that host; if its ` +
        `data is lost or moved: unmoor host take-over ${owner.app}`,
    }
  }

  async #renew(): Promise<void> {
    const { table, identity } = this.#options
    const asked = monotonicMs()
    this.#renewedAt = performance.now()
    this.#isSuccessor = false
    await table.renew(identity, this.#leaseMs)
    const owners = new Map((await table.all()).map((owner) => [owner.app, owner]))
    for (const app of this.#claims.keys()) {
      const owner = owners.get(app)
      const isFree = owner === undefined || (owner.host === identity.host && owner.leftMs <= 0)
      this.#change(app, isFree ? await this.#claimAnew(app) : this.#claimOf(owner, asked))
    }
  }

  async #claimAnew(app: string): Promise<Claim> {
    const asked = monotonicMs()
    return this.#claimOf(await this.#options.table.claim(app, this.#options.identity, this.#leaseMs), asked)
  }

  #change(app: string, claim: Claim): void {
    const before = this.#claims.get(app)
    if (before === undefined) return
    this.#claims.set(app, claim)
    if ('until' in claim) {
      if ('until' in before) this.#events?.renewed(app, claim.until)
      else this.#events?.gained(app)
    } else if (JSON.stringify(before) !== JSON.stringify(claim)) this.#events?.elsewhere(app, claim)
  }

  #look(): void {
    const now = monotonicMs()
    for (const [app, claim] of this.#claims)
      if ('until' in claim && claim.until <= now) {
        this.#events?.print(
          `The lease of the objects of "${app}" could not be renewed in time; its process ends.`,
        )
        this.#change(app, { refused: "this host could not renew its lease of the app's objects" })
      }
  }

  /** Releases all leases of Durable Objects. The processes of these apps must have ended before. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#renewing
    await this.#options.table.release(this.#options.identity).catch(() => {})
  }
}

function unreachable(): Elsewhere {
  return { refused: 'the store that says which host owns its objects cannot be reached' }
}
