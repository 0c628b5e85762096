/**
 * The one error class of unmoor. Callers act on `code`, never on `message`; the backend's own error is kept
 * as `cause`.
 */

/** Codes of {@link UnmoorError}, the same on every target and for every driver. */
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

/** Details of an {@link UnmoorError}. The code decides which fields are set; see each field. */
export interface ErrorDetails {
  /** In `LimitExceeded` errors only: name of the limit in `core/limits.ts`. */
  limit?: string
  /** In `LimitExceeded` errors only: the size or count that was asked for. */
  actual?: number
  /** In `LimitExceeded` errors only: the largest allowed size or count; a lower bound is in `min` instead. */
  max?: number
  /** In `LimitExceeded` errors only: the smallest allowed size or count, where the value was too small. */
  min?: number
  /**
   * In `Constraint` errors: the violated kind (`unique`, `foreignKey`, `notNull`, `check`). In `NotFound`
   * errors: what is missing, for example `table`.
   */
  kind?: string
  /** In `Unsupported` errors only: name of the missing capability in `core/capabilities.ts`. */
  capability?: string
  /** In `Throttled` errors only: seconds to wait before a retry, if the backend said so. */
  retryAfter?: number
  /** In errors of batches only: index of the item that failed, from 0. */
  index?: number
  /** In errors of batches that can fail in part: indexes of the failed items, from 0. */
  indexes?: number[]
}

/** Options of {@link UnmoorError}. */
export interface UnmoorErrorOptions {
  /** Name of the app's binding whose call failed. */
  binding?: string | undefined
  /** Name of the binding's method that failed, such as `put`. */
  operation?: string | undefined
  /**
   * True if the same call may succeed if retried unchanged. Default: true for `Conflict`, `Throttled`,
   * `Unavailable` and `Timeout`, else false.
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

  /** Returns an UnmoorError as plain data without its cause, for a log line or a wire protocol. */
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

/** An {@link UnmoorError} as plain data; {@link errorFromJSON} restores it. */
export interface SerializedError {
  code: ErrorCode
  message: string
  binding?: string | undefined
  operation?: string | undefined
  retryable: boolean
  mayHaveApplied: boolean
  details: ErrorDetails
}

/** Restores the error that {@link UnmoorError.toJSON} serialized. */
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

/** Creates an `InvalidArgument` error that names the binding and operation. */
export function invalidArgument(
  where: { binding?: string; operation?: string },
  message: string,
  cause?: unknown,
): UnmoorError {
  return new UnmoorError('InvalidArgument', message, { ...where, cause })
}

/** Creates a `LimitExceeded` error that names the limit, the size asked for and the size allowed. */
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
