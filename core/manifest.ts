import type { App } from './app.ts'
import type { AnyDeclaration } from './bindings/declarations.ts'

/** What a build knows of an app: plain JSON, read from the built app once. */
export interface Manifest {
  readonly version: 1
  /** The app's name, from unmoor.config.ts. */
  readonly name: string
  readonly bindings: Readonly<Record<string, AnyDeclaration>>
  readonly fetch: boolean
  /** Names of the queues that the app consumes. */
  readonly queues: readonly string[]
  /** Cron names to schedules. */
  readonly crons: Readonly<Record<string, string>>
  /** Events that the app handles, per sockets binding. Absent for an app that handles none. */
  readonly sockets?: Readonly<Record<string, readonly string[]>>
  /** For existing Workers only: see `App.clientHeader`. */
  readonly clientHeader?: 'cf-connecting-ip'
}

/** The manifest of `app`. */
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
