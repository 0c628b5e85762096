/**
 * `unmoor/node`: the target `node`, a server in a process of its own.
 */
import { NODE_GLOBALS, type Adapter } from '../../core/adapter.ts'
import { FILE_DRIVERS, NODE_CONDITIONS } from '../node-server/target.ts'
import { build } from './build/build.ts'
import { capabilities } from './capabilities.ts'
import { nodeDeployOptions } from './deploy/options.ts'
import { plan, rollback } from './deploy/plan.ts'
import { migrate, recordedMigrations, start } from './local/start.ts'
import { nodeOptions } from './options.ts'

export type { CronOptions, ServerOptions } from '../node-server/options.ts'
export type { NodeDeployOptions } from './deploy/options.ts'
export type { NodeOptions } from './options.ts'

/** The target `node`: a Node server in one folder. Its options are {@link NodeOptions}. */
const node: Adapter = {
  name: 'node',
  capabilities,
  nodeBuiltins: 'all',
  conditions: NODE_CONDITIONS,
  defaultDrivers: FILE_DRIVERS,
  code: { globals: [...NODE_GLOBALS, 'WebSocket'], packages: true },
  options: nodeOptions,
  build,
  start,
  migrate,
  recordedMigrations,
  deploy: {
    options: nodeDeployOptions,
    places: ['url', 'path', 'envFile', 'ready', 'restart'],
    plan,
    rollback,
  },
}

export default node
