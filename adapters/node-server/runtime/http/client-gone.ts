const reasons = new WeakSet<object>()

/** Creates the error with which a request's body and signal fail when the client goes away. */
export function clientGone(message: string): DOMException {
  const reason = new DOMException(message, 'AbortError')
  reasons.add(reason)
  return reason
}

/**
 * Returns true for an error of {@link clientGone}. The error is no failure of the app; it is not logged,
 * so that clients cannot fill the log.
 */
export function isClientGone(error: unknown): boolean {
  return typeof error === 'object' && error !== null && reasons.has(error)
}
