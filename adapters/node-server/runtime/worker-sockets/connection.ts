import { WebSocket } from 'ws'
import type { End, Frame } from '../../../../core/compat/workers/web-sockets/end.ts'
import { isUnmoorError } from '../../../../core/errors.ts'
import { type AppEvent, runEvent } from '../events.ts'
import type { MeteredSocket, SocketQuota } from '../web-sockets/socket-server.ts'

/** Largest WebSocket message in bytes, in either direction; the same limit as Cloudflare's. */
export const MAX_MESSAGE = 32 * 1024 * 1024
/** Bytes that are buffered for a WebSocket client that does not read: two of the largest messages. */
const MAX_BUFFERED = 2 * MAX_MESSAGE

/**
 * A WebSocket connection over the network. A close frame of the other side is not answered automatically: at
 * some compatibility dates the Worker answers it itself.
 */
export class Connection extends WebSocket implements MeteredSocket {
  declare readonly _closeFrameReceived: boolean
  /** Code with which `ws` itself closed the WebSocket last: for a broken frame, just before its error. */
  #lastCode: number | undefined
  #closeFrame: Extract<Frame, { type: 'close' }> | undefined
  #onCloseFrame: ((frame: Frame) => void) | undefined
  #quota: SocketQuota | undefined
  /** True once the server has said that it goes away: what the Worker does to its end no longer counts. */
  #isLeaving = false

  /** True as long as messages can be sent to this WebSocket. */
  get isOpen(): boolean {
    return this.readyState === WebSocket.OPEN
  }

  /** Closes the WebSocket for the server; the Worker is told the code by a close event. */
  closeWith(code: number, reason: string): void {
    super.close(code, reason)
    if (this.isPaused) this.resume()
  }

  /** Closes the WebSocket with 1012, because the server or the Worker's isolate goes away. */
  leave(reason: string): void {
    this.#isLeaving = true
    this.closeWith(1012, reason)
  }

  /**
   * WebSocket's `close`, called by `ws` when a close frame has come, and when the other side broke the
   * protocol.
   */
  override close(code?: number, data?: string | Buffer): void {
    this.#lastCode = code
    if (!this._closeFrameReceived || this.#closeFrame !== undefined || this.readyState !== WebSocket.OPEN)
      return super.close(code, data)
    this.#closeFrame = { type: 'close', code: code ?? 1005, reason: data?.toString() ?? '' }
    this.#onCloseFrame?.(this.#closeFrame)
  }

  /**
   * Couples the WebSocket connection with the Worker's end of the WebSocket. Events of the connection run as
   * part of `event`. `quota` limits and counts the messages; without one, only {@link MAX_MESSAGE} holds.
   */
  couple(end: End, event: AppEvent | undefined, quota?: SocketQuota): void {
    this.#quota = quota
    const give = (frame: Frame): void => runEvent(event, () => end.write(frame, true))
    let isOver = false
    this.#onCloseFrame = give
    this.on('message', (data, isBinary) => {
      const bytes = data as Buffer
      if (quota?.arrived(this, bytes.byteLength) === false) return
      give({ type: 'message', data: isBinary ? new Uint8Array(bytes) : bytes.toString() })
    })
    if (quota !== undefined)
      for (const type of ['ping', 'pong']) this.on(type, () => this.isOpen && quota.pinged(this))
    let failure: Error | undefined
    this.on('error', (error) => (failure = protocolError(error, this.#lastCode)))
    this.on('close', (code, reason) => {
      if (isOver) return
      isOver = true
      quota?.forget(this)
      if (this.#closeFrame === undefined) {
        if (failure !== undefined) give({ type: 'failed', error: failure })
        else if (code === 1006) give({ type: 'cut' })
        else give({ type: 'close', code, reason: reason.toString() })
      }
      end.peer.onGone?.()
    })
    end.pause = (on) => {
      if (this.isOpen && (on || quota?.holds(this) !== true)) this[on ? 'pause' : 'resume']()
    }
    end.receive((frame) => this.#write(frame), true)
    // A WebSocket client's close frame came before the Worker's end was coupled.
    if (this.#closeFrame !== undefined) give(this.#closeFrame)
  }

  #send(data: string | Uint8Array<ArrayBuffer>): void {
    if (!this.isOpen) return
    const bytes = typeof data === 'string' ? Buffer.from(data) : data
    const quota = this.#quota
    const waiting = this.bufferedAmount
    const isSlow = waiting + bytes.byteLength > MAX_BUFFERED
    if (isSlow || (waiting > 0 && quota?.mayBuffer(bytes.byteLength) === false))
      return this.closeWith(1013, 'the client reads too slowly')
    const options = { binary: typeof data !== 'string' }
    if (quota === undefined) return this.send(bytes, options)
    try {
      quota.sends(bytes)
    } catch (error) {
      // `send` of a Worker's WebSocket returns nothing, so a message over the app's limits ends its socket.
      const isTooLarge = isUnmoorError(error) && error.code === 'LimitExceeded'
      return isTooLarge
        ? this.closeWith(1009, 'the message is over the limit of the app')
        : this.closeWith(1013, 'the app sends too many messages')
    }
    this.send(bytes, options, quota.writing(bytes.byteLength))
  }

  #write(frame: Frame): void {
    if (frame.type === 'message') return this.#send(frame.data)
    if (this.#isLeaving) return
    if (frame.type !== 'close') return this.terminate()
    // A paused WebSocket connection resumes, because the other side's close frame has to be read.
    if (this.isPaused) this.resume()
    try {
      if (frame.code === 1005) super.close()
      else super.close(frame.code, frame.reason)
    } catch {
      // `ws` refuses to send this WebSocket close frame: workerd allows codes that the protocol lacks, and
      // reasons that are too long for a frame.
      this.terminate()
    }
  }
}

/**
 * Returns the error, worded as by workerd, that a Worker gets if the other side broke the protocol; undefined
 * for an error of the network, after which the connection is cut.
 */
function protocolError(cause: NodeJS.ErrnoException, code: number | undefined): Error | undefined {
  if (cause.code?.startsWith('WS_ERR_') !== true) return undefined
  const description = cause.message.replace(/^Invalid WebSocket frame: /, '')
  const text =
    `WebSocket protocol error; protocolError.statusCode = ${code}; ` +
    `protocolError.description = ${description}`
  return new Error(text, { cause })
}
