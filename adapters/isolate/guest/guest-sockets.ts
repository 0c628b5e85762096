import type { App } from '../../../core/app.ts'
import type { AnyDeclaration } from '../../../core/bindings/declarations.ts'

/** The guest's part for sockets; a type alone, so that an app without sockets carries none of it. */
export interface GuestSockets {
  /** What env holds for a sockets binding. */
  create(binding: string, declaration: AnyDeclaration): object
  /** Takes the events of sockets for `app`. */
  start(app: App, env: () => Readonly<Record<string, unknown>>): void
}
