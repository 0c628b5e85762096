import type {
  Queue,
  QueueBatch as PortableBatch,
  QueueMessage as PortableMessage,
} from '../../bindings/queue.ts'
import type { UnmoorError } from '../../errors.ts'
import { utf8, viewBytes } from '../../bindings/bytes.ts'
import { toInteger } from './coerce.ts'
import { cloudflareError, translated } from './errors.ts'
import { deserialize, serialize } from './structured.ts'

type ContentType = 'text' | 'bytes' | 'json' | 'v8'
interface SendOptions {
  contentType?: ContentType
  delaySeconds?: number
}
interface SendRequest extends SendOptions {
  body: unknown
}

/**
 * Prefix of a queue message's body that is neither plain JSON nor plain bytes. A letter for the content type
 * and the content follow.
 */
const MARK = '\0unmoor:'

/** Settings of a Worker's queue that affect sending. */
export interface QueueSettings {
  /** Default content type of queue messages: `json`, or `v8` for compatibility dates before 2024-03-18. */
  contentType: ContentType
  deliveryDelay: number | undefined
}

/**
 * Cloudflare's Queue over a portable one:
 * https://developers.cloudflare.com/queues/configuration/javascript-apis/
 */
export class WorkersQueue {
  #queue: () => Queue
  #settings: QueueSettings

  constructor(queue: () => Queue, settings: QueueSettings) {
    this.#queue = queue
    this.#settings = settings
  }

  async send(body: unknown, options: SendOptions = {}): Promise<{ metadata: { metrics: Metrics } }> {
    const message = this.#encode({ body, ...options })
    await failing('send', () => this.#queue().send(message.body, delayOf(message)))
    return SENT
  }

  async sendBatch(
    messages: Iterable<SendRequest>,
    options: { delaySeconds?: number } = {},
  ): Promise<{ metadata: { metrics: Metrics } }> {
    const batch = [...messages].map((message) => this.#encode({ ...options, ...message }))
    if (batch.length === 0) throw new TypeError('sendBatch() requires at least one message')
    await failing('sendBatch', () =>
      this.#queue().sendBatch(batch.map((message) => ({ body: message.body, ...delayOf(message) }))),
    )
    return SENT
  }

  /** Metrics of a Worker's queue: always zeros, as only the backend's own tools know the backlog. */
  async metrics(): Promise<Metrics> {
    return { ...NO_METRICS }
  }

  #encode(request: SendRequest): { body: unknown; delaySeconds: number | undefined } {
    const {
      body,
      contentType = this.#settings.contentType,
      delaySeconds = this.#settings.deliveryDelay,
    } = request
    return { body: encodeBody(body, contentType), delaySeconds }
  }
}

function delayOf({ delaySeconds }: { delaySeconds: number | undefined }): { delaySeconds?: number } {
  return delaySeconds === undefined ? {} : { delaySeconds: toInteger(delaySeconds) }
}

interface Metrics {
  backlogCount: number
  backlogBytes: number
}
const NO_METRICS: Metrics = { backlogCount: 0, backlogBytes: 0 }
const SENT = { metadata: { metrics: NO_METRICS } }

function encodeBody(body: unknown, contentType: ContentType): unknown {
  switch (contentType) {
    case 'json':
      if (body === undefined) throw new TypeError('Message body cannot be undefined')
      return body
    case 'text':
      if (typeof body !== 'string')
        throw new TypeError(
          `Content Type "text" requires a value of type string, but received: ${typeof body}`,
        )
      return body
    case 'bytes': {
      if (!(body instanceof ArrayBuffer) && !ArrayBuffer.isView(body))
        throw new TypeError(
          `Content Type "bytes" requires a value of type ArrayBufferView, but received: ${typeof body}`,
        )
      const bytes = viewBytes(body)
      return startsWithMark(bytes) ? marked('b', bytes) : bytes
    }
    case 'v8':
      return marked('v', utf8(serialize(body)))
  }
  throw new TypeError(`Unsupported queue message content type: ${String(contentType)}`)
}

function marked(letter: string, content: Uint8Array): Uint8Array {
  const head = utf8(MARK + letter)
  const bytes = new Uint8Array(head.byteLength + content.byteLength)
  bytes.set(head)
  bytes.set(content, head.byteLength)
  return bytes
}

const markBytes = utf8(MARK)
function startsWithMark(bytes: Uint8Array): boolean {
  return markBytes.every((byte, index) => bytes[index] === byte)
}

function decodeBody(body: unknown): unknown {
  if (!(body instanceof Uint8Array) || !startsWithMark(body)) return body
  const content = body.subarray(markBytes.byteLength + 1)
  return body[markBytes.byteLength] === 'v'.charCodeAt(0)
    ? deserialize(new TextDecoder().decode(content))
    : content
}

export class Message {
  readonly id: string
  readonly timestamp: Date
  readonly body: unknown
  readonly attempts: number
  #message: PortableMessage

  constructor(message: PortableMessage) {
    this.#message = message
    this.id = message.id
    this.timestamp = message.timestamp
    this.attempts = message.attempts
    this.body = decodeBody(message.body)
  }

  ack(): void {
    this.#message.ack()
  }

  retry(options?: { delaySeconds?: number }): void {
    this.#message.retry(retryOptions(options))
  }
}

/**
 * Reduces a queue message's retry options to `delaySeconds`: the portable batch refuses options that Workers
 * ignore.
 */
function retryOptions(options: { delaySeconds?: number } | undefined): { delaySeconds?: number } {
  return delayOf({ delaySeconds: options?.delaySeconds })
}

interface MessageBatch {
  readonly queue: string
  readonly messages: readonly Message[]
  readonly metadata: { metrics: Metrics }
  ackAll(): void
  retryAll(options?: { delaySeconds?: number }): void
}

/** Converts a delivered batch to the argument of the Worker's `queue` handler. */
export function createMessageBatch(queue: string, batch: PortableBatch): MessageBatch {
  return {
    queue,
    messages: batch.messages.map((message) => new Message(message)),
    metadata: { metrics: { ...NO_METRICS } },
    ackAll: () => batch.ackAll(),
    retryAll: (options?: { delaySeconds?: number }) => batch.retryAll(retryOptions(options)),
  }
}

function failing<T>(operation: string, work: () => Promise<T>): Promise<T> {
  return translated(work, (error) => failure(operation, error))
}

function failure(operation: string, error: UnmoorError): Error {
  // A queue message whose body is not JSON fails with the error of JSON.stringify.
  if (error.cause instanceof TypeError) return error.cause
  const { limit, actual, max } = error.details
  if (limit === 'queue.message')
    return cloudflareError(
      `Queue ${operation} failed: message length of ${actual} bytes exceeds limit of ${max}`,
      error,
    )
  if (limit === 'queue.sendBatch')
    return cloudflareError(
      `Queue ${operation} failed: batch message count of ${actual} exceeds limit of ${max}`,
      error,
    )
  if (limit === 'queue.sendBatchBytes')
    return cloudflareError(
      `Queue ${operation} failed: batch size of ${actual} bytes exceeds limit of ${max}`,
      error,
    )
  return cloudflareError(`Queue ${operation} failed: ${error.message}`, error)
}
