/** The types that drivers of every kind have in common. */
import type { AnyDeclaration } from './declarations.ts'

/** The facts about a binding that a driver's factory receives. */
export interface DriverContext {
  /** The binding's name in the app, such as `links`. */
  readonly binding: string
  /** The app's name. Together with `binding` it separates apps that share a backend. */
  readonly app: string
  readonly declaration: AnyDeclaration
  /** Absolute path of the folder for data of embedded drivers; undefined if the target has no disk. */
  readonly dataDir?: string | undefined
  /** Returns a variable or secret of the process, such as `DATABASE_URL`; undefined if it is not set. */
  variable(name: string): string | undefined
  /** Returns the time by the driver's clock, in milliseconds since 1970. Tests replace the clock. */
  now(): number
  /**
   * If true, the driver is opened for reads alone: it creates no folder, file or database. A database that
   * does not exist is an empty one. Default: false. A driver whose opening creates nothing may ignore it.
   */
  readonly readOnly?: boolean | undefined
  /** Cloudflare's own binding of the same name, for drivers on Cloudflare only. */
  readonly native?: unknown
}

/** Members that every driver instance has. */
export interface Driver {
  /**
   * Frees the driver's connections and files. Called once, after the last operation. Default: nothing to
   * free.
   */
  close?(): Promise<void> | void
}
