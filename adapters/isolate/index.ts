/**
 * `unmoor/isolate`: the target `isolate`, an app in a V8 isolate (isolated-vm) behind an HTTP server.
 */
import type { Adapter } from '../../core/adapter.ts'
import { FILE_DRIVERS } from '../node-server/target.ts'
import { build } from './build/build.ts'
import { capabilities } from './capabilities.ts'
import { NODE_GLOBAL_SHIMS, NODE_SHIMS } from './build/node-shims.ts'
import { migrate, recordedMigrations, start } from './local/start.ts'
import { isolateOptions } from './options.ts'

export type { CronOptions, ServerOptions } from '../node-server/options.ts'
export type { IsolateOptions } from './options.ts'
export type { OutboundRules } from './services/outbound/rules.ts'

/**
 * The target `isolate`: the app in a V8 isolate, on its own server or on `unmoor host`. Its options are
 * {@link IsolateOptions}.
 */
const isolate: Adapter = {
  name: 'isolate',
  capabilities,
  nodeBuiltins: Object.keys(NODE_SHIMS),
  code: { globals: [...Object.keys(NODE_GLOBAL_SHIMS), 'global'] },
  // Export conditions of npm packages: exports for Workers fit an isolate best, as they use web standards and
  // nothing of Node.
  conditions: ['workerd', 'worker', 'browser', 'import', 'default'],
  defaultDrivers: FILE_DRIVERS,
  options: isolateOptions,
  build,
  start,
  migrate,
  recordedMigrations,
}

export default isolate
