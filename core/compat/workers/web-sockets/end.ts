/** A connection as its two ends see it: what one end writes, the other end receives, in order. */

import { soon } from './soon.ts'

/** What goes through a connection. */
export type Frame =
  | { readonly type: 'message'; readonly data: string | Uint8Array<ArrayBuffer> }
  /** A close frame; 1005 is one without a code. */
  | { readonly type: 'close'; readonly code: number; readonly reason: string }
  /** The connection is gone without a close frame. `isLost`: its other end failed. */
  | { readonly type: 'cut'; readonly isLost?: boolean }
  /** The other side broke the protocol. */
  | { readonly type: 'failed'; readonly error: Error }

/** One end of a connection. Frames wait until somebody receives them. */
export class End {
  /** What `serializeAttachment` left, serialised. */
  attachment: Uint8Array | undefined
  sentClose = false
  receivedClose = false
  isCut = false
  /** Set by a receiver that takes a frame at once, as a network connection does. */
  isDirect = false
  /** Stops and resumes what comes from the network; undefined for an end that has none behind it. */
  pause: ((on: boolean) => void) | undefined
  #peer: End | undefined
  #waiting: Frame[] = []
  #receiver: ((frame: Frame) => void) | undefined
  #isFlushing = false
  #isScheduled = false

  /** Two ends of one connection. */
  static pair(): [End, End] {
    const [one, other] = [new End(), new End()]
    one.#peer = other
    other.#peer = one
    return [one, other]
  }

  get peer(): End {
    return this.#peer as End
  }

  /** True if frames are received, or were. */
  get isTaken(): boolean {
    return this.#receiver !== undefined
  }

  /** Has the frames received, those first that wait. */
  receive(receiver: (frame: Frame) => void, isDirect = false): void {
    this.#receiver = receiver
    this.isDirect = isDirect
    if (isDirect) this.#flush()
    else this.#schedule()
  }

  /** Sends to the other end. `now`: in this turn, for what comes from the network in a turn of its own. */
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
        // Its own side has given the connection up.
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
