import type { Capabilities } from '../../core/capabilities.ts'
import { SERVER_CAPABILITIES } from '../node-server/target.ts'

/** What an app can do on the target `node`: all that the Node server can, and sockets of its process. */
export const capabilities: Capabilities = {
  ...SERVER_CAPABILITIES,
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
  // The process that holds them ends.
  'sockets.survivesDeploy': false,
  // The default driver is this process's memory.
  'sockets.shared': false,
}
