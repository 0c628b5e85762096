/** Decodes UTF-8 of a form: a byte order mark stays, and malformed bytes become U+FFFD. */
export type DecodeUtf8 = (bytes: Uint8Array<ArrayBuffer>) => string

/**
 * Reads `application/x-www-form-urlencoded` text (the URL standard, section 5.1). Escapes are decoded as
 * UTF-8, whatever charset the content type claims; a `%` that begins no escape stays unchanged.
 */
export function readUrlEncoded(
  text: string,
  decode: DecodeUtf8,
  add: (name: string, value: string) => void,
): void {
  // A thrown error costs a hundred times as much as decoding a form's escape, so the number of throws is
  // limited for texts of broken escapes.
  let throwsLeft = 100
  const decodeRun = (run: string): string => {
    if (run.length === 3) {
      const byte = escapedByte(run, 0)
      return byte < 0x80 ? String.fromCharCode(byte) : '\uFFFD'
    }
    if (throwsLeft > 0)
      try {
        return decodeURIComponent(run)
      } catch {
        throwsLeft--
      }
    return decode(bytesOfRun(run))
  }
  const unescapePart = (part: string): string => {
    const spaced = part.includes('+') ? part.replaceAll('+', ' ') : part
    // The text between a form's escapes consists of whole characters, so each run of escapes can be decoded
    // alone.
    return spaced.includes('%') ? spaced.replace(/(?:%[0-9a-f]{2})+/gi, decodeRun) : spaced
  }
  for (let start = 0; start < text.length;) {
    const found = text.indexOf('&', start)
    const end = found < 0 ? text.length : found
    if (end > start) {
      const pair = text.slice(start, end)
      const equals = pair.indexOf('=')
      if (equals < 0) add(unescapePart(pair), '')
      else add(unescapePart(pair.slice(0, equals)), unescapePart(pair.slice(equals + 1)))
    }
    start = end + 1
  }
}

function bytesOfRun(run: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(run.length / 3)
  for (let index = 0; index < bytes.length; index++) bytes[index] = escapedByte(run, index * 3)
  return bytes
}

/** Encodes text as UTF-8; each `%` with two hexadecimal digits becomes the byte that they stand for. */
export function percentDecode(text: string): Uint8Array<ArrayBuffer> {
  const ascii = text.toWellFormed().replace(/[^ -~]+/g, encodeURIComponent)
  const bytes = new Uint8Array(ascii.length)
  let length = 0
  for (let at = 0; at < ascii.length; at++) {
    const byte = ascii.charCodeAt(at) === PERCENT ? escapedByte(ascii, at) : -1
    if (byte < 0) bytes[length++] = ascii.charCodeAt(at)
    else {
      bytes[length++] = byte
      at += 2
    }
  }
  return bytes.slice(0, length)
}

const PERCENT = 37

/**
 * Returns the byte of the percent escape whose `%` is at `at`, or -1 if two hexadecimal digits do not follow.
 */
function escapedByte(text: string, at: number): number {
  const high = hexDigit(text.charCodeAt(at + 1))
  const low = hexDigit(text.charCodeAt(at + 2))
  return high < 0 || low < 0 ? -1 : high * 16 + low
}

/** Returns the value of a hexadecimal digit by its character code, or -1. */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  // Converts an ASCII letter to lower case.
  const letter = code | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}
