/** Capabilities and default drivers of the targets that run on the Node server. */
import type { DriverSpec } from '../../core/adapter.ts'
import type { BindingKind } from '../../core/bindings/declarations.ts'
import { type Capabilities, NO_SOCKETS } from '../../core/capabilities.ts'

/** Export conditions of packages for code that runs on Node. */
export const NODE_CONDITIONS: readonly string[] = ['node', 'import', 'default']

/** Capabilities of one process that serves HTTP and keeps its data in files. */
export const SERVER_CAPABILITIES: Capabilities = {
  'request.streaming': true,
  'request.abort': true,
  'request.large': true,
  'request.forms': true,
  'response.large': true,
  'response.streaming': true,
  'http.keepWorkAfterAnswer': true,
  'blob.multipart': true,
  'blob.signedUrls': false,
  'sql.interactiveTransactions': true,
  'sql.each': true,
  'cache.shared': false,
  'queue.exactAttempts': true,
  ...NO_SOCKETS,
}

/** Capabilities of the WebSockets that one process holds, served by the package `ws`. */
export const SERVER_SOCKETS = {
  sockets: true,
  'sockets.binary': true,
  'sockets.largeMessages': true,
  'sockets.ordered': true,
  'sockets.closeCode': true,
  'sockets.backpressure': true,
  'sockets.answers': true,
  'sockets.strictFrames': true,
  'sockets.orderlyStop': true,
  'sockets.autoResponse': true,
  // A deploy ends the process that holds the WebSockets.
  'sockets.survivesDeploy': false,
  // The default driver of sockets bindings keeps WebSockets in the memory of the server process.
  'sockets.shared': false,
} as const satisfies Partial<Capabilities>

/**
 * Default drivers of targets on the Node server: SQLite files and a folder, with nothing to install or
 * configure.
 */
export const FILE_DRIVERS: Readonly<Partial<Record<BindingKind, DriverSpec>>> = {
  kv: { driver: 'sqlite' },
  sql: { driver: 'sqlite' },
  queue: { driver: 'sqlite' },
  blob: { driver: 'fs' },
  cache: { driver: 'memory' },
  secret: { driver: 'env' },
  service: { driver: 'http' },
  assets: { driver: 'files' },
  objects: { driver: 'sqlite' },
  sockets: { driver: 'memory' },
}
