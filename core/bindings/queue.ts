import { invalidArgument, limitExceeded } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import { utf8, utf8Length, utf8Text, viewBytes } from './bytes.ts'
import type { QueueDriver, QueueIncoming, QueueOutgoing, QueueSettlement } from './drivers.ts'
import { checkText } from './keys.ts'
import { run, type Where } from './operation.ts'
import type { NativeBinding } from './native.ts'
import { checkOptions } from './options.ts'

const SEND_OPTIONS: readonly string[] = ['delaySeconds']
const REQUEST_FIELDS: readonly string[] = ['body', ...SEND_OPTIONS]

/** Options of {@link Queue.send}. */
export interface QueueSendOptions {
  /** Seconds before the first delivery of a queue message, 0 to 900. Default: 0. */
  delaySeconds?: number
}

/** One message of {@link Queue.sendBatch}. */
export interface QueueSendRequest<T> extends QueueSendOptions {
  body: T
}

/** A queue message as the queue's handler receives it. */
export interface QueueMessage<T = unknown> {
  /** Id of the queue message: the same over all deliveries, and in the dead-letter queue too. */
  readonly id: string
  /** Time of the queue message's first send. */
  readonly timestamp: Date
  readonly body: T
  /** Number of this delivery of the queue message: 1 for the first. */
  readonly attempts: number
  /**
   * Marks the queue message as done, so that it is not delivered again. The first call of `ack` or `retry`
   * wins.
   */
  ack(): void
  /**
   * Asks for another delivery of the message. Default delay: the queue's `retryDelay`.
   *
   * @example
   * ```ts
   * import { defineApp, defineBindings, queue } from 'unmoor'
   *
   * export default defineApp({
   *   bindings: defineBindings({ mails: queue<{ to: string }>() }),
   *   queues: {
   *     async mails(batch) {
   *       for (const message of batch.messages) {
   *         const answer = await fetch(`https://mail.example.com/?to=${message.body.to}`)
   *         if (answer.ok) message.ack()
   *         else message.retry({ delaySeconds: 30 * message.attempts })
   *       }
   *     },
   *   },
   * })
   * ```
   */
  retry(options?: QueueSendOptions): void
}

/** A batch of queue messages as the queue's handler receives it. */
export interface QueueBatch<T = unknown> {
  /** Name of the queue's binding. */
  readonly queue: string
  readonly messages: readonly QueueMessage<T>[]
  /** Acknowledges all messages of the queue's batch that are neither acknowledged nor retried yet. */
  ackAll(): void
  /** Retries all messages of the queue's batch that are neither acknowledged nor retried yet. */
  retryAll(options?: QueueSendOptions): void
}

/**
 * The sending side of a queue: at-least-once, unordered. A message is any JSON value or a Uint8Array, at most
 * 127,000 bytes as JSON or raw.
 */
export class Queue<T = unknown> {
  /**
   * The platform's own binding (Cloudflare's `Queue`), typed by `import 'unmoor/cloudflare/native'`;
   * undefined on other targets.
   */
  declare readonly native: NativeBinding<'queue'>
  #driver: QueueDriver
  #binding: string
  #maxDelay: number

  constructor(driver: QueueDriver, options: { binding: string; maxDelay?: number | undefined }) {
    this.#maxDelay = options.maxDelay ?? LIMITS['queue.delay']
    this.#driver = driver
    this.#binding = options.binding
  }

  /**
   * Sends a message to the queue. Resolves when the backend has stored it durably.
   *
   * @throws `InvalidArgument` if the message is no JSON value, `LimitExceeded` for its size or delay.
   *
   * @example
   * ```ts
   * await env.clicks.send({ slug: 'docs', at: Date.now() }, { delaySeconds: 60 })
   * ```
   */
  async send(body: T, options: QueueSendOptions = {}): Promise<void> {
    const where = { binding: this.#binding, operation: 'send' }
    checkOptions(options, SEND_OPTIONS, where)
    const batch = [outgoing(body, options, where, this.#maxDelay)]
    addTrailer(batch)
    await run(where, () => this.#driver.send(batch))
  }

  /**
   * Sends 1 to 100 messages to the queue, at most 256,000 bytes together. If some fail, the error's details
   * name their `indexes`; the others are sent.
   *
   * @example
   * ```ts
   * await env.clicks.sendBatch(['a', 'b'].map((slug) => ({ body: { slug, at: Date.now() } })))
   * ```
   */
  async sendBatch(messages: Iterable<QueueSendRequest<T>>): Promise<void> {
    const where = { binding: this.#binding, operation: 'sendBatch' }
    const requests = [...messages]
    if (requests.length === 0) throw invalidArgument(where, `${this.#binding}.sendBatch: the batch is empty.`)
    if (requests.length > LIMITS['queue.sendBatch'])
      throw limitExceeded(where, 'queue.sendBatch', requests.length, LIMITS['queue.sendBatch'])
    for (const request of requests) checkOptions(request, REQUEST_FIELDS, where)
    const batch = requests.map((request) => outgoing(request?.body, request ?? {}, where, this.#maxDelay))
    const bytes = totalSize(batch)
    if (bytes > LIMITS['queue.sendBatchBytes'])
      throw limitExceeded(where, 'queue.sendBatchBytes', bytes, LIMITS['queue.sendBatchBytes'])
    addTrailer(batch)
    await run(where, () => this.#driver.send(batch))
  }
}

/** What telemetry does with queue messages, on all targets and drivers; empty in an app without telemetry. */
export const queueWatch: {
  /** Returns blanks (JSON's white space) to put after the JSON of messages; undefined for none. */
  trailer?: () => string | undefined
  /** Called with a message that was delivered, and with its JSON text as it travelled. */
  received?: (message: QueueMessage, json: string) => void
} = {}

/** JSON's white space, as much as telemetry needs. */
const TRAILER = /^[ \t\n\r]{1,128}$/

/**
 * Calls `send` of a queue for code elsewhere, such as an isolate's, whose telemetry gave `trailer`. A text
 * that is no trailer is left out: it comes from a tenant.
 */
export function sendWithTrailer<T>(trailer: unknown, send: () => T): T {
  if (typeof trailer !== 'string' || !TRAILER.test(trailer)) return send()
  const { trailer: before } = queueWatch
  queueWatch.trailer = () => trailer
  // A queue asks for the trailer before its first `await`.
  try {
    return send()
  } finally {
    if (before === undefined) delete queueWatch.trailer
    else queueWatch.trailer = before
  }
}

/** Puts telemetry's blanks after the messages that are JSON, where the limits leave room for them. */
function addTrailer(batch: readonly QueueOutgoing[]): void {
  const trailer = queueWatch.trailer?.()
  if (trailer === undefined) return
  if (totalSize(batch) + batch.length * trailer.length > LIMITS['queue.sendBatchBytes']) return
  for (const message of batch)
    if (message.contentType === 'json' && bodySize(message.body) + trailer.length <= LIMITS['queue.message'])
      message.body += trailer
}

function bodySize(body: string | Uint8Array): number {
  return typeof body === 'string' ? utf8Length(body) : body.byteLength
}

function totalSize(batch: readonly QueueOutgoing[]): number {
  return batch.reduce((sum, { body }) => sum + bodySize(body), 0)
}

function outgoing(body: unknown, options: QueueSendOptions, where: Where, maxDelay: number): QueueOutgoing {
  const delaySeconds = checkDelay(options.delaySeconds, where, maxDelay) ?? 0
  const bytes = body instanceof ArrayBuffer || ArrayBuffer.isView(body)
  const encoded = bytes ? viewBytes(body) : encodeJson(body, where)
  const size = bodySize(encoded)
  if (size > LIMITS['queue.message'])
    throw limitExceeded(
      where,
      'queue.message',
      size,
      LIMITS['queue.message'],
      'Put the data in a blob and send its key.',
    )
  return { id: crypto.randomUUID(), contentType: bytes ? 'bytes' : 'json', body: encoded, delaySeconds }
}

function encodeJson(body: unknown, where: Where): string {
  let text: string | undefined
  try {
    text = JSON.stringify(body)
  } catch (error) {
    throw invalidArgument(where, `${where.binding}.${where.operation}: the message is not JSON.`, error)
  }
  if (text === undefined)
    throw invalidArgument(
      where,
      `${where.binding}.${where.operation}: a message is a JSON value or bytes, not ${typeof body}.`,
    )
  checkText(text, where, 'message')
  return text
}

/** Checks a queue message's delay in seconds; returns undefined if there is none. */
function checkDelay(delay: unknown, where: Where, max: number = LIMITS['queue.delay']): number | undefined {
  if (delay === undefined) return undefined
  if (typeof delay !== 'number' || !Number.isInteger(delay) || delay < 0)
    throw invalidArgument(
      where,
      `${where.binding}.${where.operation}: delaySeconds is a whole number from 0 to ${max}.`,
    )
  if (delay > max) throw limitExceeded(where, 'queue.delay', delay, max)
  return delay
}

/** A batch of queue messages for its consumer, which also reads the outcome of each message. */
export interface OwnedBatch extends QueueBatch {
  /**
   * Returns one settlement per queue message, in order. `rest` is the outcome of messages that the handler
   * neither acknowledged nor retried.
   */
  settlements(rest: 'ack' | 'retry'): QueueSettlement[]
}

/**
 * Wraps delivered queue messages for a handler. `retryDelay`, in seconds, applies to retries that name no
 * delay. `maxDelay` is the longest delay that a retry may name; its default is that of {@link LIMITS}.
 */
export function createBatch(
  binding: string,
  incoming: readonly QueueIncoming[],
  retryDelay: number,
  maxDelay?: number,
): OwnedBatch {
  const delays = { retryDelay, maxDelay: maxDelay ?? LIMITS['queue.delay'] }
  const messages = incoming.map((message) => new DeliveredMessage(binding, message, delays))
  return {
    queue: binding,
    messages,
    ackAll: () => messages.forEach((message) => message.ack()),
    retryAll: (options) => messages.forEach((message) => message.retry(options)),
    settlements: (rest) => messages.map((message) => message.settlement(rest)),
  }
}

class DeliveredMessage implements QueueMessage {
  readonly id: string
  readonly timestamp: Date
  readonly attempts: number
  readonly body: unknown
  #binding: string
  #lease: string
  #delays: { retryDelay: number; maxDelay: number }
  #settlement: QueueSettlement | undefined

  constructor(binding: string, incoming: QueueIncoming, delays: { retryDelay: number; maxDelay: number }) {
    this.#binding = binding
    this.#lease = incoming.lease
    this.#delays = delays
    this.id = incoming.id
    this.timestamp = new Date(incoming.timestamp)
    this.attempts = incoming.attempts
    if (incoming.contentType === 'bytes') this.body = bytesOf(incoming)
    else {
      const json = textOf(incoming)
      this.body = JSON.parse(json)
      queueWatch.received?.(this, json)
    }
  }

  ack(): void {
    this.#settlement ??= { lease: this.#lease, outcome: 'ack' }
  }

  retry(options: QueueSendOptions = {}): void {
    const where = { binding: this.#binding, operation: 'retry' }
    checkOptions(options, SEND_OPTIONS, where)
    const { retryDelay, maxDelay } = this.#delays
    const delaySeconds = checkDelay(options.delaySeconds, where, maxDelay) ?? retryDelay
    this.#settlement ??= { lease: this.#lease, outcome: 'retry', delaySeconds }
  }

  settlement(rest: 'ack' | 'retry'): QueueSettlement {
    if (rest === 'ack') this.ack()
    else this.retry()
    return this.#settlement as QueueSettlement
  }
}

const bytesOf = ({ body }: QueueIncoming): Uint8Array => (typeof body === 'string' ? utf8(body) : body)
const textOf = ({ body }: QueueIncoming): string => (typeof body === 'string' ? body : utf8Text(body))
