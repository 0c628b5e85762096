import type { QueueBatch, QueueMessage } from '../../bindings/queue.ts'
import { md5 } from './md5.ts'
import { toBase64 } from './text.ts'

/** A record of an SQS event, like `SQSRecord` of `aws-lambda`. */
export interface SqsRecord {
  readonly messageId: string
  readonly receiptHandle: string
  readonly body: string
  readonly attributes: Readonly<Record<string, string>>
  readonly messageAttributes: Readonly<
    Record<string, { readonly dataType: string; readonly stringValue: string }>
  >
  readonly md5OfBody: string
  readonly eventSource: 'aws:sqs'
  readonly eventSourceARN: string
  readonly awsRegion: string
}

/**
 * Converts a batch of queue messages to an SQS event. `arn` is the queue's; if it ends in `.fifo`, the
 * records have a group and sequence number.
 */
export function toSqsEvent(batch: QueueBatch, arn: string): { readonly Records: readonly SqsRecord[] } {
  return { Records: batch.messages.map((message, index) => toRecord(message, index, arn)) }
}

function toRecord(message: QueueMessage, index: number, arn: string): SqsRecord {
  const { id, body, attempts, timestamp } = message
  const bytes = body instanceof Uint8Array
  // A queue message's text body is used unchanged: a producer that sends JSON text to SQS finds JSON text.
  const text = bytes ? toBase64(body) : typeof body === 'string' ? body : JSON.stringify(body)
  const sent = String(timestamp.getTime())
  return {
    messageId: id,
    receiptHandle: `${attempts} ${id}`,
    body: text,
    attributes: {
      ApproximateReceiveCount: String(attempts),
      SentTimestamp: sent,
      SenderId: '000000000000',
      ApproximateFirstReceiveTimestamp: sent,
      ...(arn.endsWith('.fifo')
        ? {
            MessageGroupId: 'unmoor',
            MessageDeduplicationId: id,
            SequenceNumber: `${sent}${String(index).padStart(3, '0')}`,
          }
        : {}),
    },
    // The attribute marks an SQS message whose body is bytes, as the sqs driver does: SQS carries text only.
    messageAttributes: bytes ? { 'unmoor.type': { dataType: 'String', stringValue: 'bytes' } } : {},
    md5OfBody: md5(text),
    eventSource: 'aws:sqs',
    eventSourceARN: arn,
    awsRegion: 'us-east-1',
  }
}

/**
 * Settles a batch of queue messages by the Lambda handler's answer, with the rules of
 * `ReportBatchItemFailures`: a missing or empty list acks all messages; an id that is not in this batch
 * retries all. In a FIFO queue, all messages after the first failure are retried too. Returns what is wrong
 * with the answer.
 */
export function settle(batch: QueueBatch, answer: unknown, fifo: boolean): string | undefined {
  const failures =
    typeof answer === 'object' && answer !== null
      ? (answer as { batchItemFailures?: unknown }).batchItemFailures
      : undefined
  if (failures === undefined || failures === null) {
    batch.ackAll()
    return undefined
  }
  const ids = Array.isArray(failures)
    ? failures.map((failure: unknown) => (failure as { itemIdentifier?: unknown } | null)?.itemIdentifier)
    : [undefined]
  const known = new Set<unknown>(batch.messages.map(({ id }) => id))
  if (!ids.every((id) => known.has(id))) {
    batch.retryAll()
    return (
      `its answer names ${JSON.stringify(ids.find((id) => !known.has(id)) ?? null)}, which is no ` +
      'message of this batch: all are retried'
    )
  }
  const first = batch.messages.findIndex(({ id }) => ids.includes(id))
  batch.messages.forEach((message, index) => {
    if (ids.includes(message.id) || (fifo && first >= 0 && index > first)) message.retry()
    else message.ack()
  })
  return undefined
}
