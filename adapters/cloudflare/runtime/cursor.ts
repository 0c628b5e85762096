import { fnv1a } from '../../../core/bindings/bytes.ts'
import { UnmoorError } from '../../../core/errors.ts'

/**
 * Wraps a list cursor of a store (KV, R2 or strong kv), with a checksum in front, so that a cursor of another
 * store is refused instead of being read as some position.
 */
export function wrapCursor(store: string, cursor: string): string {
  return `${fnv1a(store + cursor).toString(36)}.${cursor}`
}

/**
 * Unwraps a store's list cursor (KV, R2 or strong kv). @throws `InvalidArgument` for any text that {@link
 * wrapCursor} did not return.
 */
export function unwrapCursor(store: string, cursor: string): string {
  const native = cursor.slice(cursor.indexOf('.') + 1)
  if (wrapCursor(store, native) === cursor) return native
  throw new UnmoorError('InvalidArgument', 'The cursor is not of an earlier page of this list.')
}
