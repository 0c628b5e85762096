/** The driver interface behind a sockets binding; `drivers.ts` has every driver's duties. */
import type { Driver } from './driver.ts'

/**
 * Carries text between the processes that hold the WebSockets of one binding. Delivery is at most once: a
 * process without a connection to the backend misses the texts sent meanwhile, and nothing is sent again.
 * Texts of one process arrive in the order in which it sent them. A text has at most the bytes of the
 * binding's largest message and a third more, and 8 KB for its address.
 *
 * Targets whose sockets live in processes (node, isolate) use this interface. A platform that holds sockets
 * by itself (Durable Objects, API Gateway) has a driver of its own, which its {@link SocketTransport} uses.
 */
export interface SocketsDriver extends Driver {
  /**
   * True if no other process holds sockets of the binding, so no text is sent to others. Default: false.
   */
  readonly isAlone?: boolean
  /**
   * Begins to receive the sockets texts of other processes, before this process takes its first socket;
   * called once. `receive` is called with each text that another process broadcasts or sends to `process`,
   * one after another. It may also be called with this process's own broadcasts. `process` is a fresh name of
   * letters, digits, `-` and `_`. The driver itself replaces a lost connection. Rejects if the backend cannot
   * be reached at the start.
   */
  listen(process: string, receive: (text: string) => void): Promise<void>
  /** Sends a sockets text to every process that listens. Resolves when the backend has taken it. */
  broadcast(text: string): Promise<void>
  /**
   * Sends a sockets text to one process. Resolves to false if it is certain that no process of that name
   * listens.
   */
  send(process: string, text: string): Promise<boolean>
}

/**
 * A sockets driver that also stores tickets of clients, each for one use: for bindings with `tickets`. Every
 * process that shares the backend redeems the tickets of all.
 */
export interface TicketedSocketsDriver extends SocketsDriver {
  /** Stores the WebSocket ticket `id` with `value` for `seconds`. The id is fresh and cannot be guessed. */
  saveTicket(id: string, value: string, seconds: number): Promise<void>
  /**
   * Takes a WebSocket ticket: returns its value and removes it, in one atomic step, so that only one of
   * several callers receives it. Returns null for a ticket that was taken, has expired or never existed.
   */
  takeTicket(id: string): Promise<string | null>
}
