import { constantCase } from '../../../core/bindings/declarations.ts'
import type { QueueIncoming, QueueSettlement } from '../../../core/bindings/drivers.ts'
import type { Context } from '../../../core/context.ts'
import { UnmoorError } from '../../../core/errors.ts'
import type { Runtime } from '../../../core/runtime/runtime.ts'

/** The fields that are read of an SQS event's record; the full shape is `SQSRecord` of `aws-lambda`. */
export interface SqsRecord {
  readonly messageId: string
  readonly receiptHandle: string
  readonly body: string
  readonly attributes: { readonly ApproximateReceiveCount: string; readonly SentTimestamp: string }
  readonly messageAttributes: Readonly<
    Record<
      string,
      {
        readonly stringValue?: string | undefined
        readonly binaryValue?: string | undefined
        readonly dataType: string
      }
    >
  >
  readonly eventSource: string
  readonly eventSourceARN: string
}

/** A Lambda event with a batch of SQS messages. */
export interface SqsEvent {
  readonly Records: readonly SqsRecord[]
}

/**
 * Decodes a message that the SQS driver wrote, from a record of an event for the queue `binding`. The
 * driver's module implements it, and the driver settles the lease.
 */
export type DecodeSqsRecord = (record: SqsRecord, binding: string) => QueueIncoming

/**
 * The partial batch answer to an SQS event: the messages named here are delivered again. The event source
 * mapping must have `ReportBatchItemFailures`.
 */
export interface SqsBatchResponse {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[]
}

type QueueRetry = Extract<QueueSettlement, { outcome: 'retry' }>

/** True if the Lambda event is an SQS batch. */
export function isSqsEvent(event: unknown): event is SqsEvent {
  if (typeof event !== 'object' || event === null) return false
  const { Records } = event as { Records?: unknown }
  return (
    Array.isArray(Records) &&
    Records.length > 0 &&
    (Records as Partial<SqsRecord>[]).every(
      (record) =>
        record?.eventSource === 'aws:sqs' &&
        typeof record.messageId === 'string' &&
        typeof record.eventSourceARN === 'string',
    )
  )
}

/** Options of {@link handleSqsEvent}. */
export interface SqsOptions {
  runtime: Runtime
  decode: DecodeSqsRecord
  variable: (name: string) => string | undefined
  log: (message: string, error?: unknown) => void
}

/**
 * Passes a batch of SQS messages to the queue's handler and returns the messages to deliver again.
 *
 * The driver sets a retry's delay on the message itself, as SQS has one visibility timeout per queue.
 * Messages that used up their retries go to the dead-letter queue by the queue's redrive policy; if the app
 * declares none, the driver drops them, with a log line.
 *
 * @throws `NotFound` for a queue that the app does not consume.
 */
export async function handleSqsEvent(
  event: SqsEvent,
  ctx: Context,
  options: SqsOptions,
): Promise<SqsBatchResponse> {
  const failures: string[] = []
  for (const [arn, records] of Map.groupBy(event.Records, (record) => record.eventSourceARN)) {
    failures.push(...(await handleQueue(bindingOf(arn, options), records, ctx, options)))
  }
  return { batchItemFailures: failures.map((itemIdentifier) => ({ itemIdentifier })) }
}

/** Returns the queue binding whose variable `<BINDING>_QUEUE_URL` has the SQS queue's name. */
function bindingOf(arn: string, { runtime, variable }: SqsOptions): string {
  const queue = arn.slice(arn.lastIndexOf(':') + 1)
  const consumed = Object.keys(runtime.app.queues)
  for (const binding of consumed) {
    const url = variable(`${constantCase(binding)}_QUEUE_URL`)
    if (url?.slice(url.lastIndexOf('/') + 1) === queue) return binding
  }
  const known =
    consumed.map((binding) => `${constantCase(binding)}_QUEUE_URL`).join(', ') || 'none: it consumes no queue'
  throw new UnmoorError(
    'NotFound',
    `An event came for queue "${queue}", which this app does not consume. Variables that name its ` +
      `queues: ${known}.`,
    {
      operation: 'queue',
    },
  )
}

/** Handles a batch of SQS messages; returns the ids of those to deliver again. */
async function handleQueue(
  binding: string,
  records: readonly SqsRecord[],
  ctx: Context,
  options: SqsOptions,
): Promise<string[]> {
  const { runtime, decode, log } = options
  const messages: QueueIncoming[] = []
  const idByLease = new Map<string, string>()
  const failed = new Set<string>()
  for (const record of records) {
    try {
      const message = decode(record, binding)
      messages.push(message)
      idByLease.set(message.lease, record.messageId)
    } catch (error) {
      log(`queue ${binding}: message ${record.messageId} is not one that unmoor sent:`, error)
      failed.add(record.messageId)
    }
  }
  if (messages.length > 0) {
    const { settlements } = await runtime.queue(binding, messages, ctx)
    const retries = settlements.filter((settlement) => settlement.outcome === 'retry')
    for (const lease of await keptForRetry(binding, messages, retries, options))
      failed.add(idByLease.get(lease) ?? lease)
  }
  // An SQS FIFO queue keeps its order only if everything after the first failure fails too.
  const first = records.findIndex((record) => failed.has(record.messageId))
  const again =
    records[0]?.eventSourceARN.endsWith('.fifo') && first >= 0
      ? records.slice(first)
      : records.filter((record) => failed.has(record.messageId))
  return again.map((record) => record.messageId)
}

/**
 * Sets the delays of `retries` in SQS, and returns the leases of the messages to deliver again: all but the
 * dropped.
 */
async function keptForRetry(
  binding: string,
  messages: readonly QueueIncoming[],
  retries: readonly QueueRetry[],
  { runtime, log }: SqsOptions,
): Promise<string[]> {
  if (retries.length === 0) return []
  let dropped: readonly string[] = []
  try {
    dropped = (await runtime.queueDriver(binding).settle?.(retries))?.dropped ?? []
  } catch (error) {
    // SQS messages whose delay could not be set are still delivered again, after the queue's own visibility
    // timeout.
    log(`queue ${binding}: the delay of ${retries.length} retries could not be set:`, error)
  }
  for (const id of dropped)
    log(
      `queue ${binding}: message ${id} used up its retries and was dropped. Declare a deadLetterQueue ` +
        'to keep such messages.',
    )
  const gone = new Set(messages.filter(({ id }) => dropped.includes(id)).map(({ lease }) => lease))
  return retries.flatMap(({ lease }) => (gone.has(lease) ? [] : lease))
}
