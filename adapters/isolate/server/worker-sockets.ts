/**
 * `unmoor/internal/isolate/worker-sockets`: the network of an existing Worker's WebSockets, whose code runs
 * in an isolate. Only artifacts of Workers that use WebSockets contain it; a host loads it at the first
 * upgrade.
 */
import { WorkerSocketServer } from '../../node-server/runtime/worker-sockets/server.ts'
import type { SocketQuota } from '../../node-server/runtime/web-sockets/socket-server.ts'
import { endOfResponse } from '../services/web-sockets.ts'

/** Creates the server of a Worker's WebSockets. `name` is the app's, for the log. */
export function createWorkerSockets(name: string, quota?: SocketQuota): WorkerSocketServer {
  return new WorkerSocketServer({ endOf: endOfResponse, quota, event: { name: `sockets of ${name}` } })
}

/** Type of {@link createWorkerSockets}. */
export type CreateWorkerSockets = typeof createWorkerSockets
