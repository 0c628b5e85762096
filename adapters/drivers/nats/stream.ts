import { setTimeout as sleep } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import { UnmoorError } from '../../../core/errors.ts'
import type { Connection } from './connection.ts'
import { serverCode } from './errors.ts'
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

/** The server's code for a stream whose subjects another stream has. */
const SUBJECTS_OVERLAP = 10_065
/** The server's code for a message that expects another stream. */
const ANOTHER_STREAM = 10_060
/** Milliseconds for which a stream that another process makes is waited for. */
const STREAM_PATIENCE = 10_000

/** Seconds in which an id that was sent already is not stored again. */
const DUPLICATE_WINDOW = 120

/** The names of a queue. */
export function queueStream(prefix: string, app: string, binding: string): QueueStream {
  const tokens = [prefix, app, binding].map(token)
  return { stream: tokens.join('_'), now: `${tokens.join('.')}.now`, later: `${tokens.join('.')}.later` }
}

/**
 * Makes the stream and its consumers where they are not there; the consumers' ack wait follows the option.
 *
 * Several processes may do that at the same time. A server tells of a stream before it is complete, and a
 * consumer made in between never delivers a message (2.9.10: 1 in 300 streams that eight connections made).
 */
export async function ensureStream(
  connection: Connection,
  client: NatsConnection,
  { stream, now, later }: QueueStream,
  options: { replicas: number; ackWait: number },
): Promise<void> {
  if (!(await exists(connection, client, stream))) {
    const config = {
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
    }
    try {
      await connection.api(`STREAM.CREATE.${stream}`, config, client)
    } catch (error) {
      // The other stream is this one where another process made it first.
      if (serverCode(error) !== SUBJECTS_OVERLAP || !(await exists(connection, client, stream))) throw error
    }
  }
  await complete(connection, client, now)
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

/**
 * Waits until the stream takes messages, the last thing that a server sets up. Asked with a message that no
 * stream stores, as it expects one of another name.
 */
async function complete(connection: Connection, client: NatsConnection, subject: string): Promise<void> {
  const deadline = performance.now() + STREAM_PATIENCE
  for (;;) {
    try {
      await connection.store(subject, '', { 'Nats-Expected-Stream': '-' }, client)
      return
    } catch (error) {
      if (serverCode(error) === ANOTHER_STREAM) return
      // Nobody listens for its subject yet.
      const isEarly = error instanceof UnmoorError && error.code === 'Unavailable' && !error.mayHaveApplied
      if (!isEarly || performance.now() > deadline) throw error
    }
    await sleep(10)
  }
}
