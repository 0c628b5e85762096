/**
 * The parts of Durable Objects and their WebSockets that the sockets bindings use. Source:
 * @cloudflare/workers-types 5.
 */
import type { NativeObjectState } from '../strong-kv-object.ts'

/** The server's end of a WebSocket that an object has accepted for hibernation. */
export interface NativeSocket {
  readonly readyState: number
  send(message: string | Uint8Array<ArrayBuffer>): void
  close(code?: number, reason?: string): void
  /** Keeps up to 16,384 bytes of structured clone with the socket, also while the object is evicted. */
  serializeAttachment(value: unknown): void
  deserializeAttachment(): unknown
}

/** `readyState` of a socket that takes messages. */
export const OPEN = 1

/** What the object of a sockets binding is given. */
export interface NativeSocketsState extends NativeObjectState {
  blockConcurrencyWhile<T>(work: () => Promise<T>): Promise<T>
  waitUntil(promise: Promise<unknown>): void
  acceptWebSocket(socket: NativeSocket, tags: string[]): void
  /** Sockets of one tag, or all; those that are closing too. */
  getWebSockets(tag?: string): NativeSocket[]
  setWebSocketAutoResponse(pair: object): void
}

/** An answer that carries the client's end of a WebSocket. */
export type UpgradedResponse = Response & { readonly webSocket?: object | null }

/** Globals of workerd, which no other type declares. */
export interface SocketGlobals {
  readonly WebSocketPair: new () => { readonly 0: object; readonly 1: NativeSocket }
  readonly WebSocketRequestResponsePair: new (request: string, response: string) => object
}

/** What the Worker asks of an object, over RPC; every argument is flat. */
export interface SocketsObjectMethods {
  /** False if no open socket has this id. */
  send(id: string, message: string | Uint8Array<ArrayBuffer>): Promise<boolean>
  /** False if no open socket has this id. */
  close(id: string, code: number, reason: string): Promise<boolean>
  /** To the sockets of this object alone. */
  publish(topic: string, message: string | Uint8Array<ArrayBuffer>): Promise<void>
  /** `expires` and `now` are milliseconds since 1970. */
  saveTicket(id: string, value: string, expires: number, now: number): Promise<void>
  takeTicket(id: string, now: number): Promise<string | null>
}

/** An object as the Worker sees it. */
export interface SocketsObjectStub extends SocketsObjectMethods {
  fetch(url: string, init: { headers: Record<string, string> }): Promise<UpgradedResponse>
}

/** The namespace that wrangler.jsonc binds. */
export interface NativeSocketsNamespace {
  idFromName(name: string): unknown
  get(id: unknown): SocketsObjectStub
}
