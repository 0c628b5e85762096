/**
 * `unmoor/internal/isolate/guest`: the app's half of the guest. The generated entry imports it before the app
 * and calls {@link serveApp}.
 */
import type { App } from '../../../core/app.ts'
import { startEvents } from './events.ts'
import type { GuestSockets } from './guest-sockets.ts'
import { link } from './link.ts'

/** Takes events of the host for `app`; `sockets` where it declares some. */
export function serveApp(app: App, sockets?: GuestSockets): void {
  if (typeof app !== 'object' || app === null || typeof app.bindings !== 'object')
    throw new TypeError('The app has no default export made by defineApp().')
  startEvents(app, sockets)
  // A call: where the app is started in the host's own thread it is there at once, and a message would take a
  // turn.
  link.callSync('ready')
}
