/** The driver interface of queues; its duties are those of `drivers.ts`. */
import type { Driver } from './driver.ts'

/** Form of a queue message's body: JSON text, or bytes. */
export type QueueContentType = 'json' | 'bytes'

/** A queue message to send; checked by the portable class. */
export interface QueueOutgoing {
  /** Unique id of the queue message; the same over retries and in the dead-letter queue. */
  id: string
  contentType: QueueContentType
  /** Body of the queue message: JSON text, or bytes. */
  body: string | Uint8Array<ArrayBuffer>
  delaySeconds: number
}

/** A queue message as a driver delivers it, with the lease of this delivery. */
export interface QueueIncoming {
  id: string
  contentType: QueueContentType
  body: string | Uint8Array<ArrayBuffer>
  /** Number of this delivery of the queue message: 1 for the first. */
  attempts: number
  /** Time of the queue message's first send in milliseconds since 1970. */
  timestamp: number
  /** The driver's own handle of this delivery of a queue message. */
  lease: string
}

/** The outcome of a delivered queue message: acknowledged, or to be retried. */
export type QueueSettlement =
  | { lease: string; outcome: 'ack' }
  | { lease: string; outcome: 'retry'; delaySeconds: number }

/** A queue message as `peek` shows it, which is no delivery. */
export interface QueuePeeked {
  id: string
  contentType: QueueContentType
  body: string | Uint8Array<ArrayBuffer>
  /**
   * Number of deliveries of the queue message so far: 0 for one that was never delivered. Undefined if the
   * backend does not tell.
   */
  attempts: number | undefined
  /** Time of the queue message's first send in milliseconds since 1970. */
  timestamp: number
  /** State of the queue message, as `depth` counts it. */
  state: 'ready' | 'delayed' | 'leased'
}

/**
 * A queue on one backend. On platforms that push messages only `send` is used; the consumer loop of
 * `core/runtime/queue-consumer.ts` uses the rest.
 */
export interface QueueDriver extends Driver {
  /**
   * Sends queue messages. Resolves when all are stored durably; if some fail, the error has their `indexes`.
   */
  send(messages: readonly QueueOutgoing[]): Promise<void>
  /** Takes up to `max` queue messages, leased for `leaseSeconds`; waits up to `waitSeconds` for the first. */
  receive?(options: {
    max: number
    leaseSeconds: number
    waitSeconds: number
    signal: AbortSignal
  }): Promise<QueueIncoming[]>
  /**
   * Acknowledges and retries queue messages. A retry after the last attempt moves the message to `deadLetter`
   * in one step (same id and timestamp, attempts from 1), or drops it. A lease that has run out is ignored.
   * Returns the ids of messages that were dropped because there is no dead-letter queue.
   */
  settle?(settlements: readonly QueueSettlement[]): Promise<{ dropped: string[] }>
  /** Renews the leases of queue messages so that they last `leaseSeconds` from now. */
  extend?(leases: readonly string[], leaseSeconds: number): Promise<void>
  /**
   * Counts queue messages that wait, are delayed and are leased. It may count them one by one, so it is for
   * people and metrics and not for every message.
   */
  depth?(): Promise<{ ready: number; delayed: number; leased: number }>
  /**
   * Returns the seconds for which the queue message that has waited longest could have been delivered;
   * undefined if none is ready. Cheap enough for metrics. Default: the backend does not tell.
   */
  age?(): Promise<number | undefined>
  /**
   * Returns up to `limit` queue messages without receiving them, for people: roughly in the order in which
   * they will be delivered. Nothing about the messages changes. Default: the backend cannot (`Unsupported`).
   */
  peek?(options: { limit: number }): Promise<QueuePeeked[]>
  /**
   * Moves up to `limit` messages of the dead-letter queue back to this queue, oldest first: same id and
   * timestamp, attempts from 1, without a delay. `ids` moves those messages alone. Messages that a consumer
   * of the dead letters holds stay. A crash may leave a message in both queues, and never in neither. Returns
   * the ids of the moved messages. Called for queues with a dead-letter queue alone. Default: the backend
   * cannot (`Unsupported`).
   */
  replay?(options: { limit: number; ids?: readonly string[] | undefined }): Promise<string[]>
  /**
   * Removes the queue messages that are there when it begins, except those that a consumer holds. Returns
   * their number. Default: the backend cannot (`Unsupported`).
   */
  purge?(): Promise<number>
}
