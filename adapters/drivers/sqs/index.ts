/**
 * Queues on Amazon SQS, standard and FIFO. Settings that a consumer needs are set on the queue itself when it
 * is deployed: the visibility timeout, and a redrive policy with `maxReceiveCount` = `maxRetries` + 1 if the
 * app declares a dead-letter queue.
 */
import { constantCase } from '../../../core/bindings/declarations.ts'
import type {
  DriverFactory,
  QueueDriver,
  QueueIncoming,
  QueueOutgoing,
  QueueSettlement,
} from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { pause } from '../aws/client.ts'
import { fromApi, SqsApi } from './api.ts'
import { decodeMessage, encodeMessage, parseLease, type SqsEntry } from './envelope.ts'
import type { SqsOptions } from './options.ts'

export type { SqsOptions } from './options.ts'

export type { AwsOptions } from '../aws/options.ts'

/** Queue driver on SQS. */
export const queue: DriverFactory<'queue', SqsOptions> = (options, context) => {
  const { binding, declaration } = context
  const variable = `${constantCase(binding)}_QUEUE_URL`
  const url = options.url ?? context.variable(variable)
  if (url === undefined || !URL.canParse(url)) {
    throw new UnmoorError(
      'NotFound',
      `Queue "${binding}" needs its SQS URL in ${variable}${url === undefined ? '' : `; "${url}" is none`}.`,
      { binding },
    )
  }
  const fifo = options.fifo ?? url.endsWith('.fifo')
  if (fifo !== url.endsWith('.fifo'))
    throw new UnmoorError(
      'InvalidArgument',
      `Queue "${binding}": the URL of a FIFO queue ends with ".fifo", and only of one; "${url}" does ` +
        `not fit the driver's option fifo: ${fifo}.`,
      {
        binding,
      },
    )
  if (declaration.kind !== 'queue')
    throw new UnmoorError('Internal', `"${binding}" is no queue.`, { binding })
  const deliveries = declaration.maxRetries + 1
  return new SqsQueue(new SqsApi(url, options, context), {
    binding,
    deliveries,
    deadLetter: declaration.deadLetterQueue !== undefined,
    fifo,
    now: () => context.now(),
  })
}

/** SQS's limits per request. AWS accepts 1 MiB since 2025; older queues, and some servers, accept 256 KiB. */
const BATCH = 10
const BATCH_BYTES = 256 * 1024
/** Maximum seconds that one ReceiveMessage waits. */
const MAX_WAIT = 20

interface SqsQueueSettings {
  binding: string
  /** Maximum number of deliveries of an SQS message: its maximum number of retries plus one. */
  deliveries: number
  /** True if the app declares a dead-letter queue for the SQS queue. */
  deadLetter: boolean
  fifo: boolean
  now: () => number
}

class SqsQueue implements QueueDriver {
  #api: SqsApi
  #binding: string
  #deliveries: number
  #deadLetter: boolean
  #fifo: boolean
  #now: () => number

  constructor(api: SqsApi, { binding, deliveries, deadLetter, fifo, now }: SqsQueueSettings) {
    this.#api = api
    this.#binding = binding
    this.#deliveries = deliveries
    this.#deadLetter = deadLetter
    this.#fifo = fifo
    this.#now = now
  }

  async send(messages: readonly QueueOutgoing[]): Promise<void> {
    const now = this.#now()
    if (this.#fifo && messages.some(({ delaySeconds }) => delaySeconds > 0))
      throw new UnmoorError(
        'Unsupported',
        `Queue "${this.#binding}" is a FIFO queue of SQS, which delays no single message. Send without ` +
          'a delay, or take a standard queue.',
        {
          binding: this.#binding,
        },
      )
    const entries = messages.map((message, index) => ({
      Id: String(index),
      ...encodeMessage(message, this.#binding, this.#deliveries, now),
      ...(this.#fifo ? { MessageGroupId: this.#binding, MessageDeduplicationId: message.id } : {}),
    }))
    const results = this.#fifo
      ? await this.#sendInOrder(chunks(entries))
      : await Promise.all(chunks(entries).map((chunk) => this.#sendChunk(chunk)))
    const failures = results.flat()
    const first = failures[0]
    if (first === undefined) return
    const indexes = failures.map(({ index }) => index).sort((a, b) => a - b)
    const { code, message, cause } = first.error
    throw new UnmoorError(
      code,
      messages.length === 1
        ? message
        : `${indexes.length} of ${messages.length} messages were not sent: ${message}`,
      {
        mayHaveApplied: failures.some(({ error }) => error.mayHaveApplied),
        details: { ...first.error.details, indexes },
        cause,
      },
    )
  }

  /**
   * Sends chunks of messages to SQS one request after another. After a failed request nothing more is sent,
   * because it would arrive out of order.
   */
  async #sendInOrder(
    all: readonly (readonly (SqsEntry & { Id: string })[])[],
  ): Promise<{ index: number; error: UnmoorError }[][]> {
    const results: { index: number; error: UnmoorError }[][] = []
    for (const chunk of all) {
      const first = results.find((failures) => failures.length > 0)?.[0]
      results.push(
        first === undefined
          ? await this.#sendChunk(chunk)
          : chunk.map(({ Id }) => ({ index: Number(Id), error: first.error })),
      )
    }
    return results
  }

  /**
   * Sends one chunk of messages to SQS and returns the entries that failed. Failures that are all SQS's fault
   * are retried.
   */
  async #sendChunk(
    chunk: readonly (SqsEntry & { Id: string })[],
  ): Promise<{ index: number; error: UnmoorError }[]> {
    let left = chunk
    for (let attempt = 0; ; attempt++) {
      try {
        const { Failed = [] } = await this.#api.sendBatch(left)
        if (Failed.length === 0) return []
        if (Failed.some(({ SenderFault }) => SenderFault) || attempt === 2) {
          return Failed.map(({ Id, Code, Message, SenderFault }) => ({
            index: Number(Id),
            error: new UnmoorError(
              SenderFault ? 'Internal' : 'Unavailable',
              `sqs SendMessageBatch on queue ${this.#api.url}: ${Code}: ${Message ?? ''}`,
            ),
          }))
        }
        const again = new Set(Failed.map(({ Id }) => Id))
        left = left.filter(({ Id }) => again.has(Id))
        await pause(50 * 2 ** attempt)
      } catch (error) {
        return left.map(({ Id }) => ({ index: Number(Id), error: error as UnmoorError }))
      }
    }
  }

  async receive(options: {
    max: number
    leaseSeconds: number
    waitSeconds: number
    signal: AbortSignal
  }): Promise<QueueIncoming[]> {
    const { max, leaseSeconds, signal } = options
    const received: QueueIncoming[] = []
    let wait = Math.min(MAX_WAIT, Math.ceil(options.waitSeconds))
    while (received.length < max && !signal.aborted) {
      let messages
      try {
        messages = await this.#api.receive({
          max: Math.min(BATCH, max - received.length),
          visibilityTimeout: leaseSeconds,
          waitSeconds: wait,
          signal,
        })
      } catch (error) {
        // An error of a later receive is dropped if SQS messages are leased already, because they must reach
        // their handler.
        if (signal.aborted || received.length > 0) break
        throw error
      }
      if (messages.length === 0) break
      for (const message of messages) received.push(decodeMessage(fromApi(message), this.#binding))
      wait = 0
    }
    return received
  }

  async settle(settlements: readonly QueueSettlement[]): Promise<{ dropped: string[] }> {
    const done: string[] = []
    const retries: { receiptHandle: string; seconds: number }[] = []
    const dropped: string[] = []
    for (const settlement of settlements) {
      const { attempts, id, receiptHandle } = parseLease(settlement.lease)
      const last = attempts >= this.#deliveries
      if (settlement.outcome === 'ack') done.push(receiptHandle)
      else if (last && !this.#deadLetter) {
        done.push(receiptHandle)
        dropped.push(id)
      } else {
        // After the last delivery an SQS message is made visible at once, because the redrive policy moves it
        // when it is next received.
        retries.push({ receiptHandle, seconds: last ? 0 : settlement.delaySeconds })
      }
    }
    // A failed entry of an SQS batch is ignored: the lease of its message has expired. A failed request
    // throws an error.
    await Promise.all([
      ...groups(done).map((group) => this.#api.deleteBatch(group)),
      ...groups(retries).map((group) => this.#api.changeVisibilityBatch(group)),
    ])
    return { dropped }
  }

  async extend(leases: readonly string[], leaseSeconds: number): Promise<void> {
    const changes = leases.map((lease) => ({
      receiptHandle: parseLease(lease).receiptHandle,
      seconds: leaseSeconds,
    }))
    await Promise.all(groups(changes).map((group) => this.#api.changeVisibilityBatch(group)))
  }

  /**
   * Approximate message counts of an SQS queue. A message that waits for its retry delay counts as leased.
   */
  async depth(): Promise<{ ready: number; delayed: number; leased: number }> {
    const attributes = await this.#api.attributes([
      'ApproximateNumberOfMessages',
      'ApproximateNumberOfMessagesDelayed',
      'ApproximateNumberOfMessagesNotVisible',
    ])
    return {
      ready: Number(attributes['ApproximateNumberOfMessages']),
      delayed: Number(attributes['ApproximateNumberOfMessagesDelayed']),
      leased: Number(attributes['ApproximateNumberOfMessagesNotVisible']),
    }
  }
}

function groups<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / BATCH) }, (_, index) =>
    items.slice(index * BATCH, (index + 1) * BATCH),
  )
}

function chunks(entries: readonly (SqsEntry & { Id: string })[]): (SqsEntry & { Id: string })[][] {
  const all: (SqsEntry & { Id: string })[][] = []
  let bytes = Infinity
  for (const entry of entries) {
    const size = Buffer.byteLength(entry.MessageBody) + ATTRIBUTE_BYTES
    const last = all.at(-1)
    if (last === undefined || last.length === BATCH || bytes + size > BATCH_BYTES) {
      all.push([entry])
      bytes = size
    } else {
      last.push(entry)
      bytes += size
    }
  }
  return all
}

/** Upper bound of the bytes of an SQS message's attributes: names, types and values count. */
const ATTRIBUTE_BYTES = 400

/** Fields of a Lambda SQS event's record that the driver reads. */
export interface SqsRecord {
  messageId: string
  receiptHandle: string
  body: string
  attributes: { ApproximateReceiveCount: string; SentTimestamp: string }
  messageAttributes: Record<string, { stringValue?: string | undefined }>
}

/**
 * Decodes the message of a Lambda SQS event's record, for the consumer of the queue `binding`. `settle`
 * accepts its lease.
 */
export function decodeSqsRecord(record: SqsRecord, binding: string): QueueIncoming {
  return decodeMessage(
    {
      messageId: record.messageId,
      receiptHandle: record.receiptHandle,
      body: record.body,
      attribute: (name) => record.messageAttributes[name]?.stringValue,
      receiveCount: Number(record.attributes.ApproximateReceiveCount),
      sentTimestamp: Number(record.attributes.SentTimestamp),
    },
    binding,
  )
}
