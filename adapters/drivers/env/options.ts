import type { DriverOptionTables, OptionTable } from '../../../core/option-table.ts'

/**
 * Options of the env driver.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   drivers: { apiKey: { driver: 'env', name: 'SHOP_API_KEY' } },
 * })
 * ```
 */
export interface EnvOptions {
  /** Name of the environment variable that holds the secret. Default: the binding's name in CONSTANT_CASE. */
  name?: string
}

export const options = {
  secret: { name: 'string' } satisfies OptionTable<EnvOptions>,
} satisfies DriverOptionTables
