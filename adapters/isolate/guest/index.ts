/**
 * `unmoor/internal/isolate/guest`: the app's half of the code inside an isolate. The generated entry imports
 * it before the app and calls {@link serveApp}.
 */
import type { App } from '../../../core/app.ts'
import { startEvents } from './events.ts'
import type { GuestSockets } from './guest-sockets.ts'
import { link } from './link.ts'

/**
 * Starts to receive the engine's events for `app`. `sockets` is passed only if the app declares sockets
 * bindings.
 */
export function serveApp(app: App, sockets?: GuestSockets): void {
  if (typeof app !== 'object' || app === null || typeof app.bindings !== 'object')
    throw new TypeError('The app has no default export made by defineApp().')
  startEvents(app, sockets)
  // `ready` tells the engine that the app's modules have run. It is a synchronous call because a message
  // would arrive one turn later when the app is started on the process's main thread.
  link.callSync('ready')
}
