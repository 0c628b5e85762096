/**
 * The format of a message on SQS. The body is what other tools can read: JSON text, or bytes in base64. Facts
 * for which SQS has no field are in message attributes (all of type String):
 *
 * - `unmoor.id`: the message's id, which stays the same in a dead-letter queue
 * - `unmoor.type`: `json` or `bytes`
 * - `unmoor.time`: when it was first sent, milliseconds since 1970
 * - `unmoor.queue`: the binding it was sent to
 * - `unmoor.deliveries`: how often that queue delivers a message
 *
 * SQS accepts only the characters of XML 1.0. JSON text already escapes all others, except U+FFFE and U+FFFF,
 * which are escaped here. So are characters above the BMP: AWS accepts them, but some servers that speak its
 * protocol do not. A message without the attributes comes from another sender: its body is taken as JSON, or
 * as one JSON string if it is not JSON.
 */
import type { QueueIncoming, QueueOutgoing } from '../../../core/bindings/drivers.ts'

/** An SQS message of ReceiveMessage or of a Lambda event, under one set of names. */
export interface ReceivedMessage {
  messageId: string
  receiptHandle: string
  body: string
  /** Returns the value of an SQS message attribute. */
  attribute(name: string): string | undefined
  receiveCount: number
  /** Time at which the SQS message was sent, in milliseconds since 1970. */
  sentTimestamp: number
}

/** An entry of SendMessageBatch without its id. */
export interface SqsEntry {
  MessageBody: string
  DelaySeconds?: number
  /** Message group of the SQS message; FIFO queues only. */
  MessageGroupId?: string
  MessageDeduplicationId?: string
  MessageAttributes: Record<string, { DataType: 'String'; StringValue: string }>
}

/** Encodes a message for SQS. `deliveries` is 1 + maxRetries of the queue it is sent to. */
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
  // SQS refuses an empty body, so a marker replaces it. Only bytes can be empty, and JSON text never has the
  // marker's form.
  if (entry.MessageBody === '') entry.MessageBody = EMPTY
  if (delaySeconds > 0) entry.DelaySeconds = delaySeconds
  return entry
}

const EMPTY = '='

/**
 * Escapes the characters that SQS refuses in JSON, in upper case, which JSON.stringify never writes, so that
 * {@link fromLegalJson} finds the escapes.
 */
function toLegalJson(json: string): string {
  return json.replace(
    /[\uFFFE\uFFFF\uD800-\uDFFF]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/**
 * Restores the JSON text that was sent to SQS. Escapes are read as pairs, so that `\\uFFFE` after an escaped
 * backslash stays.
 */
function fromLegalJson(json: string): string {
  return json.replace(/\\(?:u(FFF[EF]|D[89A-F][0-9A-F]{2})|[^])/g, (escape, code: string | undefined) =>
    code === undefined ? escape : String.fromCharCode(Number.parseInt(code, 16)),
  )
}

/**
 * Decodes the SQS message that a consumer of `queue` receives. In a dead-letter queue attempts start at 1
 * again, even if SQS carries over the count of the first queue.
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

/** A lease of an SQS message with the facts that settling needs. */
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
