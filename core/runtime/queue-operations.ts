/** What operators can do with a queue, by driver, as data; the way `CAPABILITIES` states it for targets. */

/** What an operator can do with a queue, if its driver has the method of that name. */
export type QueueOperation = 'depth' | 'peek' | 'replay' | 'purge'

/** For each operation true, or what to do instead where the driver lacks it. */
export type QueueOperations = Readonly<Record<QueueOperation, true | string>>

/** What errors say about each operation that a driver lacks. */
export const LACKING: Readonly<Record<QueueOperation, string>> = {
  depth: 'does not count messages',
  peek: 'cannot show messages without receiving them',
  replay: 'cannot move dead letters back',
  purge: 'cannot remove all messages',
}

const ALL: QueueOperations = { depth: true, peek: true, replay: true, purge: true }

/**
 * The operations of unmoor's own queue drivers, by the driver's name. SQS shows a message by receiving it,
 * which counts as a delivery. A Worker can neither read nor purge a Cloudflare queue; its `metrics()` is not
 * used for the depth, since it leaves out delayed messages and those in flight, and is always 0 in a local
 * workerd.
 */
export const QUEUE_OPERATIONS: Readonly<Record<string, QueueOperations>> = {
  memory: ALL,
  sqlite: ALL,
  postgres: ALL,
  redis: ALL,
  nats: ALL,
  sqs: {
    depth: true,
    peek:
      'Run `aws sqs receive-message --queue-url URL --visibility-timeout 0`, which SQS counts as a ' +
      'delivery of each message that it shows.',
    replay: 'Run `aws sqs start-message-move-task --source-arn ARN` with the ARN of the dead-letter queue.',
    purge: 'Run `aws sqs purge-queue --queue-url URL`, which also removes messages in flight.',
  },
  cloudflare: {
    depth: "Run `wrangler queues info NAME` with the queue's name on Cloudflare.",
    peek: "Look at the queue in Cloudflare's dashboard, under Queues.",
    replay:
      'Let the app handle the dead-letter queue for a while, with a handler that sends each message to its ' +
      'queue again.',
    purge: "Run `wrangler queues purge NAME` with the queue's name on Cloudflare.",
  },
}
