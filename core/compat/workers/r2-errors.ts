import { utf8Length } from '../../bindings/bytes.ts'
import type { UnmoorError } from '../../errors.ts'
import { LIMITS } from '../../limits.ts'
import { toText } from './coerce.ts'
import { backendText, cloudflareError, translated } from './errors.ts'

/** Runs an operation of a bucket; errors are in R2's words. */
export function r2<T>(operation: string, work: () => Promise<T>): Promise<T> {
  return translated(work, (error) => failure(operation, error))
}

/** An error in R2's words, with its number: https://developers.cloudflare.com/r2/api/error-codes/ */
export function failure(operation: string, error: UnmoorError): Error {
  const { limit } = error.details
  if (limit === 'blob.metadata')
    return cloudflareError(
      `${operation}: Your metadata headers exceed the maximum allowed metadata size. (10012)`,
      error,
    )
  if (limit === 'blob.size')
    return cloudflareError(
      `${operation}: Your proposed upload exceeds the maximum allowed object size. (10002)`,
      error,
    )
  if (error.code === 'RangeNotSatisfiable')
    return cloudflareError(`${operation}: The requested range is not satisfiable (10039)`, error)
  // What a source stream failed with is the caller's own.
  if (error.code === 'Aborted' && error.cause instanceof Error) return error.cause
  if (error.code === 'InvalidArgument') return cloudflareError(`${operation}: ${backendText(error)}`, error)
  return cloudflareError(`${operation}: We encountered an internal error. Please try again. (10001)`, error)
}

/** The key as text. @throws Error as R2 has it, for a key that is empty or too long. */
export function readKey(given: unknown, operation: string): string {
  const key = toText(given)
  if (key === '' || utf8Length(key) > LIMITS['blob.key'])
    throw cloudflareError(`${operation}: The specified object name is not valid. (10020)`)
  return key
}
