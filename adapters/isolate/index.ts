/**
 * `unmoor/isolate`: the target `isolate`, an app in a V8 isolate (isolated-vm) behind an HTTP server.
 */
import type { Adapter } from '../../core/adapter.ts'
import { build } from './build.ts'
import { NODE_GLOBAL_SHIMS, NODE_SHIMS } from './node-shims.ts'
import { migrate, start } from './start.ts'
import { isolateOptions } from './options.ts'

export type { IsolateOptions } from './options.ts'

const isolate: Adapter = {
  name: 'isolate',
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
  nodeBuiltins: Object.keys(NODE_SHIMS),
  code: { globals: [...Object.keys(NODE_GLOBAL_SHIMS), 'global'] },
  // What is made for Workers fits best: web standards, nothing of Node.
  conditions: ['workerd', 'worker', 'browser', 'import', 'default'],
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
  options: isolateOptions,
  build,
  start,
  migrate,
}

export default isolate
