import { setTimeout as sleep } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import { UnmoorError } from '../../../core/errors.ts'
import type { Connection } from './connection.ts'
import { serverCode } from './errors.ts'
import { token } from './server.ts'

/**
 * The names of one queue on the NATS server: a stream with a subject for messages that may be delivered and
 * one for delayed messages, and a consumer of each. Delayed messages have their own subject because the
 * server counts each look at a message as a delivery.
 */
export interface QueueStream {
  readonly stream: string
  readonly now: string
  readonly later: string
  /** Subject that stands for both subjects of the queue. */
  readonly all: string
}

/** Error code of JetStream for a stream whose subjects belong to another stream. */
const SUBJECTS_OVERLAP = 10_065
/** Error code of JetStream for a message that expects another stream. */
const ANOTHER_STREAM = 10_060
/** Milliseconds to wait for a JetStream stream that another process is creating. */
const STREAM_PATIENCE = 10_000

/** Seconds in which JetStream does not store a repeated message id again. */
const DUPLICATE_WINDOW = 120

/** Builds the names of a queue's NATS stream, subjects and consumers. */
export function queueStream(prefix: string, app: string, binding: string): QueueStream {
  const tokens = [prefix, app, binding].map(token)
  const subject = (last: string): string => `${tokens.join('.')}.${last}`
  return { stream: tokens.join('_'), now: subject('now'), later: subject('later'), all: subject('*') }
}

/**
 * Creates the JetStream stream of a queue and its consumers if they do not exist, and updates the consumers'
 * ack wait from the options.
 *
 * Several processes may create the same stream at once. A server announces a stream before it is complete,
 * and a consumer that is created too early never delivers a message (2.9.10: 1 in 300 streams that eight
 * connections created).
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
      // A full JetStream stream refuses new messages; it never drops stored ones.
      discard: 'new',
      max_msgs: -1,
      max_bytes: -1,
      max_age: 0,
      duplicate_window: DUPLICATE_WINDOW * 1e9,
    }
    try {
      await connection.api(`STREAM.CREATE.${stream}`, config, client)
    } catch (error) {
      // JetStream also reports overlapping subjects if another process has created this queue's stream first.
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
          // A queue's JetStream consumers have no limit of deliveries, since the NATS driver has one, and no
          // limit of unacked messages, since messages that wait for their retry must not block others.
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
 * Waits until the JetStream stream accepts messages, the last step of a server's setup. The probe is a
 * message that expects another stream's name, so no stream stores it.
 */
async function complete(connection: Connection, client: NatsConnection, subject: string): Promise<void> {
  const deadline = performance.now() + STREAM_PATIENCE
  for (;;) {
    try {
      await connection.store(subject, '', { 'Nats-Expected-Stream': '-' }, client)
      return
    } catch (error) {
      if (serverCode(error) === ANOTHER_STREAM) return
      // The probe of a new JetStream stream fails with `Unavailable` while the server does not listen on the
      // stream's subject yet.
      const isEarly = error instanceof UnmoorError && error.code === 'Unavailable' && !error.mayHaveApplied
      if (!isEarly || performance.now() > deadline) throw error
    }
    await sleep(10)
  }
}
