/**
 * `unmoor/node`: the target `node`, a server in a process of its own.
 */
import { NODE_GLOBALS, type Adapter } from '../../core/adapter.ts'
import { build } from './build.ts'
import { migrate, start } from './start.ts'
import { nodeOptions } from './options.ts'

export type { NodeOptions } from './options.ts'

const node: Adapter = {
  name: 'node',
  capabilities: {
    'request.streaming': true,
    'request.abort': true,
    'request.large': true,
    'response.large': true,
    'response.streaming': true,
    'http.keepWorkAfterAnswer': true,
    'blob.multipart': true,
    'blob.signedUrls': false,
    'sql.interactiveTransactions': true,
    'cache.shared': false,
    'queue.exactAttempts': true,
  },
  nodeBuiltins: 'all',
  conditions: ['node', 'import', 'default'],
  defaultDrivers: {
    kv: { driver: 'sqlite' },
    sql: { driver: 'sqlite' },
    queue: { driver: 'sqlite' },
    blob: { driver: 'fs' },
    cache: { driver: 'memory' },
    secret: { driver: 'env' },
    service: { driver: 'http' },
    assets: { driver: 'files' },
    objects: { driver: 'sqlite' },
  },
  code: { globals: [...NODE_GLOBALS, 'WebSocket'] },
  options: nodeOptions,
  build,
  start,
  migrate,
}

export default node
