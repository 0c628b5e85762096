import type { Outcome } from '../histories/checkers/operation.ts'
import type { Delivery, QueueCall, QueueOperation, QueuePromise } from '../histories/checkers/queue-record.ts'

/** Faults that the model can be given. Each says in `fired` whether it changed anything. */
export type QueueFault =
  | 'loses a message'
  | 'damages a body'
  | 'ignores a delay'
  | 'ignores the delay of a retry'
  | 'ignores an ack'
  | 'ignores leases'
  | 'ignores renewals'
  | 'resets attempts'
  | 'dies early'
  | 'never dies'
  | 'drops the dead'
  | 'removes by a stale lease'

const LEASE = 10
const SECOND = 1e6

interface Message {
  id: string
  queue: 'queue' | 'dead'
  hash: string
  attempts: number
  visible: number
  lease: string | undefined
}

/** A queue of a model in memory, whose clock is that of its clients; each call takes a moment. */
export class QueueModel {
  readonly operations: QueueOperation[] = []
  readonly promise: QueuePromise = { maxRetries: 2, clockError: 0 }
  fired = false
  #fault: QueueFault | undefined
  #messages: Message[] = []
  #now = 0
  #number = 0

  constructor(fault?: QueueFault) {
    this.#fault = fault
  }

  wait(seconds: number): void {
    this.#now += seconds * SECOND
  }

  get left(): number {
    return this.#messages.length
  }

  send(delaySeconds: number, fate: 'ok' | 'failed' | 'unknown' | 'applied'): void {
    const id = `m${++this.#number}`
    const message = { id, hash: `h${id}`, delaySeconds }
    this.#record({ do: 'send', messages: [message] }, fate, () => {
      const isLost = fate === 'ok' && this.#is('loses a message')
      const hash = this.#is('damages a body') ? 'other' : message.hash
      const delay = delaySeconds > 0 && this.#is('ignores a delay') ? 0 : delaySeconds
      const visible = this.#now + delay * SECOND
      if (!isLost) this.#messages.push({ id, queue: 'queue', hash, attempts: 0, visible, lease: undefined })
      return {}
    })
  }

  /** Receives one message; undefined if there is none, or its consumer never learns of it. */
  receive(from: 'queue' | 'dead', fate: 'ok' | 'applied' = 'ok'): Delivery | undefined {
    let delivery: Delivery | undefined
    this.#record({ do: 'receive', from, leaseSeconds: LEASE }, fate, () => {
      const { maxRetries } = this.promise
      for (const message of this.#messages) {
        if (message.queue !== from) continue
        const isLeased = message.lease !== undefined && message.visible > this.#now
        if (message.visible > this.#now && !(isLeased && this.#is('ignores leases'))) continue
        if (from === 'queue' && message.attempts > maxRetries && !this.#is('never dies')) {
          this.#bury(message)
          continue
        }
        message.attempts++
        if (message.attempts > 1 && this.#is('resets attempts')) message.attempts = 1
        message.lease = `l${++this.#number}`
        message.visible = this.#now + LEASE * SECOND
        delivery = { id: message.id, hash: message.hash, attempts: message.attempts, lease: message.lease }
        break
      }
      return { deliveries: delivery === undefined ? [] : [delivery] }
    })
    return fate === 'ok' ? delivery : undefined
  }

  extend({ lease }: Delivery): void {
    this.#record({ do: 'extend', leases: [lease], leaseSeconds: LEASE }, 'ok', () => {
      const message = this.#messages.find((one) => one.lease === lease)
      if (message !== undefined && !this.#is('ignores renewals')) message.visible = this.#now + LEASE * SECOND
      return {}
    })
  }

  settle(
    from: 'queue' | 'dead',
    { id, lease }: Delivery,
    retry: number | null,
    fate: 'ok' | 'applied' = 'ok',
  ): void {
    this.#record({ do: 'settle', from, settlements: [{ lease, retry }] }, fate, () => {
      const byLease = this.#messages.find((one) => one.lease === lease)
      const stale = this.#messages.find((one) => one.id === id && one.queue === 'queue')
      const message =
        byLease ??
        (stale !== undefined && retry === null && this.#is('removes by a stale lease') ? stale : undefined)
      if (message === undefined) return {}
      const isDue = from === 'dead' || message.attempts <= this.promise.maxRetries
      if (retry === null) {
        if (from === 'queue' && this.#is('ignores an ack')) message.lease = undefined
        else this.#messages.splice(this.#messages.indexOf(message), 1)
      } else if (!isDue && !this.#is('never dies')) this.#bury(message)
      else if (message.attempts === this.promise.maxRetries && this.#is('dies early')) this.#bury(message)
      else {
        const delay = retry > 0 && this.#is('ignores the delay of a retry') ? 0 : retry
        message.visible = this.#now + delay * SECOND
        message.lease = undefined
      }
      return {}
    })
  }

  #bury(message: Message): void {
    if (this.#is('drops the dead')) this.#messages.splice(this.#messages.indexOf(message), 1)
    Object.assign(message, { queue: 'dead', attempts: 0, visible: this.#now, lease: undefined })
  }

  #is(fault: QueueFault): boolean {
    if (this.#fault !== fault) return false
    this.fired = true
    return true
  }

  #record(
    call: QueueCall,
    fate: 'ok' | 'failed' | 'unknown' | 'applied',
    work: () => { deliveries?: readonly Delivery[] },
  ): void {
    const begun = ++this.#now
    this.#now += 10
    const value = fate === 'ok' || fate === 'applied' ? work() : {}
    this.#now += 10
    const outcome: Outcome<{ deliveries?: readonly Delivery[] }> =
      fate === 'ok'
        ? { is: 'ok', value }
        : fate === 'failed'
          ? { is: 'failed', code: 'Conflict' }
          : { is: 'unknown', code: 'Unavailable' }
    const ended = outcome.is === 'unknown' ? Infinity : this.#now
    this.operations.push({ id: this.operations.length, process: 'p', call, begun, ended, outcome })
  }
}
