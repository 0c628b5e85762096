/** What drivers of every kind have. */
import type { AnyDeclaration } from './declarations.ts'

/** What a driver's factory is told about the binding it serves. */
export interface DriverContext {
  /** The binding's name in the app, such as `links`. */
  readonly binding: string
  /** The app's name: with `binding` it keeps apps apart on a shared backend. */
  readonly app: string
  readonly declaration: AnyDeclaration
  /** Folder for embedded data, absolute; undefined where the target has no disk. */
  readonly dataDir?: string | undefined
  /** A setting or secret of the process, such as `DATABASE_URL`. */
  variable(name: string): string | undefined
  /** Milliseconds since 1970; tests inject a clock. */
  now(): number
  /** The platform's own binding of that name (Cloudflare). */
  readonly native?: unknown
}

/** What each driver instance has. */
export interface Driver {
  /** Frees connections and files. Called once, after the last operation. Default: nothing to free. */
  close?(): Promise<void> | void
}
