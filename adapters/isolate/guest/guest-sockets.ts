import type { App } from '../../../core/app.ts'
import type { AnyDeclaration } from '../../../core/bindings/declarations.ts'

/**
 * The upgrades of an existing Worker in an isolate (`App.upgrades`), which its module for WebSockets creates.
 */
export interface GuestUpgrades {
  /**
   * Marks the WebSocket that a response hands to the client as taken. Returns its id, and a function to call
   * once the response was sent to the engine: messages follow. Undefined for other responses. @throws
   * `TypeError` for a socket that cannot be handed over.
   */
  take(response: Response): { readonly id: number; begin(): void } | undefined
}

/**
 * The code in an isolate that serves sockets bindings (WebSockets). This module has only the type, so that an
 * app without sockets does not bundle the code.
 */
export interface GuestSockets {
  /** Creates the object that `env` holds for a sockets binding. */
  create(binding: string, declaration: AnyDeclaration): object
  /** Starts to receive WebSocket events of the engine for `app`. */
  start(app: App, env: () => Readonly<Record<string, unknown>>): void
}
