import type { DriverContext } from '../../../bindings/drivers.ts'
import type { DriverKind } from '../drivers/driver-case.ts'

/**
 * The backend that a driver's conformance cases run against: a server started for the run, or a fresh folder.
 */
export interface Backend {
  /** Name of the driver's backend for reports, such as `redis-server on port 40001`. */
  readonly name: string
  /** Options of the driver under test, for every binding. */
  readonly options: Readonly<Record<string, unknown>>
  /** Environment variables that the driver under test reads. */
  readonly variables: Readonly<Record<string, string>>
  /**
   * Returns driver options that separate the data of one case from that of others, for data that the driver
   * does not separate by app. Default: none.
   */
  space?(kind: DriverKind): Promise<Readonly<Record<string, unknown>>>
  /** Returns further options of the driver under test, just before it is opened. Default: none. */
  optionsOf?(context: DriverContext): Promise<Readonly<Record<string, unknown>>>
  /**
   * Kills the backend's server with SIGKILL and starts it again on the same data. Only for servers that were
   * started for the run.
   */
  restart?(): Promise<void>
  /** Stops the backend's server and removes its data. */
  stop(): Promise<void>
}

/** Error for a driver's backend that is missing; its message says what to install or start. */
export class MissingBackend extends Error {
  override readonly name = 'MissingBackend'
}
