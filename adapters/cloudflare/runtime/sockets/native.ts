/**
 * The parts of Durable Objects and their WebSockets that the sockets bindings use. Source:
 * @cloudflare/workers-types 5.
 */
import type { NativeObjectState } from '../strong-kv-object.ts'

/** The server's end of a WebSocket that a Durable Object has accepted for hibernation. */
export interface NativeSocket {
  readonly readyState: number
  send(message: string | Uint8Array<ArrayBuffer>): void
  close(code?: number, reason?: string): void
  /**
   * Stores up to 16,384 bytes of structured clone with the WebSocket, also while its Durable Object is
   * evicted.
   */
  serializeAttachment(value: unknown): void
  deserializeAttachment(): unknown
}

/** `readyState` of an open WebSocket. */
export const OPEN = 1

/** State that Cloudflare passes to the Durable Object of a sockets binding. */
export interface NativeSocketsState extends NativeObjectState {
  blockConcurrencyWhile<T>(work: () => Promise<T>): Promise<T>
  waitUntil(promise: Promise<unknown>): void
  acceptWebSocket(socket: NativeSocket, tags: string[]): void
  /** Returns the Durable Object's WebSockets with one tag, or all; closing sockets are included. */
  getWebSockets(tag?: string): NativeSocket[]
  setWebSocketAutoResponse(pair: object): void
}

/** A Response that carries the client's end of a WebSocket. */
export type UpgradedResponse = Response & { readonly webSocket?: object | null }

/** Globals of workerd for WebSockets, which no other type declares. */
export interface SocketGlobals {
  readonly WebSocketPair: new () => { readonly 0: object; readonly 1: NativeSocket }
  readonly WebSocketRequestResponsePair: new (request: string, response: string) => object
}

/** RPC methods of the sockets Durable Object, as the Worker calls them; every argument is flat. */
export interface SocketsObjectMethods {
  /** Sends a message to a WebSocket. Resolves to false if no open socket has this id. */
  send(id: string, message: string | Uint8Array<ArrayBuffer>): Promise<boolean>
  /** Closes a WebSocket. Resolves to false if no open socket has this id. */
  close(id: string, code: number, reason: string): Promise<boolean>
  /** Publishes a message to the subscribed WebSockets of this Durable Object only. */
  publish(topic: string, message: string | Uint8Array<ArrayBuffer>): Promise<void>
  /** Stores a ticket for a WebSocket; `expires` and `now` are milliseconds since 1970. */
  saveTicket(id: string, value: string, expires: number, now: number): Promise<void>
  takeTicket(id: string, now: number): Promise<string | null>
}

/** Stub of a sockets Durable Object in the Worker. */
export interface SocketsObjectStub extends SocketsObjectMethods {
  fetch(url: string, init: { headers: Record<string, string> }): Promise<UpgradedResponse>
}

/** Durable Object namespace for sockets that wrangler.jsonc binds. */
export interface NativeSocketsNamespace {
  idFromName(name: string): unknown
  get(id: unknown): SocketsObjectStub
}
