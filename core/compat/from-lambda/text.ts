/** Text and base64 functions without Node, since Lambda handlers also run in Workers and isolates. */

/** Decodes `bytes` if they are valid UTF-8; else returns undefined. */
export function utf8Exactly(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

const CHUNK = 0x6000

/** Encodes bytes as standard base64 with padding. */
export function toBase64(bytes: Uint8Array): string {
  // Newer engines encode base64 by Uint8Array.toBase64: https://tc39.es/proposal-arraybuffer-base64/
  if ('toBase64' in bytes && typeof bytes.toBase64 === 'function') return bytes.toBase64()
  let text = ''
  // Base64 is encoded in chunks of a multiple of three bytes: a function call takes only so many arguments.
  for (let start = 0; start < bytes.byteLength; start += CHUNK)
    text += btoa(String.fromCharCode(...bytes.subarray(start, start + CHUNK)))
  return text
}

/**
 * Decodes standard or URL-safe base64 like Node's Buffer: padding may be missing. @throws `SyntaxError` or a
 * DOMException for a text that is not base64.
 */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const standard = text.replaceAll('-', '+').replaceAll('_', '/')
  if ('fromBase64' in Uint8Array && typeof Uint8Array.fromBase64 === 'function')
    return Uint8Array.fromBase64(standard)
  return Uint8Array.from(atob(standard), (character) => character.charCodeAt(0))
}
