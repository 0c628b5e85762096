import type { QueueDeclaration } from '../../../core/bindings/declarations.ts'
import { UnmoorError } from '../../../core/errors.ts'
import type { Manifest } from '../../../core/manifest.ts'
import { SqsApi, type SqsMessage } from '../../drivers/sqs/api.ts'
import { wholePayload } from './front-answer.ts'
import type { ApiResponse } from './runtime-api.ts'
import type { SqsBatchResponse, SqsEvent, SqsRecord } from '../runtime/sqs-event.ts'

/** Options of {@link pollQueues}. */
export interface PollerOptions {
  manifest: Manifest
  /** SQS queue URLs by the name of their binding. */
  queues: Readonly<Record<string, string>>
  variable: (name: string) => string | undefined
  /** Seconds for which a received SQS message is hidden; longer than the function's timeout. */
  visibilityTimeout: number
  invoke: (payload: string) => Promise<ApiResponse>
  onError: (message: string) => void
}

/** Maximum number of messages that SQS returns at once. */
const RECEIVE_MAX = 10
const LONG_POLL = 20

/**
 * Polls local queues like Lambda's event source mappings: receives messages, invokes the function with
 * `ReportBatchItemFailures`, deletes the messages that succeeded. Failed messages are delivered again after
 * their visibility timeout.
 */
export function pollQueues(options: PollerOptions): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const workers = options.manifest.queues.flatMap((binding) => {
    const url = options.queues[binding]
    const declaration = options.manifest.bindings[binding] as QueueDeclaration
    if (url === undefined)
      throw new UnmoorError('NotFound', `Queue "${binding}" has no SQS queue to receive from.`, {
        binding,
        operation: 'start',
      })
    const api = new SqsApi(url, {}, { binding, variable: options.variable })
    return Array.from({ length: declaration.maxConcurrency }, () =>
      poll(api, binding, declaration, options, stopping.signal),
    )
  })
  return {
    async stop() {
      stopping.abort()
      await Promise.all(workers)
    },
  }
}

async function poll(
  api: SqsApi,
  binding: string,
  declaration: QueueDeclaration,
  options: PollerOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const messages = await receiveBatch(api, declaration, options.visibilityTimeout, signal)
      if (messages.length > 0) await deliver(api, messages, options)
    } catch (error) {
      if (signal.aborted) return
      options.onError(`queue ${binding}: ${error instanceof Error ? error.message : String(error)}`)
      await pause(1000, signal)
    }
  }
}

/**
 * Receives a batch of SQS messages: those that are there, or with `batchWait` those that arrive until it is
 * full or the time is over.
 */
async function receiveBatch(
  api: SqsApi,
  { batchSize, batchWait }: QueueDeclaration,
  visibilityTimeout: number,
  signal: AbortSignal,
): Promise<SqsMessage[]> {
  const messages: SqsMessage[] = []
  let until = Infinity
  for (let waitSeconds = LONG_POLL; messages.length < batchSize && !signal.aborted;) {
    const received = await api
      .receive({
        max: Math.min(RECEIVE_MAX, batchSize - messages.length),
        visibilityTimeout: visibilityTimeout + batchWait,
        waitSeconds,
        signal,
      })
      .catch((error: unknown) => {
        // SQS messages that are leased already must reach the function, so a later error is dropped.
        if (messages.length === 0) throw error
        return []
      })
    messages.push(...received)
    if (messages.length > 0 && until === Infinity) until = Date.now() + batchWait * 1000
    const left = until - Date.now()
    if (messages.length === 0 || (left <= 0 && received.length === 0)) break
    waitSeconds = Math.max(0, Math.min(LONG_POLL, Math.ceil(left / 1000)))
  }
  return messages
}

async function deliver(api: SqsApi, messages: readonly SqsMessage[], options: PollerOptions): Promise<void> {
  const event: SqsEvent = { Records: messages.map((message) => toRecord(message, api.url)) }
  const answer = await options.invoke(JSON.stringify(event))
  if (answer.kind === 'error')
    throw new UnmoorError('Internal', `the batch failed: ${answer.errorType}: ${answer.errorMessage}`, {
      operation: 'queue',
    })
  const failed = failures(await wholePayload(answer), messages)
  const done = messages
    .filter(({ MessageId }) => !failed.has(MessageId))
    .map(({ ReceiptHandle }) => ReceiptHandle)
  for (let index = 0; index < done.length; index += RECEIVE_MAX)
    await api.deleteBatch(done.slice(index, index + RECEIVE_MAX))
}

/**
 * Returns the ids of SQS messages that the function failed to handle. As on AWS, an answer without
 * `batchItemFailures` means that all succeeded, and an unknown id that all failed.
 */
function failures(payload: string, messages: readonly SqsMessage[]): Set<string> {
  const answer = JSON.parse(payload) as Partial<SqsBatchResponse> | null
  const ids = new Set((answer?.batchItemFailures ?? []).map(({ itemIdentifier }) => itemIdentifier))
  const known = new Set(messages.map(({ MessageId }) => MessageId))
  return ids.isSubsetOf(known) ? ids : known
}

function toRecord(
  message: SqsMessage,
  url: string,
): SqsRecord & { readonly awsRegion: string; readonly md5OfBody: string } {
  const attributes = message.Attributes ?? {}
  return {
    messageId: message.MessageId,
    receiptHandle: message.ReceiptHandle,
    body: message.Body,
    attributes: {
      ...attributes,
      ApproximateReceiveCount: attributes['ApproximateReceiveCount'] ?? '1',
      SentTimestamp: attributes['SentTimestamp'] ?? String(Date.now()),
    },
    messageAttributes: Object.fromEntries(
      Object.entries(message.MessageAttributes ?? {}).map(
        ([name, { DataType, StringValue, BinaryValue }]) => [
          name,
          { dataType: DataType, stringValue: StringValue, binaryValue: BinaryValue },
        ],
      ),
    ),
    md5OfBody: message.MD5OfBody ?? '',
    eventSource: 'aws:sqs',
    eventSourceARN: `arn:aws:sqs:us-east-1:000000000000:${url.slice(url.lastIndexOf('/') + 1)}`,
    awsRegion: 'us-east-1',
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, milliseconds)
    signal.addEventListener('abort', done, { once: true })
  })
}
