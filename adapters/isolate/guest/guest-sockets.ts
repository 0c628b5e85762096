import type { App } from '../../../core/app.ts'
import type { AnyDeclaration } from '../../../core/bindings/declarations.ts'

/**
 * Guest side of sockets bindings. This module has only the type, so that an app without sockets does not
 * bundle the code.
 */
export interface GuestSockets {
  /** Creates the object that `env` holds for a sockets binding. */
  create(binding: string, declaration: AnyDeclaration): object
  /** Starts to receive socket events for `app`. */
  start(app: App, env: () => Readonly<Record<string, unknown>>): void
}
