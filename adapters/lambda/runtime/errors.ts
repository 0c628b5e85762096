import { isUnmoorError } from '../../../core/errors.ts'

/** An error in the Runtime API's form. The stack stays in the log, because the invoker may be anyone. */
export interface LambdaError {
  readonly errorType: string
  readonly errorMessage: string
}

/**
 * Converts an error to the Runtime API's form. `errorType` is `Unmoor.<code>` for our own errors, else the
 * error's name.
 */
export function toLambdaError(error: unknown): LambdaError {
  if (isUnmoorError(error)) return { errorType: `Unmoor.${error.code}`, errorMessage: error.message }
  if (error instanceof Error) return { errorType: error.name, errorMessage: error.message }
  return { errorType: 'Error', errorMessage: String(error) }
}
