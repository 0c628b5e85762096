import { isUnmoorError, type UnmoorError } from '../../errors.ts'

/** Creates an error with Cloudflare's message, which existing code parses, and our own error as its cause. */
export function cloudflareError(message: string, cause?: unknown): Error {
  return cause === undefined ? new Error(message) : new Error(message, { cause })
}

/** Returns the message of an error's cause (the backend's own error); without one the error's message. */
export function backendText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}

/**
 * Runs a Cloudflare binding's operation; `translate` converts an `UnmoorError`, other errors stay as they
 * are.
 */
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
