import { WebSocket } from 'ws'
import type { SocketEvent } from '../../../../core/bindings/socket-transport.ts'

/** What a socket belongs to, and tells what happens to it. */
export interface SocketOwner {
  readonly binding: string
  received(socket: HeldSocket, bytes: Buffer, isBinary: boolean): void
  closed(socket: HeldSocket, event: Extract<SocketEvent, { type: 'close' }>): void
  /** A handler of the socket has ended. */
  handled(socket: HeldSocket): void
}

const NO_TOPICS: readonly string[] = Object.freeze([])

/**
 * One connection. Ten thousand of them lie idle, so it has fields and no closures: listeners are functions of
 * the module, which find it as `this`.
 */
export class HeldSocket extends WebSocket {
  // `ws` makes it; the group fills it in before anything can happen to it.
  declare group: SocketOwner
  declare id: string
  /** JSON text of `socket.data`. */
  declare data: string | undefined
  topics: readonly string[] = NO_TOPICS
  /** Handlers that are under way. */
  running = 0
  /** The code and reason that we closed with. */
  #own: { readonly code: number; readonly reason: string } | undefined
  /** The code by which `ws` refused what the client sent. */
  #refused: number | undefined

  /** True as long as messages can be sent. */
  get isOpen(): boolean {
    return this.readyState === WebSocket.OPEN
  }

  /** Begins to close; a second call changes nothing. */
  closeWith(code: number, reason = ''): void {
    if (!this.isOpen) return
    this.#own = { code, reason }
    super.close(code, reason)
    // The answer of the other side has to be read.
    if (this.isPaused) this.resume()
  }

  /** What `ws` calls itself, for a frame that breaks the protocol and to answer a close. */
  override close(code?: number, data?: string | Buffer): void {
    this.#refused ??= code
    super.close(code, data)
  }

  /** What the app is told of the end: `ws` says 1006 where no close frame came. */
  closedBy(code: number, reason: string): Extract<SocketEvent, { type: 'close' }> {
    const clean = code !== 1006
    if (this.#own !== undefined) return { type: 'close', ...this.#own, clean }
    return clean
      ? { type: 'close', code, reason, clean }
      : { type: 'close', code: this.#refused ?? code, reason: '', clean }
  }
}

/** Sets the listeners. */
export function listenTo(socket: HeldSocket): void {
  socket.on('message', onMessage)
  socket.on('close', onClose)
  socket.on('error', onError)
}

function onMessage(this: WebSocket, data: unknown, isBinary: boolean): void {
  const socket = this as HeldSocket
  // `binaryType` is "nodebuffer", by which every message is one Buffer.
  socket.group.received(socket, data as Buffer, isBinary)
}

function onClose(this: WebSocket, code: number, reason: Buffer): void {
  const socket = this as HeldSocket
  socket.group.closed(socket, socket.closedBy(code, reason.toString()))
}

/** What a client does wrong is its own matter: `ws` closes the connection with the code for it. */
function onError(): void {}
