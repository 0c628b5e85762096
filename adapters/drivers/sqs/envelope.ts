/**
 * How a message looks on SQS. The body is what other tools can read: JSON text, or base64 of bytes. What SQS
 * has no field for is in message attributes (all of type String):
 *
 * - `unmoor.id`: the message's id, which stays the same in a dead-letter queue
 * - `unmoor.type`: `json` or `bytes`
 * - `unmoor.time`: when it was first sent, milliseconds since 1970
 * - `unmoor.queue`: the binding it was sent to
 * - `unmoor.deliveries`: how often that queue delivers a message
 *
 * SQS takes the characters of XML 1.0 only. JSON text escapes all others already, except U+FFFE and U+FFFF,
 * which are escaped here, and so are characters above the BMP: AWS takes those, but some servers that speak
 * its protocol do not. A message without the attributes comes from another sender: its body is taken as JSON,
 * or as one JSON string where it is none.
 */
import type { QueueIncoming, QueueOutgoing } from '../../../core/bindings/drivers.ts'

/** A message as ReceiveMessage and a Lambda event have it, under one set of names. */
export interface ReceivedMessage {
  messageId: string
  receiptHandle: string
  body: string
  /** Values of message attributes. */
  attribute(name: string): string | undefined
  receiveCount: number
  /** Milliseconds since 1970. */
  sentTimestamp: number
}

/** An entry of SendMessageBatch without its id. */
export interface SqsEntry {
  MessageBody: string
  DelaySeconds?: number
  /** For FIFO queues only. */
  MessageGroupId?: string
  MessageDeduplicationId?: string
  MessageAttributes: Record<string, { DataType: 'String'; StringValue: string }>
}

/** The wire form. `deliveries` is 1 + maxRetries of the queue it is sent to. */
export function encodeMessage(
  message: QueueOutgoing,
  queue: string,
  deliveries: number,
  now: number,
): SqsEntry {
  const { id, contentType, body, delaySeconds } = message
  const values = { id, type: contentType, time: String(now), queue, deliveries: String(deliveries) }
  const entry: SqsEntry = {
    MessageBody:
      typeof body === 'string'
        ? toLegalJson(body)
        : Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('base64'),
    MessageAttributes: Object.fromEntries(
      Object.entries(values).map(([name, value]) => [
        `unmoor.${name}`,
        { DataType: 'String', StringValue: value },
      ]),
    ),
  }
  // An empty body is refused by SQS; only bytes can be empty, and JSON text never has this form.
  if (entry.MessageBody === '') entry.MessageBody = EMPTY
  if (delaySeconds > 0) entry.DelaySeconds = delaySeconds
  return entry
}

const EMPTY = '='

/** Escapes in upper case, which JSON.stringify never writes, so that {@link fromLegalJson} finds them. */
function toLegalJson(json: string): string {
  return json.replace(
    /[\uFFFE\uFFFF\uD800-\uDFFF]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/**
 * The JSON text as it was sent. Pairs are read as they stand, so that `\\uFFFE` behind an escaped backslash
 * stays.
 */
function fromLegalJson(json: string): string {
  return json.replace(/\\(?:u(FFF[EF]|D[89A-F][0-9A-F]{2})|[^])/g, (escape, code: string | undefined) =>
    code === undefined ? escape : String.fromCharCode(Number.parseInt(code, 16)),
  )
}

/**
 * The message that a consumer of `queue` gets. In a dead-letter queue attempts start at 1 again, whether or
 * not the count of the first queue is carried over.
 */
export function decodeMessage(message: ReceivedMessage, queue: string): QueueIncoming {
  const id = message.attribute('unmoor.id') ?? message.messageId
  const attempts = attemptsIn(queue, message)
  const type = message.attribute('unmoor.type')
  return {
    id,
    contentType: type === 'bytes' ? 'bytes' : 'json',
    body:
      type === 'bytes'
        ? fromBase64(message.body)
        : type === 'json'
          ? fromLegalJson(message.body)
          : foreignBody(message.body),
    attempts,
    timestamp: Number(message.attribute('unmoor.time') ?? message.sentTimestamp),
    lease: createLease(attempts, id, message.receiptHandle),
  }
}

function attemptsIn(queue: string, message: ReceivedMessage): number {
  const sentTo = message.attribute('unmoor.queue')
  const deliveries = Number(message.attribute('unmoor.deliveries') ?? 0)
  const carried =
    sentTo !== undefined && sentTo !== queue && message.receiveCount > deliveries ? deliveries : 0
  return Math.max(1, message.receiveCount - carried)
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return text === EMPTY ? new Uint8Array() : new Uint8Array(Buffer.from(text, 'base64'))
}

function foreignBody(text: string): string {
  try {
    JSON.parse(text)
    return text
  } catch {
    return JSON.stringify(text)
  }
}

/** A lease carries what settling needs to know of its message. */
export interface Lease {
  attempts: number
  id: string
  receiptHandle: string
}

function createLease(attempts: number, id: string, receiptHandle: string): string {
  return `${attempts} ${encodeURIComponent(id)} ${receiptHandle}`
}

export function parseLease(lease: string): Lease {
  const [attempts = '1', id = '', receiptHandle = ''] = lease.split(' ')
  return { attempts: Number(attempts), id: decodeURIComponent(id), receiptHandle }
}
