import type { DriverOptionTables, OptionTable } from '../../../core/option-table.ts'
import { type AwsOptions, awsOptions } from '../aws/options.ts'

/** Options of {@link blob}. */
export interface S3Options extends AwsOptions {
  /** Default: variable `UNMOOR_BUCKET`. */
  bucket?: string
  /** What names of objects begin with, so that bindings and apps share a bucket. Default: `APP/BINDING/`. */
  prefix?: string
}

export const s3Options = {
  ...awsOptions,
  bucket: 'string',
  prefix: 'string',
} satisfies OptionTable<S3Options>

export const options = { blob: s3Options } satisfies DriverOptionTables
