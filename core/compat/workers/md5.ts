/** MD5 (RFC 1321), which Web Crypto lacks and R2 uses for etags. Not for security. */

const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21]
const SINES = Int32Array.from(
  { length: 64 },
  (_, index) => Math.floor(Math.abs(Math.sin(index + 1)) * 2 ** 32) | 0,
)

/** MD5 hash that is computed incrementally. */
export class Md5 {
  #state = Int32Array.of(0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476)
  #block = new Uint8Array(64)
  #words = new Int32Array(16)
  #filled = 0
  #length = 0

  update(bytes: Uint8Array): void {
    this.#length += bytes.byteLength
    let at = 0
    if (this.#filled > 0) {
      at = Math.min(64 - this.#filled, bytes.byteLength)
      this.#block.set(bytes.subarray(0, at), this.#filled)
      this.#filled += at
      if (this.#filled < 64) return
      this.#compress(this.#block, 0)
      this.#filled = 0
    }
    for (; at + 64 <= bytes.byteLength; at += 64) this.#compress(bytes, at)
    this.#block.set(bytes.subarray(at))
    this.#filled = bytes.byteLength - at
  }

  /** Returns the 16 bytes of the MD5; no bytes can be added afterwards. */
  digest(): Uint8Array<ArrayBuffer> {
    const bits = this.#length * 8
    const padding = new Uint8Array((this.#filled < 56 ? 56 : 120) - this.#filled + 8)
    padding[0] = 0x80
    const view = new DataView(padding.buffer)
    view.setUint32(padding.byteLength - 8, bits >>> 0, true)
    view.setUint32(padding.byteLength - 4, Math.floor(bits / 2 ** 32), true)
    this.update(padding)
    const digest = new Uint8Array(16)
    const out = new DataView(digest.buffer)
    this.#state.forEach((word, index) => out.setInt32(index * 4, word, true))
    return digest
  }

  #compress(bytes: Uint8Array, at: number): void {
    const words = this.#words
    for (let index = 0; index < 16; index++) {
      const byte = at + index * 4
      words[index] =
        (bytes[byte] as number) |
        ((bytes[byte + 1] as number) << 8) |
        ((bytes[byte + 2] as number) << 16) |
        ((bytes[byte + 3] as number) << 24)
    }
    const state = this.#state
    let a = state[0] as number
    let b = state[1] as number
    let c = state[2] as number
    let d = state[3] as number
    for (let step = 0; step < 64; step++) {
      const round = step >> 4
      let mixed: number
      let word: number
      if (round === 0) {
        mixed = (b & c) | (~b & d)
        word = step
      } else if (round === 1) {
        mixed = (d & b) | (~d & c)
        word = (5 * step + 1) & 15
      } else if (round === 2) {
        mixed = b ^ c ^ d
        word = (3 * step + 5) & 15
      } else {
        mixed = c ^ (b | ~d)
        word = (7 * step) & 15
      }
      const sum = (a + mixed + (SINES[step] as number) + (words[word] as number)) | 0
      const shift = SHIFTS[(round << 2) | (step & 3)] as number
      a = d
      d = c
      c = b
      b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0
    }
    state[0] = ((state[0] as number) + a) | 0
    state[1] = ((state[1] as number) + b) | 0
    state[2] = ((state[2] as number) + c) | 0
    state[3] = ((state[3] as number) + d) | 0
  }
}

/** Encodes bytes as lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}

/** Decodes hex text; undefined if it is not hex. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^([0-9a-f]{2})*$/i.test(text)) return undefined
  return Uint8Array.from({ length: text.length / 2 }, (_, index) =>
    Number.parseInt(text.slice(index * 2, index * 2 + 2), 16),
  )
}
