import { DOMException } from '../dom-exception.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** Encodes a string of bytes (U+0000 to U+00FF) as Base64. */
export function btoa(data: string): string {
  if (arguments.length === 0) throw new TypeError('btoa takes a string')
  const text = `${data}`
  const bytes = new Uint8Array(text.length)
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit > 255)
      throw new DOMException(
        'The string has characters outside of the Latin1 range.',
        'InvalidCharacterError',
      )
    bytes[index] = unit
  }
  return bytes.toBase64()
}

/** Decodes Base64 to a string of bytes, by the forgiving decode of the Infra standard. */
export function atob(data: string): string {
  if (arguments.length === 0) throw new TypeError('atob takes a string')
  let text = `${data}`.replace(/[\t\n\f\r ]+/g, '')
  if (text.length % 4 === 0) text = text.replace(/==?$/, '')
  if (text.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(text))
    throw new DOMException('The string is not correctly encoded.', 'InvalidCharacterError')
  let result = ''
  let buffer = 0
  let bits = 0
  for (let index = 0; index < text.length; index++) {
    buffer = (buffer << 6) | ALPHABET.indexOf(text[index] as string)
    bits += 6
    if (bits >= 8) {
      bits -= 8
      result += String.fromCharCode((buffer >> bits) & 255)
      buffer &= (1 << bits) - 1
    }
  }
  return result
}
