import { UnmoorError } from '../../../../core/errors.ts'
import { errorText } from '../error-text.ts'
import { monotonicMs } from '../monotonic.ts'
import type { Elsewhere } from '../messages.ts'
import type { Owner, OwnerIdentity, OwnerTable } from '../store/owner-table.ts'

/** Where objects are that this host does not run; `soon`: here, once another run of this host has let go. */
export type NotOwned = Elsewhere | { soon: true }
/**
 * An answer to the claim of an app's objects: until when by {@link monotonicMs} this host may run them, or
 * where they are.
 */
export type Claim = { until: number } | NotOwned

/** What changes of a claim are told to. */
export interface OwnerEvents {
  /** This host owns the app's objects from now on. */
  gained(app: string): void
  /** The lease has been renewed. */
  renewed(app: string, until: number): void
  /** This host does not own them, or not any more. */
  elsewhere(app: string, where: NotOwned): void
  print(line: string): void
}

/** Options of {@link Owners}. */
export interface OwnersOptions {
  table: OwnerTable
  identity: OwnerIdentity
  /** Milliseconds of a lease. Default: 15,000. */
  leaseMs?: number | undefined
}

const LEASE_MS = 15_000
/** The part of a lease before its end in which nothing of the app runs here any more. */
const MARGIN = 1 / 5
const LOOK_MS = 100
/** Milliseconds between two tries of a host that is about to take the place of another run of it. */
const SUCCESSOR_MS = 300

/**
 * The objects of apps that this host owns. With a shared store each app's objects are one host's: what they
 * have stored is on its disk. It holds a lease by the store's clock, and ends the app's process by its own
 * monotonic clock before that runs out.
 */
export class Owners {
  #options: OwnersOptions
  #events: OwnerEvents | undefined
  #claims = new Map<string, Claim>()
  #timers: NodeJS.Timeout[] = []
  #renewing: Promise<void> | undefined
  #leaseMs: number
  /** True if another run of this host may let go at any time. */
  #isSuccessor = false
  #renewedAt = 0

  constructor(options: OwnersOptions) {
    this.#options = options
    this.#leaseMs = options.leaseMs ?? LEASE_MS
  }

  /**
   * Renews leases, and tells of changes from now on. Called before the first claim: what is claimed may take
   * longer to start than a lease lasts.
   */
  follow(events: OwnerEvents): void {
    this.#events = events
    const look = (): void => {
      this.#look()
      if (this.#isSuccessor && performance.now() - this.#renewedAt > SUCCESSOR_MS) this.renew()
    }
    this.#timers = [setInterval(() => this.renew(), this.#leaseMs / 3), setInterval(look, LOOK_MS)]
  }

  /** Renews every lease now: this host's address has changed. Failures are printed. */
  renew(): void {
    this.#renewing ??= this.#renew()
      .catch((error: unknown) => this.#events?.print(`Owners of objects: ${errorText(error)}`))
      .finally(() => (this.#renewing = undefined))
  }

  /** Claims the objects of an app that is to be served. */
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

  /** The time until which this host owns an app's objects; undefined if it does not. */
  until(app: string): number | undefined {
    const claim = this.#claims.get(app)
    return claim !== undefined && 'until' in claim ? claim.until : undefined
  }

  /** The app is not served any more. */
  forget(app: string): void {
    this.#claims.delete(app)
  }

  /**
   * Makes this host the owner, by the operator's word.
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
    // Another run on the same data folder: this one takes its place as soon as it stops.
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

  /** Ends all leases. Nothing of these apps may run any more. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#renewing
    await this.#options.table.release(this.#options.identity).catch(() => {})
  }
}

function unreachable(): Elsewhere {
  return { refused: 'the store that says which host owns its objects cannot be reached' }
}
