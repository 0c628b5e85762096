import type { Msg } from '@nats-io/transport-node'
import { UnmoorError } from '../../../core/errors.ts'
import type { Connection } from './connection.ts'
import { deliveryOf, idOf } from './message.ts'

/** A delivery of a JetStream message: the subject for its ack, and the message if this driver received it. */
export interface Delivery {
  readonly reply: string
  readonly message: Msg | undefined
}

interface Held {
  readonly message: Msg
  until: number
  timer: NodeJS.Timeout
}

/** Number of settled JetStream deliveries that are remembered, so that a repeated settlement does nothing. */
const REMEMBERED = 10_000
/**
 * Number of acked JetStream messages that are remembered, about 10 MB. A busy queue acks tens of thousands
 * before a server has written them to disk.
 */
const ACKED = 100_000

/**
 * The leases of JetStream messages that this process holds. The server redelivers a message after the
 * consumer's ack wait, whatever the lease: longer leases are renewed in time, and the message of a lease that
 * ran out earlier is returned to the server. A lease consists of the time at which it runs out and the
 * subject for its ack, which is new for each delivery.
 */
export class Leases {
  #connection: Connection
  #ackWait: number
  #held = new Map<string, Held>()
  #settled = new Set<string>()
  /**
   * Ids of acked JetStream messages by their number in the stream. A server that crashed may have forgotten
   * an ack and sends the message again. The id is compared because a recreated stream reuses numbers.
   */
  #acked = new Map<number, string>()
  #renewal: NodeJS.Timeout | undefined

  constructor(connection: Connection, ackWait: number) {
    this.#connection = connection
    this.#ackWait = ackWait * 1000
  }

  add(message: Msg, seconds: number): string {
    const reply = message.reply ?? ''
    const until = Date.now() + seconds * 1000
    this.#held.set(reply, { message, until, timer: this.#expire(reply, seconds) })
    this.#renewal ??= setInterval(() => this.#renew(), this.#ackWait / 3)
    return `${until}~${reply}`
  }

  /**
   * Returns the JetStream delivery of a lease, or undefined if the lease has run out or is settled. The
   * delivery has no message if another driver on the same queue received it.
   */
  get(lease: string): Delivery | undefined {
    const [until, reply] = parse(lease)
    if (this.#settled.has(reply)) return undefined
    const held = this.#held.get(reply)
    return (held?.until ?? until) > Date.now() ? { reply, message: held?.message } : undefined
  }

  extend(lease: string, seconds: number): void {
    const [, reply] = parse(lease)
    const held = this.#held.get(reply)
    if (held !== undefined && held.until > Date.now()) {
      clearTimeout(held.timer)
      held.until = Date.now() + seconds * 1000
      held.timer = this.#expire(reply, seconds)
    }
    if (this.get(lease) !== undefined) this.#tell(reply, '+WPI')
  }

  /** Records that the NATS server has confirmed the ack of this delivery. */
  acked({ reply, message }: Delivery): void {
    if (message !== undefined) {
      this.#acked.set(deliveryOf(reply).sequence, idOf(message))
      if (this.#acked.size > ACKED) this.#acked.delete(this.#acked.keys().next().value as number)
    }
    this.settled(reply)
  }

  /** True if this process has acked the JetStream message before. */
  wasAcked(message: Msg): boolean {
    return this.#acked.get(deliveryOf(message.reply ?? '').sequence) === idOf(message)
  }

  settled(reply: string): void {
    this.#forget(reply)
    this.#settled.add(reply)
    if (this.#settled.size <= REMEMBERED) return
    for (const oldest of this.#settled) {
      this.#settled.delete(oldest)
      break
    }
  }

  close(): void {
    for (const reply of this.#held.keys()) this.#forget(reply)
  }

  #forget(reply: string): void {
    clearTimeout(this.#held.get(reply)?.timer)
    this.#held.delete(reply)
    if (this.#held.size > 0) return
    clearInterval(this.#renewal)
    this.#renewal = undefined
  }

  #expire(reply: string, seconds: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.settled(reply)
      this.#tell(reply, '-NAK')
    }, seconds * 1000)
  }

  #renew(): void {
    for (const reply of this.#held.keys()) this.#tell(reply, '+WPI')
  }

  /**
   * Publishes an answer to a JetStream delivery without waiting. If the answer is lost, the message is
   * delivered again.
   */
  #tell(reply: string, word: string): void {
    this.#connection.publish(reply, word).catch(() => {})
  }
}

function parse(lease: string): [until: number, reply: string] {
  const [, until, reply] = /^(\d+)~(\$JS\.ACK\..+)$/.exec(lease) ?? []
  if (until === undefined || reply === undefined)
    throw new UnmoorError('InvalidArgument', `"${lease}" is not a lease of this driver.`)
  return [Number(until), reply]
}
