import type { App } from './app.ts'
import type { AnyDeclaration } from './bindings/declarations.ts'

/** Manifest of an app: the declarations that a build reads from the built app once, as plain JSON. */
export interface Manifest {
  readonly version: 1
  /** Name of the app, from unmoor.config.ts. */
  readonly name: string
  readonly bindings: Readonly<Record<string, AnyDeclaration>>
  readonly fetch: boolean
  /** Names of the queues whose messages the app consumes. */
  readonly queues: readonly string[]
  /** Schedule of each of the app's crons, by the cron's name. */
  readonly crons: Readonly<Record<string, string>>
  /** Socket events that the app handles, by sockets binding. Absent for an app that handles none. */
  readonly sockets?: Readonly<Record<string, readonly string[]>>
  /** Request header with the client's address. Existing Cloudflare Workers only: see `App.clientHeader`. */
  readonly clientHeader?: 'cf-connecting-ip'
}

/** Creates the manifest of an app: its declarations as plain JSON. */
export function createManifest(name: string, app: App): Manifest {
  return {
    version: 1,
    name,
    bindings: app.bindings,
    fetch: app.fetch !== undefined,
    queues: Object.keys(app.queues),
    crons: Object.fromEntries(Object.entries(app.crons).map(([cron, { schedule }]) => [cron, schedule])),
    ...(app.sockets === undefined ? {} : { sockets: handledEvents(app.sockets) }),
    ...(app.clientHeader === undefined ? {} : { clientHeader: app.clientHeader }),
  }
}

function handledEvents(sockets: NonNullable<App['sockets']>): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(sockets).map(([binding, handlers]) => [
      binding,
      Object.entries(handlers).flatMap(([event, handler]) => (handler === undefined ? [] : [event])),
    ]),
  )
}
