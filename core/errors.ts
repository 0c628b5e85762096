/**
 * The one error class of unmoor. Callers act on `code`, never on `message`; the backend's own error is kept
 * as `cause`.
 */

/** What went wrong, in words that are the same on every target and for every driver. */
export type ErrorCode =
  | 'NotFound'
  | 'AlreadyExists'
  | 'PreconditionFailed'
  | 'InvalidArgument'
  | 'LimitExceeded'
  | 'Constraint'
  | 'Conflict'
  | 'PermissionDenied'
  | 'Throttled'
  | 'Unavailable'
  | 'Timeout'
  | 'Aborted'
  | 'RangeNotSatisfiable'
  | 'ChecksumMismatch'
  | 'Unsupported'
  | 'Internal'

/** Facts that go with a code. The code decides which of them are set; see each field. */
export interface ErrorDetails {
  /** `LimitExceeded`: the limit's name in `core/limits.ts`. */
  limit?: string
  /** `LimitExceeded`: the size or count that was asked for. */
  actual?: number
  /** `LimitExceeded`: the largest (or, where `min` is set, smallest) that is allowed. */
  max?: number
  min?: number
  /**
   * `Constraint`: `unique`, `foreignKey`, `notNull`, `check`. `NotFound`: what is missing, for example
   * `table`.
   */
  kind?: string
  /** `Unsupported`: the capability's name in `core/capabilities.ts`. */
  capability?: string
  /** `Throttled`: seconds to wait before the next try, when the backend said so. */
  retryAfter?: number
  /** Batches: the index of the item that failed, from 0. */
  index?: number
  /** Batches that can fail in part: the indexes that failed, from 0. */
  indexes?: number[]
}

/** Options of {@link UnmoorError}. */
export interface UnmoorErrorOptions {
  /** The binding's name in the app. */
  binding?: string | undefined
  /** The method that failed, such as `put`. */
  operation?: string | undefined
  /**
   * True if the same call may succeed later, unchanged. Default: by code (`Conflict`, `Throttled`,
   * `Unavailable`, `Timeout`: true).
   */
  retryable?: boolean | undefined
  /** True if a write may have taken effect although this error was thrown. Default: false. */
  mayHaveApplied?: boolean | undefined
  details?: ErrorDetails | undefined
  cause?: unknown
}

const RETRYABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'Conflict',
  'Throttled',
  'Unavailable',
  'Timeout',
])

/**
 * The error that every binding, driver and command throws.
 *
 * @example
 * ```ts
 * import { UnmoorError } from 'unmoor'
 *
 * throw new UnmoorError('NotFound', 'There is no user 7. Create it first.', { details: { kind: 'user' } })
 * ```
 */
export class UnmoorError extends Error {
  override readonly name = 'UnmoorError'
  readonly code: ErrorCode
  readonly binding: string | undefined
  readonly operation: string | undefined
  readonly retryable: boolean
  readonly mayHaveApplied: boolean
  readonly details: ErrorDetails

  constructor(code: ErrorCode, message: string, options: UnmoorErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.binding = options.binding
    this.operation = options.operation
    this.retryable = options.retryable ?? RETRYABLE.has(code)
    this.mayHaveApplied = options.mayHaveApplied ?? false
    this.details = options.details ?? {}
  }

  /** Plain data without the cause, fit for a log line or a wire. */
  toJSON(): SerializedError {
    return {
      code: this.code,
      message: this.message,
      binding: this.binding,
      operation: this.operation,
      retryable: this.retryable,
      mayHaveApplied: this.mayHaveApplied,
      details: this.details,
    }
  }
}

/** An {@link UnmoorError} as plain data; {@link errorFromJSON} turns it back. */
export interface SerializedError {
  code: ErrorCode
  message: string
  binding?: string | undefined
  operation?: string | undefined
  retryable: boolean
  mayHaveApplied: boolean
  details: ErrorDetails
}

/** The error that {@link UnmoorError.toJSON} described. */
export function errorFromJSON(data: SerializedError): UnmoorError {
  return new UnmoorError(data.code, data.message, data)
}

/**
 * True if `error` is an {@link UnmoorError}, with that code if one is given. Works across bundles and realms,
 * where `instanceof` does not.
 *
 * @example
 * ```ts
 * import { isUnmoorError } from 'unmoor'
 *
 * try {
 *   await env.sessions.putIf('a', '1', { absent: true })
 * } catch (error) {
 *   if (!isUnmoorError(error, 'PreconditionFailed')) throw error
 *   console.log('somebody was faster')
 * }
 * ```
 */
export function isUnmoorError(error: unknown, code?: ErrorCode): error is UnmoorError {
  if (typeof error !== 'object' || error === null) return false
  const candidate = error as { name?: unknown; code?: unknown }
  return candidate.name === 'UnmoorError' && (code === undefined || candidate.code === code)
}

/** `InvalidArgument` with the binding and operation that refused. */
export function invalidArgument(
  where: { binding?: string; operation?: string },
  message: string,
  cause?: unknown,
): UnmoorError {
  return new UnmoorError('InvalidArgument', message, { ...where, cause })
}

/** `LimitExceeded` naming the limit, what was asked and what is allowed. */
export function limitExceeded(
  where: { binding?: string; operation?: string },
  limit: string,
  actual: number,
  max: number,
  hint = '',
): UnmoorError {
  const text = `${limit} is ${actual}, over the portable limit of ${max}.${hint === '' ? '' : ` ${hint}`}`
  return new UnmoorError('LimitExceeded', text, { ...where, details: { limit, actual, max } })
}
