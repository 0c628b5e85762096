import { isUnmoorError, UnmoorError } from '../errors.ts'

/** The binding and operation that errors of portable classes name. */
export interface Where {
  binding: string
  operation: string
}

/**
 * Adds binding and operation to an error. An error of a driver that is no UnmoorError becomes `Internal`,
 * with the original as its cause: a driver's bug must not look like a mistake of the caller.
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

/** Runs a driver's operation and passes its failure through {@link annotate}. */
export async function run<T>(where: Where, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw annotate(error, where)
  }
}
