import { isUnmoorError, type UnmoorError } from '../../errors.ts'

/** An error with Cloudflare's text, which code is known to look at, and ours as its cause. */
export function cloudflareError(message: string, cause?: unknown): Error {
  return cause === undefined ? new Error(message) : new Error(message, { cause })
}

/** The text of the backend itself where an error of ours has one as its cause. */
export function backendText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}

/** Runs `work`; what it throws of ours is thrown as `translate` words it, anything else as it is. */
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
