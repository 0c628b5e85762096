import { type DriverOptionTables, type OptionTable, TIMEOUT_ONCE_MS } from '../../../core/option-table.ts'

/**
 * Options of the http driver.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   drivers: { billing: { driver: 'http', url: { env: 'BILLING_URL' }, timeout: 5 } },
 * })
 * ```
 */
export interface HttpOptions {
  /**
   * Base URL of the other app that a service binding calls, such as `https://api.example.com`. A path in it
   * comes before that of each request. Default: the variable of the binding's name, such as `API_URL`.
   */
  url?: string
  /**
   * Seconds until the headers of the called app's answer must be there, at most 900; fractions are fine.
   * Default: 30.
   */
  timeout?: number
}

export const options = {
  service: { url: 'string', timeout: TIMEOUT_ONCE_MS } satisfies OptionTable<HttpOptions>,
} satisfies DriverOptionTables
