import type { OptionTable } from '../../core/option-table.ts'
import { checkTargetOptions } from '../../core/target-options.ts'
import { type ServerOptions, serverOptions } from '../node-server/options.ts'

/**
 * `targets.node.options` of unmoor.config.ts; every one is optional.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   targets: { node: { options: { trustProxy: true, wallTimeout: 30, cronStore: 'postgres' } } },
 * })
 * ```
 */
export interface NodeOptions extends ServerOptions {}

export const nodeOptions = { ...serverOptions } satisfies OptionTable<NodeOptions>

/**
 * Checks the options of the target `node`. @throws `InvalidArgument` naming an unknown option, or one of a
 * wrong kind and what it takes.
 */
export function checkOptions(options: Readonly<Record<string, unknown>>): NodeOptions {
  return checkTargetOptions('node', options, nodeOptions).options
}
