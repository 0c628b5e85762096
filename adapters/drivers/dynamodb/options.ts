import type { DriverOptionTables, OptionTable } from '../../../core/option-table.ts'
import { type AwsOptions, awsOptions } from '../aws/options.ts'

/**
 * Options of the DynamoDB drivers {@link kv} and {@link strongKv}.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   drivers: { links: { driver: 'dynamodb', table: 'links', bucket: 'links-values', region: 'eu-west-1' } },
 * })
 * ```
 */
export interface DynamodbOptions extends AwsOptions {
  /** Name of the DynamoDB table. Default: variable `UNMOOR_TABLE`. */
  table?: string
  /**
   * Name of the S3 bucket for values over 350 KB of a store in DynamoDB. Default: variable `UNMOOR_BUCKET`;
   * without a bucket, larger values are refused.
   */
  bucket?: string
  /**
   * Origin of the S3 server that stores large values of a kv on DynamoDB. Default: that of the s3 driver,
   * whatever `endpoint` is.
   */
  s3Endpoint?: string
  /**
   * Start of every DynamoDB partition key, which separates this binding's keys in a shared table. Default:
   * `APP/BINDING`.
   */
  prefix?: string
  /** Old name of the DynamoDB driver's `prefix`. @deprecated Since 0.2: use `prefix`. */
  namespace?: string
  /**
   * Number of DynamoDB partitions that the keys are spread over, 1 to 64. One partition of DynamoDB takes
   * 1,000 writes and 3,000 reads of 4 KB per second; each partition costs a query per page of a list. The
   * number must never change while there is data. Default: 4.
   */
  shards?: number
  /**
   * If true, reads of {@link kv} from DynamoDB are strongly consistent, at twice the cost. {@link strongKv}
   * always reads so. Default: false.
   */
  consistent?: boolean
}

const store = {
  ...awsOptions,
  table: 'string',
  bucket: 'string',
  s3Endpoint: 'string',
  prefix: 'string',
  namespace: { renamed: 'prefix' },
  shards: { number: 'partitions', min: 1, max: 64, whole: true },
  consistent: 'boolean',
} satisfies OptionTable<DynamodbOptions>

export const options = { kv: store, strongKv: store } satisfies DriverOptionTables
