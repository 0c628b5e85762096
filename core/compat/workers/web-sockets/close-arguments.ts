import { limitsReason } from './compatibility.ts'

/** Largest WebSocket close reason in bytes, limited by the size of a close frame (RFC 6455, section 5.5). */
const MAX_REASON = 123
const RESERVED: ReadonlySet<number> = new Set([1004, 1005, 1006, 1015])

/**
 * Returns the close frame for the arguments of a WebSocket's `close()`. @throws `InvalidAccessError` or
 * `SyntaxError` as workerd does.
 */
export function checkClose(code: unknown, reason: string | undefined): { code: number; reason: string } {
  const text = reason === undefined ? undefined : String(reason).toWellFormed()
  if (code === undefined) {
    if (text !== undefined)
      throw new DOMException(
        'If you specify a WebSocket close reason, you must also specify a code.',
        'InvalidAccessError',
      )
    return { code: 1005, reason: '' }
  }
  const number = Math.trunc(Number(code)) || 0
  if (number < 1000 || number > 4999 || RESERVED.has(number))
    throw new DOMException(`Invalid WebSocket close code: ${number}.`, 'InvalidAccessError')
  if (text !== undefined && limitsReason() && new TextEncoder().encode(text).byteLength > MAX_REASON)
    throw new DOMException(
      'WebSocket close reason must not be longer than 123 bytes when UTF-8 encoded.',
      'SyntaxError',
    )
  return { code: number, reason: text ?? '' }
}
