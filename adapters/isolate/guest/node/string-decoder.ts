/** `node:string_decoder` in an isolate. */
import { Buffer } from './buffer.ts'

type Text = Uint8Array & { toString(encoding: string): string }
const NAMES: Readonly<Record<string, string>> = {
  'utf-8': 'utf8',
  'ucs-2': 'utf16le',
  ucs2: 'utf16le',
  'utf-16le': 'utf16le',
  binary: 'latin1',
}
/** Number of bytes that encode a whole number of characters, by StringDecoder's encoding; 1 if not listed. */
const GROUPS: Readonly<Record<string, number>> = { base64: 3, base64url: 3 }

/**
 * `StringDecoder` of `node:string_decoder`: decodes bytes that come in pieces. A character split between two
 * pieces waits for its last byte.
 */
export class StringDecoder {
  readonly encoding: string
  #decoder: TextDecoder | undefined
  #rest = new Uint8Array(0)

  constructor(encoding = 'utf8') {
    const name = `${encoding}`.toLowerCase()
    this.encoding = NAMES[name] ?? name
    if (!Buffer.isEncoding(this.encoding))
      throw Object.assign(new TypeError(`Unknown encoding: ${encoding}`), { code: 'ERR_UNKNOWN_ENCODING' })
    if (this.encoding === 'utf8' || this.encoding === 'utf16le')
      this.#decoder = new TextDecoder(this.encoding === 'utf8' ? 'utf-8' : 'utf-16le', { ignoreBOM: true })
  }

  write(bytes: Uint8Array | string): string {
    if (typeof bytes === 'string') return bytes
    if (this.#decoder !== undefined) return this.#decoder.decode(bytes, { stream: true })
    const group = GROUPS[this.encoding] ?? 1
    const all = Buffer.concat([this.#rest, bytes])
    const whole = all.length - (all.length % group)
    this.#rest = new Uint8Array(all.subarray(whole))
    return (all.subarray(0, whole) as Text).toString(this.encoding)
  }

  end(bytes?: Uint8Array | string): string {
    const text = bytes === undefined ? '' : this.write(bytes)
    if (this.#decoder !== undefined) return text + this.#decoder.decode()
    const rest = Buffer.concat([this.#rest]) as Text
    this.#rest = new Uint8Array(0)
    return text + rest.toString(this.encoding)
  }
}

const decoders = { StringDecoder }
export default decoders
export { decoders as 'module.exports' }
