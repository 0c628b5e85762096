import { fnv1a } from '../../../core/bindings/bytes.ts'
import { UnmoorError } from '../../../core/errors.ts'

/**
 * Encodes an opaque page cursor of a list: the position where the list goes on. `tag` tells the drivers'
 * cursors apart, and a checksum tells a cursor from any other text, so that a cursor of another driver, or a
 * mangled one, is refused.
 */
export function encodeCursor(tag: string, position: string): string {
  return Buffer.from(`${tag}${checksum(tag + position)}${position}`).toString('base64url')
}

/**
 * Returns the position of a list's cursor from {@link encodeCursor}; throws `InvalidArgument` for any other
 * text.
 */
export function decodeCursor(tag: string, cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString()
  const position = text.slice(tag.length + 8)
  if (text.startsWith(tag) && encodeCursor(tag, position) === cursor) return position
  throw new UnmoorError(
    'InvalidArgument',
    'The cursor is not one that this list gave. Pass what the page before had as its cursor, unchanged.',
    {
      operation: 'list',
    },
  )
}

/** Checksum of a list's cursor as 8 hex digits. */
function checksum(text: string): string {
  return fnv1a(text).toString(16).padStart(8, '0')
}
