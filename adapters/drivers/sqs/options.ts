import type { DriverOptionTables, OptionTable } from '../../../core/option-table.ts'
import { type AwsOptions, awsOptions } from '../aws/options.ts'

/**
 * Options of {@link queue}.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   drivers: { clicks: { driver: 'sqs', url: { env: 'CLICKS_QUEUE_URL' }, fifo: true } },
 * })
 * ```
 */
export interface SqsOptions extends AwsOptions {
  /** The SQS queue's URL. Default: the variable of the binding's name, such as `CLICKS_QUEUE_URL`. */
  url?: string
  /**
   * If true, the SQS queue is a FIFO queue: all its messages are one group, so they are delivered one batch
   * after another in their order, and a message that fails blocks those behind it. Default: true if its URL
   * ends with `.fifo`. The build's template creates such a queue.
   */
  fifo?: boolean
}

export const options = {
  queue: { ...awsOptions, url: 'string', fifo: 'boolean' } satisfies OptionTable<SqsOptions>,
} satisfies DriverOptionTables
