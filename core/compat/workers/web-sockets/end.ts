/** A WebSocket connection as two ends: frames that one end writes, the other receives in order. */

import { soon } from './soon.ts'

/** What one end of a WebSocket connection receives: a message, a close frame, or the connection's failure. */
export type Frame =
  | { readonly type: 'message'; readonly data: string | Uint8Array<ArrayBuffer> }
  /** A WebSocket close frame; code 1005 stands for a frame without a code. */
  | { readonly type: 'close'; readonly code: number; readonly reason: string }
  /** The WebSocket connection ended without a close frame. `isLost`: its other end failed. */
  | { readonly type: 'cut'; readonly isLost?: boolean }
  /** The other side of the connection violated the WebSocket protocol. */
  | { readonly type: 'failed'; readonly error: Error }

/** A serialized WebSocket attachment, which only the target that made it can read. */
export interface Serialized {
  readonly byteLength: number
}

/** One end of a WebSocket connection. Frames are buffered until a receiver is set. */
export class End {
  /** Value of the WebSocket's last `serializeAttachment`, in serialized form. */
  attachment: Serialized | undefined
  sentClose = false
  receivedClose = false
  isCut = false
  /** True if the receiver takes WebSocket frames immediately, as a network connection does. */
  isDirect = false
  /**
   * Pauses and resumes reading a WebSocket from the network; undefined for an end without a network
   * connection.
   */
  pause: ((on: boolean) => void) | undefined
  /** Called when the network connection behind the other end is over, whatever ended it. */
  onGone: (() => void) | undefined
  #peer: End | undefined
  #waiting: Frame[] = []
  #receiver: ((frame: Frame) => void) | undefined
  #isFlushing = false
  #isScheduled = false

  /** Creates the two ends of one WebSocket connection. */
  static pair(): [End, End] {
    const [one, other] = [new End(), new End()]
    one.#peer = other
    other.#peer = one
    return [one, other]
  }

  get peer(): End {
    return this.#peer as End
  }

  /** True once a receiver of the WebSocket's frames was set. */
  get isTaken(): boolean {
    return this.#receiver !== undefined
  }

  /** Sets the receiver of WebSocket frames, and delivers the buffered ones first. */
  receive(receiver: (frame: Frame) => void, isDirect = false): void {
    this.#receiver = receiver
    this.isDirect = isDirect
    if (isDirect) this.#flush()
    else this.#schedule()
  }

  /**
   * Sends a frame to the WebSocket connection's other end. `now` delivers it in this event-loop turn, for
   * frames from the network, which arrive in a turn of their own.
   */
  write(frame: Frame, now = false): void {
    const peer = this.peer
    peer.#waiting.push(frame)
    if (now || peer.isDirect) peer.#flush()
    else peer.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled || this.#receiver === undefined) return
    this.#isScheduled = true
    soon(() => {
      this.#isScheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#receiver === undefined || this.#isFlushing) return
    this.#isFlushing = true
    try {
      for (let frame = this.#waiting.shift(); frame !== undefined; frame = this.#waiting.shift()) {
        // WebSocket frames are dropped once this side has cut the connection.
        if (this.isCut) continue
        if (frame.type === 'close') this.receivedClose = true
        if (frame.type === 'cut' || frame.type === 'failed') this.isCut = true
        this.#receiver(frame)
      }
    } finally {
      this.#isFlushing = false
    }
  }
}
