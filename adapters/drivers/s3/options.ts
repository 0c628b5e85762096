import type { DriverOptionTables, OptionTable } from '../../../core/option-table.ts'
import { type AwsOptions, awsOptions } from '../aws/options.ts'

/**
 * Options of {@link blob}.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   drivers: { photos: { driver: 's3', bucket: 'photos', endpoint: 'http://127.0.0.1:9000' } },
 * })
 * ```
 */
export interface S3Options extends AwsOptions {
  /** Name of the S3 bucket. Default: variable `UNMOOR_BUCKET`. */
  bucket?: string
  /**
   * Start of the names of S3 objects, so that bindings and apps can share a bucket. Default: `APP/BINDING/`.
   */
  prefix?: string
}

export const s3Options = {
  ...awsOptions,
  bucket: 'string',
  prefix: 'string',
} satisfies OptionTable<S3Options>

export const options = { blob: s3Options } satisfies DriverOptionTables
