import { utf8Length } from '../../bindings/bytes.ts'
import type { UnmoorError } from '../../errors.ts'
import { LIMITS } from '../../limits.ts'
import { toText } from './coerce.ts'
import { backendText, cloudflareError, translated } from './errors.ts'

/** Runs an operation of an R2 bucket; errors get R2's messages. */
export function r2<T>(operation: string, work: () => Promise<T>): Promise<T> {
  return translated(work, (error) => failure(operation, error))
}

/**
 * Converts an error of a portable blob binding to one with R2's message and number:
 * https://developers.cloudflare.com/r2/api/error-codes/
 */
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
  // An error of the stream that a Worker puts into R2 is rethrown unchanged.
  if (error.code === 'Aborted' && error.cause instanceof Error) return error.cause
  if (error.code === 'InvalidArgument') return cloudflareError(`${operation}: ${backendText(error)}`, error)
  return cloudflareError(`${operation}: We encountered an internal error. Please try again. (10001)`, error)
}

/** Converts an R2 key to text. @throws an Error with R2's message for an empty or too long key. */
export function readKey(given: unknown, operation: string): string {
  const key = toText(given)
  if (key === '' || utf8Length(key) > LIMITS['blob.key'])
    throw cloudflareError(`${operation}: The specified object name is not valid. (10020)`)
  return key
}
