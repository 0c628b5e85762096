import type { DriverOptionTables, OptionTable } from '../../core/option-table.ts'
import { type AwsOptions, awsOptions } from '../drivers/aws/options.ts'

/**
 * Options of the driver `api-gateway`: sockets of a WebSocket API, with their state in DynamoDB. `endpoint`
 * is that of DynamoDB; the API's own URL is the variable `<BINDING>_SOCKETS_URL`.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   targets: { lambda: { drivers: { chat: { driver: 'api-gateway', table: 'sockets', timeout: 3 } } } },
 * })
 * ```
 */
export interface ApiGatewayOptions extends AwsOptions {
  /** Name of the DynamoDB table. Default: variable `UNMOOR_TABLE`. */
  table?: string
  /**
   * Start of every partition key, which separates this binding's records in a shared table. Default:
   * `APP/BINDING`.
   */
  prefix?: string
}

const sockets = { ...awsOptions, table: 'string', prefix: 'string' } satisfies OptionTable<ApiGatewayOptions>

/** Option tables of the driver `api-gateway`, by kind of binding. */
export const apiGatewayTables = { sockets, ticketedSockets: sockets } satisfies DriverOptionTables
