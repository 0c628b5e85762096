import { type ErrorCode, isUnmoorError, UnmoorError } from '../../../core/errors.ts'

/**
 * R2 error codes, as they appear in parentheses at the end of a message. Source: Cloudflare's R2 error code
 * table.
 */
const CODES: Readonly<Record<string, ErrorCode>> = {
  10002: 'PermissionDenied',
  10003: 'PermissionDenied',
  10007: 'NotFound',
  10020: 'InvalidArgument',
  10031: 'PreconditionFailed',
  10037: 'ChecksumMismatch',
  10039: 'RangeNotSatisfiable',
  10043: 'Unavailable',
  10054: 'Timeout',
  10058: 'Throttled',
}

export function precondition(key: string): UnmoorError {
  return new UnmoorError(
    'PreconditionFailed',
    `The blob ${JSON.stringify(key)} does not meet the condition; nothing was read or stored.`,
  )
}

/** Converts an error of R2 to an `UnmoorError`. */
export function toError(error: unknown): UnmoorError {
  if (isUnmoorError(error)) return error
  const text = error instanceof Error ? error.message : String(error)
  return new UnmoorError(CODES[/\((\d{5})\)\s*$/.exec(text)?.[1] ?? ''] ?? 'Internal', `R2: ${text}`, {
    cause: error,
  })
}
