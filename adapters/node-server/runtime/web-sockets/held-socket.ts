import { WebSocket } from 'ws'
import type { SocketEvent } from '../../../../core/bindings/socket-transport.ts'

/** The owner of a WebSocket, which receives the socket's events. */
export interface SocketOwner {
  readonly binding: string
  received(socket: HeldSocket, bytes: Buffer, isBinary: boolean): void
  /** Called for a ping, which `ws` answers, and for a pong that nobody asked for. */
  pinged(socket: HeldSocket): void
  closed(socket: HeldSocket, event: Extract<SocketEvent, { type: 'close' }>): void
  /** Called when a handler of the WebSocket has ended. */
  handled(socket: HeldSocket): void
}

const NO_TOPICS: readonly string[] = Object.freeze([])

/**
 * One WebSocket connection. Ten thousand of them may be idle, so it has fields and no closures: the listeners
 * are functions of the module, which find the socket as `this`.
 */
export class HeldSocket extends WebSocket {
  // The package `ws` constructs the WebSocket; its group sets the fields `group` and `id` before any event
  // can occur.
  declare group: SocketOwner
  declare id: string
  /** JSON text of the WebSocket's `socket.data`. */
  declare data: string | undefined
  topics: readonly string[] = NO_TOPICS
  /** Number of handlers of this WebSocket that are running. */
  running = 0
  /** Code and reason of the WebSocket close frame that this server sent. */
  #own: { readonly code: number; readonly reason: string } | undefined
  /** Close code with which `ws` rejected invalid data of the WebSocket client. */
  #refused: number | undefined

  /** True as long as messages can be sent to this WebSocket. */
  get isOpen(): boolean {
    return this.readyState === WebSocket.OPEN
  }

  /** Starts closing the WebSocket; a second call changes nothing. */
  closeWith(code: number, reason = ''): void {
    if (!this.isOpen) return
    this.#own = { code, reason }
    super.close(code, reason)
    // A paused WebSocket resumes, because the other side's close frame has to be read.
    if (this.isPaused) this.resume()
  }

  /**
   * WebSocket's `close`, called by `ws` itself, for a frame that breaks the protocol and to answer a close
   * frame.
   */
  override close(code?: number, data?: string | Buffer): void {
    this.#refused ??= code
    super.close(code, data)
  }

  /** Returns the WebSocket's close event for the app: `ws` reports code 1006 if no close frame came. */
  closedBy(code: number, reason: string): Extract<SocketEvent, { type: 'close' }> {
    const clean = code !== 1006
    if (this.#own !== undefined) return { type: 'close', ...this.#own, clean }
    return clean
      ? { type: 'close', code, reason, clean }
      : { type: 'close', code: this.#refused ?? code, reason: '', clean }
  }
}

/** Adds the listeners of a WebSocket's events. */
export function listenTo(socket: HeldSocket): void {
  socket.on('message', onMessage)
  socket.on('ping', onPing)
  socket.on('pong', onPing)
  socket.on('close', onClose)
  socket.on('error', onError)
}

function onMessage(this: WebSocket, data: unknown, isBinary: boolean): void {
  const socket = this as HeldSocket
  // The `binaryType` is "nodebuffer", so each WebSocket message is one Buffer.
  socket.group.received(socket, data as Buffer, isBinary)
}

function onPing(this: WebSocket): void {
  const socket = this as HeldSocket
  socket.group.pinged(socket)
}

function onClose(this: WebSocket, code: number, reason: Buffer): void {
  const socket = this as HeldSocket
  socket.group.closed(socket, socket.closedBy(code, reason.toString()))
}

/**
 * A protocol error of a WebSocket client needs no handling: `ws` closes the connection with the fitting code.
 */
function onError(): void {}
