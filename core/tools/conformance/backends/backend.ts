import type { DriverContext } from '../../../bindings/drivers.ts'
import type { DriverKind } from '../drivers/driver-case.ts'

/** What a driver's cases run against: a server started for the run, or a fresh folder. */
export interface Backend {
  /** What it is, for people: `redis-server on port 40001`. */
  readonly name: string
  /** The driver's options for every binding. */
  readonly options: Readonly<Record<string, unknown>>
  /** Variables that the driver reads. */
  readonly variables: Readonly<Record<string, string>>
  /**
   * Further options for one case, whose data is to be apart from that of others. Drivers keep apps apart by
   * themselves. Default: none.
   */
  space?(kind: DriverKind): Promise<Readonly<Record<string, unknown>>>
  /** Further options of one driver, made as it is opened. Default: none. */
  optionsOf?(context: DriverContext): Promise<Readonly<Record<string, unknown>>>
  /**
   * Ends the server with -9 and starts it again on the same data. Only of servers that were started for the
   * run.
   */
  restart?(): Promise<void>
  /** Ends what was started and removes the data. */
  stop(): Promise<void>
}

/** Why there is no backend, and what to do about it. */
export class MissingBackend extends Error {
  override readonly name = 'MissingBackend'
}
