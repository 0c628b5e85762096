/**
 * WebSockets, as far as the rest of a Worker knows of them: types alone, so that a Worker without any carries
 * none of their code.
 */

/** An object, by its class and id. */
export interface ObjectKey {
  readonly key: string
}

/** A message that is answered without waking the object, and its answer. */
export interface AutoResponse {
  readonly request: string
  readonly response: string
}

/** What the state of an object does about sockets. */
export interface Hibernation {
  accept(state: ObjectKey, args: readonly unknown[]): void
  sockets(state: ObjectKey, tag: unknown): object[]
  tags(state: ObjectKey, socket: unknown): string[]
  setAuto(state: ObjectKey, pair: unknown): void
  auto(state: ObjectKey): AutoResponse | null
  /** When the socket had its last auto-response. */
  autoAt(state: ObjectKey, socket: unknown): Date | null
  setTimeout(state: ObjectKey, milliseconds: unknown): void
  timeout(state: ObjectKey): number | null
  /** The object was reset: its connections end with it. */
  reset(key: string): void
}

/** What the module of WebSockets puts in place. */
export interface WorkerWebSockets {
  /** The part of the target's server. */
  readonly server: object
  readonly hibernation: Hibernation
  /** @throws `TypeError` for an answer that the request cannot have. */
  check(request: Request, answer: Response): void
}
