import { fnv1a } from '../../../core/bindings/bytes.ts'
import { UnmoorError } from '../../../core/errors.ts'

/**
 * The platform's cursor as ours: with a checksum before it, so that one of another store is refused rather
 * than taken for some position.
 */
export function wrapCursor(store: string, cursor: string): string {
  return `${fnv1a(store + cursor).toString(36)}.${cursor}`
}

/** The platform's cursor within ours. @throws `InvalidArgument` for any other text. */
export function unwrapCursor(store: string, cursor: string): string {
  const native = cursor.slice(cursor.indexOf('.') + 1)
  if (wrapCursor(store, native) === cursor) return native
  throw new UnmoorError('InvalidArgument', 'The cursor is not of an earlier page of this list.')
}
