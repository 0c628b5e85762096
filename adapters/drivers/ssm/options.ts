import type { DriverOptionTables, OptionTable } from '../../../core/option-table.ts'
import { type AwsOptions, awsOptions } from '../aws/options.ts'

/**
 * Options of {@link secret}.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   drivers: { apiKey: { driver: 'ssm', name: '/shop/api-key' } },
 * })
 * ```
 */
export interface SsmOptions extends AwsOptions {
  /**
   * Name of the Systems Manager parameter that holds the secret. Default: `/APP/BINDING`, such as
   * `/links/adminToken`.
   */
  name?: string
  /** Seconds for which a secret's value is cached. Default: 300. */
  ttl?: number
}

export const options = {
  secret: { ...awsOptions, name: 'string', ttl: { number: 'seconds' } } satisfies OptionTable<SsmOptions>,
} satisfies DriverOptionTables
