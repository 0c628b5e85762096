import type { App } from '../../../core/app.ts'
import type { Manifest } from '../../../core/manifest.ts'

function inIsolate(): never {
  throw new Error('Handlers run in the isolate only.')
}

/**
 * Returns an app with the manifest's declarations but without the app's code, which only the isolate loads.
 * Drivers, queue consumers and the scheduler need the declarations.
 */
export function declaredApp(manifest: Manifest): App {
  return {
    bindings: manifest.bindings,
    clientHeader: manifest.clientHeader,
    fetch: manifest.fetch ? inIsolate : undefined,
    sockets: declaredSockets(manifest.sockets),
    queues: Object.fromEntries(manifest.queues.map((name) => [name, inIsolate])),
    crons: Object.fromEntries(
      Object.entries(manifest.crons).map(([name, schedule]) => [name, { schedule, run: inIsolate }]),
    ),
  }
}

/** Returns the declared handlers of sockets; undefined if the app handles no event of a socket. */
function declaredSockets(events: Manifest['sockets']): App['sockets'] {
  if (events === undefined) return undefined
  return Object.fromEntries(
    Object.entries(events).map(([binding, names]) => [
      binding,
      Object.fromEntries(names.map((name) => [name, inIsolate])),
    ]),
  )
}
