import { isUnmoorError, type UnmoorError } from '../../errors.ts'

/** Creates an error with Cloudflare's message, which existing code parses, and our own error as its cause. */
export function cloudflareError(message: string, cause?: unknown): Error {
  return cause === undefined ? new Error(message) : new Error(message, { cause })
}

/** Returns the backend's own message if the error has one as its cause; else the error's message. */
export function backendText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}

/** Runs `work`. An `UnmoorError` is thrown as `translate` converts it, any other error unchanged. */
export async function translated<T>(
  work: () => Promise<T>,
  translate: (error: UnmoorError) => Error,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw isUnmoorError(error) ? translate(error) : error
  }
}
