/**
 * `unmoor/internal/workers/node-web-sockets`: the WebSockets of an existing Worker on Node. A build bundles
 * this module only if the Worker names a WebSocket global, or `webSocket` of a response.
 */
import { deserialize, serialize } from 'node:v8'
import { installWebSockets } from '../../../../core/compat/workers/web-sockets/install.ts'
import { webSocketOf } from '../../../../core/compat/workers/web-sockets/response.ts'
import { coupleSocket } from '../../../../core/compat/workers/web-sockets/web-socket.ts'
import { WorkerSocketServer } from './server.ts'

export {
  WebSocketPair,
  WebSocketRequestResponsePair,
} from '../../../../core/compat/workers/web-sockets/pair.ts'
export { WebSocket } from '../../../../core/compat/workers/web-sockets/web-socket.ts'

const server = new WorkerSocketServer({
  endOf(response) {
    const socket = webSocketOf(response)
    return socket === undefined ? undefined : coupleSocket(socket)
  },
})

installWebSockets(
  {
    connect: (handshake) => server.connect(handshake),
    soon: (callback) => void setImmediate(callback),
    serialize(value) {
      try {
        return serialize(value)
      } catch (error) {
        // structuredClone throws a DataCloneError for a WebSocket attachment that cannot be serialized, as
        // workerd does.
        structuredClone(value)
        throw error
      }
    },
    deserialize: (bytes) => deserialize(bytes as Buffer),
  },
  server,
)
