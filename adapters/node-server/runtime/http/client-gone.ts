const reasons = new WeakSet<object>()

/** The error that a request's body and its signal give when the client goes away. */
export function clientGone(message: string): DOMException {
  const reason = new DOMException(message, 'AbortError')
  reasons.add(reason)
  return reason
}

/**
 * True if `error` is one of {@link clientGone}: no failure of the app, and nothing that a client should be
 * able to fill a log with.
 */
export function isClientGone(error: unknown): boolean {
  return typeof error === 'object' && error !== null && reasons.has(error)
}
