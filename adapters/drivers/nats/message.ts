import type { Msg } from '@nats-io/transport-node'
import type { QueueIncoming, QueueOutgoing } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'

/** Headers of a stored message, beside JetStream's own Nats-Msg-Id. */
const ID = 'Unmoor-Id'
const TYPE = 'Unmoor-Type'
/** When it was first sent, milliseconds since 1970. */
const SENT = 'Unmoor-Sent'
/** Milliseconds of delay, counted from when the server stored it. */
const DELAY = 'Unmoor-Delay'

/** JetStream stores an id once within its window, so a send or a move may be repeated. */
const DEDUPE = 'Nats-Msg-Id'

/** Headers of a message that is sent. */
export function outgoingHeaders(
  { id, contentType, delaySeconds }: QueueOutgoing,
  sent: number,
): Record<string, string> {
  const delay = delaySeconds > 0 ? { [DELAY]: String(delaySeconds * 1000) } : {}
  return { [DEDUPE]: id, [ID]: id, [TYPE]: contentType, [SENT]: String(sent), ...delay }
}

/** What is read of a message, delivered or looked up. */
export interface Stored {
  readonly data: Uint8Array
  readonly headers?: { get(name: string): string } | undefined
}

/** A message as `STREAM.MSG.GET` gives it, in base64. */
export function storedMessage({ hdrs, data = '' }: { hdrs: string; data?: string }): Stored {
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
 * Headers of a message that moves from `sequence` of `stream` to another subject. A move that is repeated has
 * the same id for the server. Each further move has another one: a message that comes back to a queue by
 * dead letters is no duplicate of what once was there.
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

/** A delivered message without its lease. */
export function incoming(message: Msg): Omit<QueueIncoming, 'lease'> {
  const contentType = header(message, TYPE) === 'json' ? 'json' : 'bytes'
  // A copy: the client's buffers hold other messages too.
  const body = contentType === 'json' ? message.string() : new Uint8Array(message.data)
  return {
    id: header(message, ID),
    contentType,
    body,
    attempts: deliveryOf(message.reply ?? '').attempts,
    timestamp: Number(header(message, SENT)),
  }
}

/** Milliseconds since 1970 at which a delayed message may be delivered. */
export function dueAt(message: Msg): number {
  return deliveryOf(message.reply ?? '').stored + Number(header(message, DELAY))
}

/**
 * What the subject for acks tells:
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
