/** SQS's own operations over the JSON protocol, limited to those that the driver uses. */
import { AwsClient } from '../aws/client.ts'
import { callJson } from '../aws/json.ts'
import type { AwsOptions } from '../aws/options.ts'
import { resolveAws } from '../aws/settings.ts'
import type { DriverContext } from '../../../core/bindings/drivers.ts'
import type { ReceivedMessage, SqsEntry } from './envelope.ts'

/** An SQS message as ReceiveMessage returns it. */
export interface SqsMessage {
  MessageId: string
  ReceiptHandle: string
  Body: string
  MD5OfBody?: string
  Attributes?: Record<string, string>
  MessageAttributes?: Record<string, { DataType: string; StringValue?: string; BinaryValue?: string }>
}

/** A failed entry of an SQS batch. */
export interface SqsFailure {
  Id: string
  Code: string
  Message?: string
  SenderFault: boolean
}

interface BatchResult {
  Failed?: SqsFailure[]
}

/** The operations on one SQS queue. */
export class SqsApi {
  readonly url: string
  #client: AwsClient
  #origin: string

  constructor(url: string, options: AwsOptions, context: Pick<DriverContext, 'variable' | 'binding'>) {
    this.url = url
    this.#client = new AwsClient(resolveAws('sqs', options, context))
    // On AWS, an SQS queue's URL contains the host of its region, so no endpoint is needed.
    this.#origin = this.#client.settings.endpoint ?? new URL(url).origin
  }

  sendBatch(entries: readonly (SqsEntry & { Id: string })[]): Promise<BatchResult> {
    // A send to SQS is repeated even if the first try may have been applied: delivery is at-least-once
    // anyway, and losing the message is worse.
    return this.#call('SendMessageBatch', { Entries: entries }, { repeatable: true })
  }

  /** Receives at most 10 SQS messages with all attributes. */
  async receive(options: {
    max: number
    visibilityTimeout: number
    waitSeconds: number
    signal?: AbortSignal | undefined
  }): Promise<SqsMessage[]> {
    const { max, visibilityTimeout, waitSeconds, signal } = options
    const body = {
      MaxNumberOfMessages: max,
      VisibilityTimeout: visibilityTimeout,
      WaitTimeSeconds: waitSeconds,
      MessageAttributeNames: ['All'],
      AttributeNames: ['All'],
    }
    const timeout = this.#client.settings.timeout + waitSeconds * 1000
    const { Messages = [] } = await this.#call<{ Messages?: SqsMessage[] }>('ReceiveMessage', body, {
      repeatable: true,
      signal,
      timeout,
    })
    return Messages
  }

  /** Deletes at most 10 SQS messages by their receipt handles. */
  deleteBatch(receiptHandles: readonly string[]): Promise<BatchResult> {
    return this.#call(
      'DeleteMessageBatch',
      { Entries: receiptHandles.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle })) },
      { repeatable: true },
    )
  }

  /** Changes the visibility of at most 10 SQS messages by their receipt handles. */
  changeVisibilityBatch(
    changes: readonly { receiptHandle: string; seconds: number }[],
  ): Promise<BatchResult> {
    const entries = changes.map(({ receiptHandle, seconds }, index) => ({
      Id: String(index),
      ReceiptHandle: receiptHandle,
      VisibilityTimeout: seconds,
    }))
    return this.#call('ChangeMessageVisibilityBatch', { Entries: entries }, { repeatable: true })
  }

  async attributes(names: readonly string[]): Promise<Record<string, string>> {
    const { Attributes = {} } = await this.#call<{ Attributes?: Record<string, string> }>(
      'GetQueueAttributes',
      { AttributeNames: names },
      { repeatable: true, write: false },
    )
    return Attributes
  }

  #call<T>(
    name: string,
    body: object,
    options: { repeatable: boolean; write?: boolean; signal?: AbortSignal | undefined; timeout?: number },
  ): Promise<T> {
    return callJson<T>(this.#client, {
      service: 'sqs',
      target: `AmazonSQS.${name}`,
      url: `${this.#origin}/`,
      on: `queue ${this.url}`,
      body: { QueueUrl: this.url, ...body },
      write: true,
      ...options,
    })
  }
}

/** Converts an {@link SqsMessage} to the names that Lambda events and the envelope share. */
export function fromApi(message: SqsMessage): ReceivedMessage {
  return {
    messageId: message.MessageId,
    receiptHandle: message.ReceiptHandle,
    body: message.Body,
    attribute: (name) => message.MessageAttributes?.[name]?.StringValue,
    receiveCount: Number(message.Attributes?.['ApproximateReceiveCount'] ?? 1),
    sentTimestamp: Number(message.Attributes?.['SentTimestamp'] ?? 0),
  }
}
