/**
 * `unmoor/internal/workers/node-web-sockets`: the WebSockets of an existing Worker on Node. A build adds it
 * where the Worker names one of its globals, or `webSocket` of a response; no other Worker carries it.
 */
import { deserialize, serialize } from 'node:v8'
import { installWebSockets } from '../../../../core/compat/workers/web-sockets/install.ts'
import { connect } from './client.ts'
import { WorkerSocketServer } from './server.ts'

export {
  WebSocketPair,
  WebSocketRequestResponsePair,
} from '../../../../core/compat/workers/web-sockets/pair.ts'
export { WebSocket } from '../../../../core/compat/workers/web-sockets/web-socket.ts'

installWebSockets(
  {
    connect,
    soon: (callback) => void setImmediate(callback),
    serialize(value) {
      try {
        return serialize(value)
      } catch (error) {
        // Its error is a DataCloneError, as workerd's is.
        structuredClone(value)
        throw error
      }
    },
    deserialize,
  },
  new WorkerSocketServer(),
)
