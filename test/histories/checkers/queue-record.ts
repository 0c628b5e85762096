import type { Operation } from './operation.ts'

/** A delivery of a message, as a consumer got it. */
export interface Delivery {
  readonly id: string
  /** Hash of the body as it arrived. */
  readonly hash: string
  /** The driver's number of this delivery. */
  readonly attempts: number
  /** The driver's handle of this delivery: unique in a history. */
  readonly lease: string
}

/** A call on a queue. `from` is `dead` for calls on the dead-letter queue. */
export type QueueCall =
  | {
      readonly do: 'send'
      readonly messages: readonly {
        readonly id: string
        readonly hash: string
        readonly delaySeconds: number
      }[]
    }
  | { readonly do: 'receive'; readonly from: 'queue' | 'dead'; readonly leaseSeconds: number }
  | { readonly do: 'extend'; readonly leases: readonly string[]; readonly leaseSeconds: number }
  | {
      readonly do: 'settle'
      readonly from: 'queue' | 'dead'
      /** `retry` is the delay in seconds of a retry; null acknowledges. */
      readonly settlements: readonly { readonly lease: string; readonly retry: number | null }[]
    }

export type QueueOperation = Operation<QueueCall, { readonly deliveries?: readonly Delivery[] }>

/** What a driver declares of its queue. */
export interface QueuePromise {
  /** Retries of a message: it is delivered at most once more than that, and dies after the last. */
  readonly maxRetries: number
  /**
   * Microseconds by which the backend's wall clock may be ahead of or behind the monotonic one over a lease:
   * rounding to milliseconds and slewing.
   */
  readonly clockError: number
}

/** A delivery with what its consumer did with it. */
export interface Held {
  readonly delivery: Delivery
  readonly from: 'queue' | 'dead'
  readonly receive: QueueOperation
  /** Moment until which the lease lasted at least, if nothing settled it. */
  leasedUntil: number
  settled: { readonly operation: QueueOperation; readonly retry: number | null } | undefined
}

/** The life of one message. */
export interface Life {
  readonly id: string
  readonly send: QueueOperation | undefined
  readonly hash: string | undefined
  readonly delaySeconds: number
  /** Deliveries in the order of the consumers' records. */
  readonly held: Held[]
  readonly dead: Held[]
}

/** Reads the lives of all messages out of a history. */
export function livesOf(operations: readonly QueueOperation[]): Map<string, Life> {
  const lives = new Map<string, Life>()
  const leases = new Map<string, Held>()
  const lifeOf = (id: string): Life => {
    const known = lives.get(id)
    if (known !== undefined) return known
    const life: Life = { id, send: undefined, hash: undefined, delaySeconds: 0, held: [], dead: [] }
    lives.set(id, life)
    return life
  }
  for (const operation of operations) {
    if (operation.call.do !== 'send') continue
    for (const { id, hash, delaySeconds } of operation.call.messages)
      lives.set(id, { id, send: operation, hash, delaySeconds, held: [], dead: [] })
  }
  for (const operation of operations) {
    const { call, outcome } = operation
    if (call.do !== 'receive' || outcome.is !== 'ok') continue
    for (const delivery of outcome.value.deliveries ?? []) {
      const held: Held = {
        delivery,
        from: call.from,
        receive: operation,
        leasedUntil: operation.begun + call.leaseSeconds * 1e6,
        settled: undefined,
      }
      leases.set(`${call.from} ${delivery.lease}`, held)
      lifeOf(delivery.id)[call.from === 'dead' ? 'dead' : 'held'].push(held)
    }
  }
  for (const operation of operations) {
    const { call, outcome } = operation
    if (call.do === 'extend' && outcome.is === 'ok') {
      for (const lease of call.leases) renew(leases.get(`queue ${lease}`), operation, call.leaseSeconds)
    } else if (call.do === 'settle' && outcome.is !== 'failed') {
      for (const { lease, retry } of call.settlements) {
        const held = leases.get(`${call.from} ${lease}`)
        if (held !== undefined) held.settled = { operation, retry }
      }
    }
  }
  for (const { held, dead } of lives.values())
    for (const list of [held, dead]) list.sort((a, b) => a.receive.ended - b.receive.ended)
  return lives
}

/** A renewal counts if the lease held for certain when it was answered: a lease that ran out is ignored. */
function renew(held: Held | undefined, operation: QueueOperation, leaseSeconds: number): void {
  if (held === undefined || operation.ended >= held.leasedUntil) return
  held.leasedUntil = Math.max(held.leasedUntil, operation.begun + leaseSeconds * 1e6)
}
