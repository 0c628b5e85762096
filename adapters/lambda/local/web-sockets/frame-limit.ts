/**
 * Reads the heads of a client's WebSocket frames (RFC 6455, section 5.2) from the bytes of its connection.
 * The package `ws` only reports whole messages, but API Gateway limits each frame.
 */
export class FrameLimit {
  #max: number
  #head: number[] = []
  /** Bytes of the current WebSocket frame's payload that are still to come. */
  #left = 0

  /** `max` is the maximum bytes of a WebSocket frame's payload. */
  constructor(max: number) {
    this.#max = max
  }

  /** True if a WebSocket frame that begins within these bytes is too large. */
  exceeds(bytes: Uint8Array): boolean {
    for (let at = 0; at < bytes.length;) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, bytes.length - at)
        this.#left -= taken
        at += taken
        continue
      }
      this.#head.push(bytes[at++] as number)
      const length = this.#length()
      if (length === undefined) continue
      const masked = ((this.#head[1] as number) & 0x80) !== 0
      this.#head = []
      if (length > this.#max) return true
      this.#left = length + (masked ? 4 : 0)
    }
    return false
  }

  /** Length of the current WebSocket frame's payload; undefined before its head is complete. */
  #length(): number | undefined {
    const [, second] = this.#head
    if (second === undefined) return undefined
    const short = second & 0x7f
    const extended = short === 126 ? 2 : short === 127 ? 8 : 0
    if (this.#head.length < 2 + extended) return undefined
    return extended === 0 ? short : this.#head.slice(2).reduce((sum, byte) => sum * 256 + byte, 0)
  }
}
