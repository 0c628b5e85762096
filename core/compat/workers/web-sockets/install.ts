import { state } from '../state.ts'
import { extendFetchWithUpgrade } from './fetch.ts'
import { hibernation } from './hibernation.ts'
import { WebSocketPair, WebSocketRequestResponsePair } from './pair.ts'
import { type Platform, setPlatform } from './platform.ts'
import { extendResponse, webSocketOf } from './response.ts'
import { setSoon } from './soon.ts'
import { holdByTimers } from './timers.ts'
import { WebSocket } from './web-socket.ts'

/**
 * Installs WebSocket support for Workers. `server` accepts WebSocket clients; the app carries it to the
 * target's own server.
 */
export function installWebSockets(platform: Platform, server: object): void {
  setPlatform(platform)
  setSoon((callback) => platform.soon(callback))
  extendResponse()
  extendFetchWithUpgrade()
  if (state.sections !== undefined) holdByTimers()
  for (const [name, value] of Object.entries({ WebSocket, WebSocketPair, WebSocketRequestResponsePair }))
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true })
  state.webSockets = { server, hibernation, check }
}

/**
 * Checks a Worker's response. @throws `TypeError` for a WebSocket in response to a request without an
 * upgrade.
 */
function check(request: Request, answer: Response): void {
  if (webSocketOf(answer) === undefined || request.headers.get('upgrade')?.toLowerCase() === 'websocket')
    return
  throw new TypeError(
    'Worker tried to return a WebSocket in a response to a request which did not contain the header ' +
      '"Upgrade: websocket".',
  )
}
