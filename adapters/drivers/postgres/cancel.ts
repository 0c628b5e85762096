/**
 * Asks the Postgres server to cancel a statement, over a separate connection. `pending.cancel()` ignores that
 * connection's promise, which would be an unhandled rejection if the server is unreachable. The statement
 * itself fails either way.
 */
export function cancelQuietly(pending: { cancel(): void }): void {
  const query = pending as { canceller?: ((query: unknown) => Promise<void>) | null }
  query.canceller?.(pending).catch(() => {})
  query.canceller = null
}
