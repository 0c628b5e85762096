/**
 * Types by which the rest of a Worker knows its WebSockets. This module has only types, so that a Worker
 * without WebSockets carries none of their code.
 */

/** A Durable Object, identified by its class and id. */
export interface ObjectKey {
  readonly key: string
}

/** A WebSocket message that is answered without waking the Durable Object, and the answer. */
export interface AutoResponse {
  readonly request: string
  readonly response: string
}

/** WebSocket methods of DurableObjectState. */
export interface Hibernation {
  accept(state: ObjectKey, args: readonly unknown[]): void
  sockets(state: ObjectKey, tag: unknown): object[]
  tags(state: ObjectKey, socket: unknown): string[]
  setAuto(state: ObjectKey, pair: unknown): void
  auto(state: ObjectKey): AutoResponse | null
  /** Time of a WebSocket's last auto-response. */
  autoAt(state: ObjectKey, socket: unknown): Date | null
  setTimeout(state: ObjectKey, milliseconds: unknown): void
  timeout(state: ObjectKey): number | null
  /** Cuts the WebSocket connections of a Durable Object that was reset. */
  reset(key: string): void
}

/** Hooks that the WebSocket module installs into the Worker's state. */
export interface WorkerWebSockets {
  /** The part of the target's server that accepts WebSocket clients. */
  readonly server: object
  readonly hibernation: Hibernation
  /**
   * Checks a Worker's response. @throws `TypeError` for a WebSocket in response to a request without an
   * upgrade.
   */
  check(request: Request, answer: Response): void
}
