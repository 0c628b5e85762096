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
 *   drivers: { apiKey: { driver: 'secretsmanager', id: 'shop/keys', key: 'api', ttl: 60 } },
 * })
 * ```
 */
export interface SecretsManagerOptions extends AwsOptions {
  /** Name or ARN of the secret in Secrets Manager. Default: `APP/BINDING`, such as `links/adminToken`. */
  id?: string
  /** Name of a field, if the secret in Secrets Manager is a JSON object. Default: the secret's whole text. */
  key?: string
  /** Seconds for which a secret's value is cached. Default: 300. */
  ttl?: number
}

export const options = {
  secret: {
    ...awsOptions,
    id: 'string',
    key: 'string',
    ttl: { number: 'seconds' },
  } satisfies OptionTable<SecretsManagerOptions>,
} satisfies DriverOptionTables
