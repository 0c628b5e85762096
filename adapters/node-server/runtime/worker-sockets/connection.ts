import { WebSocket } from 'ws'
import type { End, Frame } from '../../../../core/compat/workers/web-sockets/end.ts'
import { type AppEvent, runEvent } from '../events.ts'

/** Largest WebSocket message in bytes, in either direction; the same limit as Cloudflare's. */
export const MAX_MESSAGE = 32 * 1024 * 1024
/** Bytes that are buffered for a WebSocket client that does not read: two of the largest messages. */
const MAX_BUFFERED = 2 * MAX_MESSAGE

/**
 * A WebSocket connection over the network. A close frame of the other side is not answered automatically: at
 * some compatibility dates the Worker answers it itself.
 */
export class Connection extends WebSocket {
  declare readonly _closeFrameReceived: boolean
  /** Code with which `ws` itself closed the WebSocket last: for a broken frame, just before its error. */
  #lastCode: number | undefined
  #closeFrame: Extract<Frame, { type: 'close' }> | undefined
  #onCloseFrame: ((frame: Frame) => void) | undefined

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
   * part of `event`.
   */
  couple(end: End, event: AppEvent | undefined): void {
    const give = (frame: Frame): void => runEvent(event, () => end.write(frame, true))
    let isOver = false
    this.#onCloseFrame = give
    this.on('message', (data, isBinary) => {
      const bytes = data as Buffer
      give({ type: 'message', data: isBinary ? new Uint8Array(bytes) : bytes.toString() })
    })
    let failure: Error | undefined
    this.on('error', (error) => (failure = protocolError(error, this.#lastCode)))
    this.on('close', (code, reason) => {
      if (isOver) return
      isOver = true
      if (this.#closeFrame !== undefined) return
      if (failure !== undefined) give({ type: 'failed', error: failure })
      else if (code === 1006) give({ type: 'cut' })
      else give({ type: 'close', code, reason: reason.toString() })
    })
    end.pause = (on) => {
      if (this.readyState === WebSocket.OPEN) this[on ? 'pause' : 'resume']()
    }
    end.receive((frame) => this.#write(frame), true)
    // A WebSocket client's close frame came before the Worker's end was coupled.
    if (this.#closeFrame !== undefined) give(this.#closeFrame)
  }

  #write(frame: Frame): void {
    if (frame.type === 'message') {
      if (this.readyState !== WebSocket.OPEN) return
      if (this.bufferedAmount + frame.data.length > MAX_BUFFERED) {
        this.resume()
        return super.close(1013, 'the client reads too slowly')
      }
      this.send(frame.data, { binary: typeof frame.data !== 'string' })
      return
    }
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
