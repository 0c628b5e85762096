import type { Msg } from '@nats-io/transport-node'
import type { QueueIncoming, QueueOutgoing, QueuePeeked } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'

/** Headers of a queue message stored in NATS, in addition to JetStream's own Nats-Msg-Id. */
const ID = 'Unmoor-Id'
const TYPE = 'Unmoor-Type'
/** Header of a NATS message with the time at which it was first sent, in milliseconds since 1970. */
const SENT = 'Unmoor-Sent'
/**
 * Header of a NATS message with its delay in milliseconds, counted from when the server stored the message.
 */
const DELAY = 'Unmoor-Delay'

/** JetStream stores a message id once within its duplicate window, so a send or a move may be repeated. */
const DEDUPE = 'Nats-Msg-Id'

/** Headers of a queue message that is sent to NATS. */
export function outgoingHeaders(
  { id, contentType, delaySeconds }: QueueOutgoing,
  sent: number,
): Record<string, string> {
  const delay = delaySeconds > 0 ? { [DELAY]: String(delaySeconds * 1000) } : {}
  return { [DEDUPE]: id, [ID]: id, [TYPE]: contentType, [SENT]: String(sent), ...delay }
}

/** The parts of a message stored in NATS that the driver reads. */
export interface Stored {
  readonly data: Uint8Array
  readonly headers?: { get(name: string): string } | undefined
}

/** Converts a NATS message from `STREAM.MSG.GET`, which is in base64. */
export function storedMessage({ hdrs = '', data = '' }: { hdrs?: string; data?: string }): Stored {
  const values = new Map<string, string>()
  for (const line of Buffer.from(hdrs, 'base64').toString().split('\r\n').slice(1)) {
    const colon = line.indexOf(':')
    if (colon > 0) values.set(line.slice(0, colon), line.slice(colon + 1).trim())
  }
  return { data: Buffer.from(data, 'base64'), headers: { get: (name) => values.get(name) ?? '' } }
}

export function idOf(message: Stored): string {
  return header(message, ID)
}

/**
 * Headers for a NATS message that moves from `sequence` of `stream` to another subject. A repeated move has
 * the same message id for the server. Each further move has another id: a message that returns to a queue
 * from its dead letters is not a duplicate of the original.
 */
export function movedHeaders(message: Stored, stream: string, sequence: number): Record<string, string> {
  const id = header(message, ID)
  return {
    [DEDUPE]: `${id}:${stream}:${sequence}`,
    [ID]: id,
    [TYPE]: header(message, TYPE),
    [SENT]: header(message, SENT),
  }
}

/** Converts a message that NATS delivered to a queue message, except for the lease. */
export function incoming(message: Msg): Omit<QueueIncoming, 'lease'> {
  const contentType = header(message, TYPE) === 'json' ? 'json' : 'bytes'
  // A NATS message's body is copied, because the client's buffers hold other messages too.
  const body = contentType === 'json' ? message.string() : new Uint8Array(message.data)
  return {
    id: header(message, ID),
    contentType,
    body,
    attempts: deliveryOf(message.reply ?? '').attempts,
    timestamp: Number(header(message, SENT)),
  }
}

/** Converts a message that was read from its NATS stream, and not delivered. */
export function peeked(message: Stored, state: QueuePeeked['state']): QueuePeeked {
  const contentType = header(message, TYPE) === 'json' ? 'json' : 'bytes'
  return {
    id: header(message, ID),
    contentType,
    body: contentType === 'json' ? Buffer.from(message.data).toString() : new Uint8Array(message.data),
    // JetStream counts the deliveries of a message, and tells them with a delivery only.
    attempts: state === 'leased' ? undefined : 0,
    timestamp: Number(header(message, SENT)),
    state,
  }
}

/** Milliseconds since 1970 at which a delayed NATS message may be delivered. */
export function dueAt(message: Msg): number {
  return deliveryOf(message.reply ?? '').stored + Number(header(message, DELAY))
}

/**
 * Reads the fields of a JetStream delivery's ack subject:
 * `$JS.ACK.[domain.account.]stream.consumer.delivered.stream-seq.consumer-seq.nanoseconds.pending[.token]`.
 */
export function deliveryOf(reply: string): { attempts: number; sequence: number; stored: number } {
  const tokens = reply.split('.')
  const at = tokens.length >= 11 ? 6 : 4
  return {
    attempts: Number(tokens[at]),
    sequence: Number(tokens[at + 1]),
    stored: Number(tokens[at + 3]) / 1e6,
  }
}

function header(message: Stored, name: string): string {
  const value = message.headers?.get(name)
  if (value !== undefined && value !== '') return value
  throw new UnmoorError(
    'Internal',
    `A message in the stream has no ${name} header, so unmoor did not send it. Remove it.`,
  )
}
