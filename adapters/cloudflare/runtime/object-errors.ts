import { UnmoorError } from '../../../core/errors.ts'

/**
 * Converts the error of a call to a Durable Object. `write` is true if the call may have changed something.
 * Cloudflare's errors carry flags:
 * https://developers.cloudflare.com/durable-objects/best-practices/error-handling/
 */
export function objectError(error: unknown, write: boolean): UnmoorError {
  const {
    message = String(error),
    retryable,
    overloaded,
  } = error as { message?: string; retryable?: boolean; overloaded?: boolean }
  const text = `Durable Object: ${message}`
  if (overloaded) return new UnmoorError('Throttled', text, { cause: error })
  if (/SQLITE_FULL|SQLITE_TOOBIG/.test(message))
    return new UnmoorError('Unavailable', text, { cause: error, retryable: false })
  // The Durable Object's answer may have been lost, so a write may have been applied.
  if (
    retryable ||
    /network connection lost|object was reset|internal error|Durable Object.*(reset|evicted|exceeded)/i.test(
      message,
    )
  )
    return new UnmoorError('Unavailable', text, { cause: error, mayHaveApplied: write })
  return new UnmoorError('Internal', text, { cause: error, mayHaveApplied: write })
}
