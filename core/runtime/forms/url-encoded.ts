/** UTF-8 to text: a byte order mark stays, and what is malformed becomes U+FFFD. */
export type DecodeUtf8 = (bytes: Uint8Array<ArrayBuffer>) => string

/**
 * Reads `application/x-www-form-urlencoded` text (the URL standard, section 5.1). What is escaped is UTF-8,
 * whatever charset the content type claims; a `%` that begins no escape stays as it is.
 */
export function readUrlEncoded(
  text: string,
  decode: DecodeUtf8,
  add: (name: string, value: string) => void,
): void {
  for (let start = 0; start < text.length;) {
    const found = text.indexOf('&', start)
    const end = found < 0 ? text.length : found
    if (end > start) {
      const pair = text.slice(start, end)
      const equals = pair.indexOf('=')
      if (equals < 0) add(unescapeText(pair, decode), '')
      else add(unescapeText(pair.slice(0, equals), decode), unescapeText(pair.slice(equals + 1), decode))
    }
    start = end + 1
  }
}

function unescapeText(part: string, decode: DecodeUtf8): string {
  const text = part.includes('+') ? part.replaceAll('+', ' ') : part
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    // Escapes that are no UTF-8, or a stray %.
    return decode(percentDecode(text))
  }
}

/** Text as UTF-8, with each `%` and two hexadecimal digits as the byte that they stand for. */
export function percentDecode(text: string): Uint8Array<ArrayBuffer> {
  const ascii = text.toWellFormed().replace(/[^ -~]+/g, encodeURIComponent)
  const bytes = new Uint8Array(ascii.length)
  let length = 0
  for (let at = 0; at < ascii.length; at++) {
    const code = ascii.charCodeAt(at)
    const high = code === PERCENT ? hexDigit(ascii.charCodeAt(at + 1)) : -1
    const low = high < 0 ? -1 : hexDigit(ascii.charCodeAt(at + 2))
    if (low < 0) bytes[length++] = code
    else {
      bytes[length++] = high * 16 + low
      at += 2
    }
  }
  return bytes.slice(0, length)
}

const PERCENT = 37

/** The value of a hexadecimal digit by its code, or -1. */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  // Letters in lower case.
  const letter = code | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}
