import { isUnmoorError, UnmoorError } from '../errors.ts'

/** Where an operation runs, for errors. */
export interface Where {
  binding: string
  operation: string
}

/**
 * The error with its binding and operation. What a driver threw that is no UnmoorError becomes `Internal`,
 * kept as the cause: a driver's bug must not look like the caller's.
 */
export function annotate(error: unknown, where: Where): UnmoorError {
  if (isUnmoorError(error)) {
    if (error.binding !== undefined && error.operation !== undefined) return error
    return new UnmoorError(error.code, error.message, {
      binding: error.binding ?? where.binding,
      operation: error.operation ?? where.operation,
      retryable: error.retryable,
      mayHaveApplied: error.mayHaveApplied,
      details: error.details,
      cause: error.cause ?? error,
    })
  }
  if (error instanceof DOMException && error.name === 'AbortError')
    return new UnmoorError('Aborted', `${where.binding}.${where.operation} was aborted.`, {
      ...where,
      cause: error,
    })
  const text = error instanceof Error ? error.message : String(error)
  return new UnmoorError('Internal', `${where.binding}.${where.operation} failed: ${text}`, {
    ...where,
    cause: error,
  })
}

/** Runs a driver's operation with {@link annotate} on its failure. */
export async function run<T>(where: Where, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw annotate(error, where)
  }
}
