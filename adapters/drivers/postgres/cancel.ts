/**
 * Asks the server, over a connection of its own, to end a statement. `pending.cancel()` would drop that
 * connection's promise, so that a server which is away by then would be an unhandled rejection; the statement
 * itself fails either way.
 */
export function cancelQuietly(pending: { cancel(): void }): void {
  const query = pending as { canceller?: ((query: unknown) => Promise<void>) | null }
  query.canceller?.(pending).catch(() => {})
  query.canceller = null
}
