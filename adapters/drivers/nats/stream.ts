import type { NatsConnection } from '@nats-io/transport-node'
import { UnmoorError } from '../../../core/errors.ts'
import type { Connection } from './connection.ts'
import { token } from './server.ts'

/**
 * One queue: a stream with a subject for what may be delivered and one for what is delayed, and a consumer of
 * each. Delayed messages have a subject of their own because the server counts each look at one as a
 * delivery.
 */
export interface QueueStream {
  readonly stream: string
  readonly now: string
  readonly later: string
}

/** Seconds in which an id that was sent already is not stored again. */
const DUPLICATE_WINDOW = 120

/** The names of a queue. */
export function queueStream(prefix: string, app: string, binding: string): QueueStream {
  const tokens = [prefix, app, binding].map(token)
  return { stream: tokens.join('_'), now: `${tokens.join('.')}.now`, later: `${tokens.join('.')}.later` }
}

/**
 * Makes the stream and its consumers where they are not there; the consumers' ack wait follows the option.
 */
export async function ensureStream(
  connection: Connection,
  client: NatsConnection,
  { stream, now, later }: QueueStream,
  options: { replicas: number; ackWait: number },
): Promise<void> {
  if (!(await exists(connection, client, stream))) {
    await connection.api(
      `STREAM.CREATE.${stream}`,
      {
        name: stream,
        subjects: [now, later],
        retention: 'workqueue',
        storage: 'file',
        num_replicas: options.replicas,
        // Nothing is ever pushed out by what is new.
        discard: 'new',
        max_msgs: -1,
        max_bytes: -1,
        max_age: 0,
        duplicate_window: DUPLICATE_WINDOW * 1e9,
      },
      client,
    )
  }
  const consumer = (name: string, subject: string): Promise<unknown> =>
    connection.api(
      `CONSUMER.DURABLE.CREATE.${stream}.${name}`,
      {
        stream_name: stream,
        config: {
          durable_name: name,
          filter_subject: subject,
          deliver_policy: 'all',
          ack_policy: 'explicit',
          replay_policy: 'instant',
          ack_wait: options.ackWait * 1e9,
          // The driver counts itself, and messages that wait for their retry must not hold up others.
          max_deliver: -1,
          max_ack_pending: -1,
          max_waiting: 4096,
        },
      },
      client,
    )
  await consumer('now', now)
  await consumer('later', later)
}

async function exists(connection: Connection, client: NatsConnection, stream: string): Promise<boolean> {
  try {
    await connection.api(`STREAM.INFO.${stream}`, undefined, client)
    return true
  } catch (error) {
    if (error instanceof UnmoorError && error.code === 'NotFound') return false
    throw error
  }
}
