import type { Msg, NatsConnection } from '@nats-io/transport-node'
import type { QueueDeclaration } from '../../../core/bindings/declarations.ts'
import type {
  DriverFactory,
  QueueDriver,
  QueueIncoming,
  QueueOutgoing,
  QueuePeeked,
  QueueSettlement,
} from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { LIMITS } from '../../../core/limits.ts'
import { Connection } from './connection.ts'
import { Later } from './later.ts'
import { Leases } from './leases.ts'
import {
  deliveryOf,
  idOf,
  incoming,
  movedHeaders,
  outgoingHeaders,
  type Stored,
  storedMessage,
} from './message.ts'
import { oldestStored, peekQueue, purgeQueue, replayQueue } from './operations.ts'
import { type NatsFactoryOptions, server } from './server.ts'
import { ensureStream, type QueueStream, queueStream } from './stream.ts'

/** Maximum milliseconds of one NATS pull of messages. */
const LONGEST_PULL = 20_000
/** Maximum bytes of the headers that accompany a NATS message's body. */
const HEADERS = 1000

/** Queue driver on a JetStream work-queue stream. */
export const queue: DriverFactory<'queue', NatsFactoryOptions> = async (options, context) => {
  const { app, binding } = context
  const { maxRetries, deadLetterQueue } = context.declaration as QueueDeclaration
  const named = (name: string): QueueStream => queueStream(options.prefix ?? 'unmoor', app, name)
  const own = named(binding)
  const deadLetter = deadLetterQueue === undefined ? undefined : named(deadLetterQueue)
  const settings = { replicas: options.replicas ?? 1, ackWait: options.ackWait ?? 30 }
  const prepare = async (client: NatsConnection): Promise<void> => {
    checkServer(client, connection.name, binding)
    await ensureStream(connection, client, own, settings)
    if (deadLetter !== undefined) await ensureStream(connection, client, deadLetter, settings)
  }
  const connection = new Connection(await server(options, context), prepare)
  try {
    await connection.connect()
  } catch (error) {
    // If the NATS server is unreachable at start, the queue's stream is prepared once the server is
    // reachable.
    if (!(error instanceof UnmoorError && error.code === 'Unavailable' && error.retryable)) {
      await connection.close()
      throw error
    }
  }
  return new NatsQueue(connection, {
    own,
    deadLetter,
    maxRetries,
    ackWait: settings.ackWait,
    now: () => context.now(),
  })
}

function checkServer({ info }: NatsConnection, name: string, binding: string): void {
  const refuse = (text: string): never => {
    throw new UnmoorError('InvalidArgument', `Binding "${binding}": the NATS server ${name} ${text}`, {
      binding,
      operation: 'start',
    })
  }
  if (info?.jetstream !== true) refuse('has no JetStream, which keeps the messages. Start it with -js.')
  const least = LIMITS['queue.message'] + HEADERS
  if (info !== undefined && info.max_payload < least)
    refuse(`takes messages of ${info.max_payload} bytes. Set its max_payload to at least ${least}.`)
}

interface Settings {
  own: QueueStream
  deadLetter: QueueStream | undefined
  maxRetries: number
  ackWait: number
  now: () => number
}

/**
 * A queue on JetStream. Attempts are the server's count of deliveries, so a delivery that a lost connection
 * swallowed counts too.
 */
class NatsQueue implements QueueDriver {
  #connection: Connection
  #settings: Settings
  #leases: Leases
  #later: Later

  constructor(connection: Connection, settings: Settings) {
    this.#connection = connection
    this.#settings = settings
    this.#leases = new Leases(connection, settings.ackWait)
    this.#later = new Later(connection, settings.own)
  }

  async send(messages: readonly QueueOutgoing[]): Promise<void> {
    const { own, now } = this.#settings
    const time = now()
    const store = async (message: QueueOutgoing): Promise<void> => {
      const subject = message.delaySeconds > 0 ? own.later : own.now
      const headers = outgoingHeaders(message, time)
      try {
        await this.#connection.store(subject, message.body, headers)
      } catch (error) {
        // JetStream stores a message id once, so a message that may have arrived can be sent again.
        if (!(error instanceof UnmoorError && error.mayHaveApplied && error.retryable)) throw error
        await this.#connection.store(subject, message.body, headers).catch((again: unknown) => {
          throw again instanceof UnmoorError
            ? new UnmoorError(again.code, again.message, {
                retryable: again.retryable,
                mayHaveApplied: true,
                cause: again.cause,
              })
            : again
        })
      }
    }
    const outcomes = await Promise.allSettled(messages.map(store))
    const indexes = outcomes.flatMap(({ status }, index) => (status === 'rejected' ? [index] : []))
    const [first] = indexes
    if (first === undefined) return
    const error = (outcomes[first] as PromiseRejectedResult).reason as UnmoorError
    if (messages.length === 1 || !(error instanceof UnmoorError)) throw error
    const mayHaveApplied = outcomes.some(
      (outcome) => outcome.status === 'rejected' && (outcome.reason as UnmoorError).mayHaveApplied,
    )
    throw new UnmoorError(error.code, error.message, {
      retryable: error.retryable,
      mayHaveApplied,
      details: { indexes },
      cause: error.cause,
    })
  }

  async receive({
    max,
    leaseSeconds,
    waitSeconds,
    signal,
  }: {
    max: number
    leaseSeconds: number
    waitSeconds: number
    signal: AbortSignal
  }): Promise<QueueIncoming[]> {
    const deadline = performance.now() + waitSeconds * 1000
    for (;;) {
      // A consumer that is shutting down is leased no messages.
      if (signal.aborted) return []
      this.#later.start()
      const present = await this.#accept(await this.#pull(max), leaseSeconds)
      const left = deadline - performance.now()
      if (present.length > 0 || left <= 0) return present
      const first = await this.#pull(1, Math.min(left, LONGEST_PULL), signal)
      if (signal.aborted) {
        await Promise.all(first.map(({ reply }) => this.#connection.publish(reply ?? '', '-NAK')))
        return []
      }
      if (first.length === 0) continue
      // Fetch the rest of the batch from NATS. The first message is leased already, so a failure here must
      // not lose it.
      const more = max > 1 ? await this.#pull(max - 1).catch(() => []) : []
      const received = await this.#accept([...first, ...more], leaseSeconds)
      if (received.length > 0) return received
    }
  }

  /** Returns the messages that NATS has now, or with `milliseconds` those that arrive within that time. */
  async #pull(batch: number, milliseconds?: number, signal?: AbortSignal): Promise<Msg[]> {
    const messages: Msg[] = []
    const waiting = milliseconds === undefined ? {} : { expires: Math.max(1, Math.ceil(milliseconds)) }
    await this.#connection.pull(this.#settings.own.stream, 'now', {
      batch,
      ...waiting,
      ...(signal === undefined ? {} : { signal }),
      onMessage: (message) => void messages.push(message),
    })
    return messages
  }

  async #accept(messages: readonly Msg[], leaseSeconds: number): Promise<QueueIncoming[]> {
    const { maxRetries, deadLetter } = this.#settings
    const received: QueueIncoming[] = []
    for (const message of messages) {
      if (this.#leases.wasAcked(message)) {
        await this.#tell(message.reply ?? '', '+ACK')
        continue
      }
      const read = incoming(message)
      // A NATS message whose last allowed delivery ended in a crash would be delivered for ever, so it goes
      // to the dead-letter queue. Without such a queue it is delivered again, because no crash may lose a
      // message.
      if (read.attempts > maxRetries + 1 && deadLetter !== undefined)
        await this.#bury(message, message.reply ?? '', deadLetter)
      else received.push({ ...read, lease: this.#leases.add(message, leaseSeconds) })
    }
    return received
  }

  async settle(settlements: readonly QueueSettlement[]): Promise<{ dropped: string[] }> {
    const dropped: string[] = []
    const outcomes = await Promise.allSettled(
      settlements.map((settlement) => this.#settle(settlement, dropped)),
    )
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    return { dropped }
  }

  async #settle(settlement: QueueSettlement, dropped: string[]): Promise<void> {
    const { maxRetries, deadLetter } = this.#settings
    const delivery = this.#leases.get(settlement.lease)
    if (delivery === undefined) return
    const { reply } = delivery
    if (settlement.outcome === 'ack') {
      await this.#tell(reply, '+ACK')
      return this.#leases.acked(delivery)
    }
    if (deliveryOf(reply).attempts <= maxRetries)
      await this.#tell(
        reply,
        settlement.delaySeconds > 0
          ? `-NAK ${JSON.stringify({ delay: settlement.delaySeconds * 1e9 })}`
          : '-NAK',
      )
    else {
      const message = delivery.message ?? (await this.#fetch(reply))
      if (deadLetter !== undefined) await this.#bury(message, reply, deadLetter)
      else {
        await this.#tell(reply, '+TERM')
        dropped.push(idOf(message))
      }
    }
    this.#leases.settled(reply)
  }

  /** Reads a message that another driver received from the NATS stream itself. */
  async #fetch(reply: string): Promise<Stored> {
    const answer = await this.#connection.api(`STREAM.MSG.GET.${this.#settings.own.stream}`, {
      seq: deliveryOf(reply).sequence,
    })
    return storedMessage(answer['message'] as { hdrs: string; data?: string })
  }

  /**
   * Moves a NATS message to the dead-letter queue, then removes it from this queue. A crash in between
   * repeats the move, which the server stores once.
   */
  async #bury(message: Stored, reply: string, deadLetter: QueueStream): Promise<void> {
    await this.#connection.store(
      deadLetter.now,
      message.data,
      movedHeaders(message, this.#settings.own.stream, deliveryOf(reply).sequence),
    )
    await this.#tell(reply, '+TERM')
  }

  /**
   * Sends an answer to a JetStream delivery and waits for the server's confirmation, so that a settled
   * message stays settled.
   */
  async #tell(reply: string, word: string): Promise<void> {
    await this.#connection.request(reply, word)
  }

  async extend(leases: readonly string[], leaseSeconds: number): Promise<void> {
    for (const lease of leases) this.#leases.extend(lease, leaseSeconds)
  }

  async depth(): Promise<{ ready: number; delayed: number; leased: number }> {
    const { stream } = this.#settings.own
    const counts = async (consumer: string): Promise<{ pending: number; unacked: number }> => {
      const { num_pending, num_ack_pending } = (await this.#connection.api(
        `CONSUMER.INFO.${stream}.${consumer}`,
      )) as {
        num_pending: number
        num_ack_pending: number
      }
      return { pending: num_pending, unacked: num_ack_pending }
    }
    const [now, later] = await Promise.all([counts('now'), counts('later')])
    return { ready: now.pending, delayed: later.pending + later.unacked, leased: now.unacked }
  }

  async age(): Promise<number | undefined> {
    const { own, now } = this.#settings
    const since = await oldestStored(this.#connection, own)
    // The server's clock may be ahead of this machine's.
    return since === undefined ? undefined : Math.max(0, now() - since) / 1000
  }

  peek({ limit }: { limit: number }): Promise<QueuePeeked[]> {
    return peekQueue(this.#connection, this.#settings.own, limit)
  }

  async replay(options: { limit: number; ids?: readonly string[] | undefined }): Promise<string[]> {
    const { own, deadLetter } = this.#settings
    return deadLetter === undefined ? [] : replayQueue(this.#connection, { own, deadLetter }, options)
  }

  purge(): Promise<number> {
    return purgeQueue(this.#connection, this.#settings.own)
  }

  async close(): Promise<void> {
    await this.#later.stop()
    this.#leases.close()
    await this.#connection.close()
  }
}
