/** The small interface behind a sockets binding; see `drivers.ts` for every driver's duties. */
import type { Driver } from './driver.ts'

/**
 * Carries text between the processes that hold the sockets of one binding. Delivery is at most once: what is
 * sent while a process has no connection to the backend is lost for it, and nothing is sent again. Texts of
 * one process arrive in the order in which it sent them. A text is at most a third longer than the
 * largest message of the binding, and 8 KB for its address.
 *
 * Targets whose sockets live in processes (node, isolate) use it. A platform that holds sockets by itself
 * (Durable Objects, API Gateway) has a driver of its own, which its {@link SocketTransport} reaches.
 */
export interface SocketsDriver extends Driver {
  /** True if there is no other process, so that nothing has to be sent. Default: false. */
  readonly isAlone?: boolean
  /**
   * Begins to hear, before the process takes its first socket; called once. `receive` gets each text that
   * another process broadcasts or sends to `process`, one after another. It may also get what this process
   * broadcast itself. `process` is a fresh name of letters, digits, `-` and `_`. A connection that is lost is
   * made anew by the driver. Rejects if the backend cannot be reached at the start.
   */
  listen(process: string, receive: (text: string) => void): Promise<void>
  /** Sends to every process that listens. Resolves when the backend has taken it. */
  broadcast(text: string): Promise<void>
  /** Sends to one process. False where it is certain that no process of that name listens. */
  send(process: string, text: string): Promise<boolean>
}

/**
 * A driver that also keeps tickets, each for one use: for bindings with `tickets`. Every process that shares
 * the backend redeems the tickets of all.
 */
export interface TicketedSocketsDriver extends SocketsDriver {
  /** Keeps `value` under `id`, which is fresh and cannot be guessed, for `seconds`. */
  saveTicket(id: string, value: string, seconds: number): Promise<void>
  /**
   * Gives the value and forgets it, in one atomic step: of several callers one gets it. Null for one that
   * was taken, has expired or never was.
   */
  takeTicket(id: string): Promise<string | null>
}
