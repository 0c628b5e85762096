import type { SQSBatchResponse, SQSEvent } from 'aws-lambda'
import type { LambdaContext } from 'unmoor/from-lambda'
import type { Bindings } from './bindings.ts'

/** Handles a batch of messages. A message with the name `broken` fails alone, at its first attempt. */
export async function thumbnails(
  event: SQSEvent,
  context: LambdaContext<Bindings>,
): Promise<SQSBatchResponse> {
  const batchItemFailures: { itemIdentifier: string }[] = []
  for (const { body, messageId, attributes } of event.Records) {
    const { name, size } = JSON.parse(body) as { name: string; size: number }
    if (name === 'broken' && attributes.ApproximateReceiveCount === '1')
      batchItemFailures.push({ itemIdentifier: messageId })
    else
      await context.unmoor.env.notes.put(
        `thumbnail-of-${name}`,
        `${size} bytes, attempt ${attributes.ApproximateReceiveCount}`,
      )
  }
  return { batchItemFailures }
}
