import type { QueueDeclaration } from '../../../core/bindings/declarations.ts'
import type {
  DriverFactory,
  QueueDriver,
  QueueIncoming,
  QueueOutgoing,
  QueuePeeked,
  QueueSettlement,
} from '../../../core/bindings/drivers.ts'
import { storeName, Stores } from './store.ts'
import type { MemoryOptions } from './options.ts'

interface Stored extends Omit<QueueOutgoing, 'delaySeconds'> {
  attempts: number
  timestamp: number
  visibleAt: number
  lease: string | undefined
}

interface Store {
  messages: Set<Stored>
  waiting: Set<() => void>
}

const stores = new Stores<Store>(() => ({ messages: new Set(), waiting: new Set() }))

/** Queue driver in memory: messages are lost when the process ends. */
export const queue: DriverFactory<'queue', MemoryOptions> = (options, context) => {
  const { maxRetries, deadLetterQueue } = context.declaration as QueueDeclaration
  const own = stores.open(storeName(options, context))
  const dead =
    deadLetterQueue === undefined
      ? undefined
      : stores.open(storeName(options, { app: context.app, binding: deadLetterQueue }))
  const close = (): void => {
    own.close()
    dead?.close()
  }
  return new MemoryQueue(own.store, dead?.store, maxRetries, () => context.now(), close)
}

class MemoryQueue implements QueueDriver {
  readonly close: () => void
  #store: Store
  #deadLetter: Store | undefined
  #maxRetries: number
  #now: () => number

  constructor(
    store: Store,
    deadLetter: Store | undefined,
    maxRetries: number,
    now: () => number,
    close: () => void,
  ) {
    this.#store = store
    this.#deadLetter = deadLetter
    this.#maxRetries = maxRetries
    this.#now = now
    this.close = close
  }

  async send(messages: readonly QueueOutgoing[]): Promise<void> {
    const timestamp = this.#now()
    for (const { delaySeconds, body, id, contentType } of messages) {
      const kept = typeof body === 'string' ? body : body.slice()
      this.#store.messages.add({
        id,
        contentType,
        body: kept,
        attempts: 0,
        timestamp,
        visibleAt: timestamp + delaySeconds * 1000,
        lease: undefined,
      })
    }
    wake(this.#store)
  }

  async receive(options: {
    max: number
    leaseSeconds: number
    waitSeconds: number
    signal: AbortSignal
  }): Promise<QueueIncoming[]> {
    const deadline = performance.now() + options.waitSeconds * 1000
    for (;;) {
      if (options.signal.aborted) return []
      const received = this.#take(options.max, options.leaseSeconds)
      const left = deadline - performance.now()
      if (received.length > 0 || left <= 0) return received
      await this.#wait(Math.min(left, this.#untilNext()), options.signal)
    }
  }

  #take(max: number, leaseSeconds: number): QueueIncoming[] {
    const now = this.#now()
    const received: QueueIncoming[] = []
    for (const message of this.#store.messages) {
      if (message.visibleAt > now) continue
      // All deliveries of this queue message are used up, and the last one was never settled: its consumer
      // may have crashed. It is moved instead of being delivered for ever, as in the stored queues.
      if (message.attempts > this.#maxRetries && this.#deadLetter !== undefined) {
        this.#toDeadLetter(message, this.#deadLetter)
        continue
      }
      message.attempts++
      message.visibleAt = now + leaseSeconds * 1000
      message.lease = crypto.randomUUID()
      const { id, contentType, body, attempts, timestamp, lease } = message
      received.push({
        id,
        contentType,
        body: typeof body === 'string' ? body : body.slice(),
        attempts,
        timestamp,
        lease,
      })
      if (received.length === max) break
    }
    return received
  }

  /**
   * Milliseconds until a queue message's delay or lease runs out, at most 100, because a test may replace the
   * clock.
   */
  #untilNext(): number {
    let next = 100
    for (const message of this.#store.messages) next = Math.min(next, message.visibleAt - this.#now())
    return Math.max(1, next)
  }

  #wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#store.waiting.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, milliseconds)
      this.#store.waiting.add(done)
      signal.addEventListener('abort', done, { once: true })
    })
  }

  async settle(settlements: readonly QueueSettlement[]): Promise<{ dropped: string[] }> {
    const dropped: string[] = []
    const leased = this.#leased()
    for (const settlement of settlements) {
      const message = leased.get(settlement.lease)
      if (message === undefined) continue
      leased.delete(settlement.lease)
      if (settlement.outcome === 'retry' && message.attempts <= this.#maxRetries) {
        message.lease = undefined
        message.visibleAt = this.#now() + settlement.delaySeconds * 1000
        wake(this.#store)
        continue
      }
      if (settlement.outcome === 'retry' && this.#deadLetter !== undefined) {
        this.#toDeadLetter(message, this.#deadLetter)
        continue
      }
      this.#store.messages.delete(message)
      if (settlement.outcome === 'retry') dropped.push(message.id)
    }
    return { dropped }
  }

  #toDeadLetter(message: Stored, deadLetter: Store): void {
    this.#store.messages.delete(message)
    deadLetter.messages.add({ ...message, attempts: 0, visibleAt: this.#now(), lease: undefined })
    wake(deadLetter)
  }

  async extend(leases: readonly string[], leaseSeconds: number): Promise<void> {
    const leased = this.#leased()
    for (const lease of leases) {
      const message = leased.get(lease)
      if (message !== undefined) message.visibleAt = this.#now() + leaseSeconds * 1000
    }
  }

  #leased(): Map<string, Stored> {
    const leased = new Map<string, Stored>()
    for (const message of this.#store.messages)
      if (message.lease !== undefined) leased.set(message.lease, message)
    return leased
  }

  async depth(): Promise<{ ready: number; delayed: number; leased: number }> {
    const depth = { ready: 0, delayed: 0, leased: 0 }
    for (const message of this.#store.messages) depth[this.#stateOf(message)]++
    return depth
  }

  async age(): Promise<number | undefined> {
    const now = this.#now()
    const since = Math.min(...[...this.#store.messages].map(({ visibleAt }) => visibleAt))
    return since > now ? undefined : (now - since) / 1000
  }

  async peek({ limit }: { limit: number }): Promise<QueuePeeked[]> {
    return [...this.#store.messages].slice(0, limit).map((message) => {
      const { id, contentType, body, attempts, timestamp } = message
      const copy = typeof body === 'string' ? body : body.slice()
      return { id, contentType, body: copy, attempts, timestamp, state: this.#stateOf(message) }
    })
  }

  async replay({ limit, ids }: { limit: number; ids?: readonly string[] | undefined }): Promise<string[]> {
    const moved: string[] = []
    for (const message of this.#deadLetter?.messages ?? []) {
      if (moved.length === limit) break
      if (this.#stateOf(message) === 'leased' || ids?.includes(message.id) === false) continue
      this.#deadLetter?.messages.delete(message)
      this.#store.messages.add({ ...message, attempts: 0, visibleAt: this.#now(), lease: undefined })
      moved.push(message.id)
    }
    wake(this.#store)
    return moved
  }

  async purge(): Promise<number> {
    const gone = [...this.#store.messages].filter((message) => this.#stateOf(message) !== 'leased')
    for (const message of gone) this.#store.messages.delete(message)
    return gone.length
  }

  #stateOf({ visibleAt, lease }: Stored): QueuePeeked['state'] {
    if (visibleAt <= this.#now()) return 'ready'
    return lease === undefined ? 'delayed' : 'leased'
  }
}

function wake({ waiting }: Store): void {
  for (const resolve of waiting) resolve()
}
