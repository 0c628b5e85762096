/**
 * Asks the Postgres server to cancel a statement, over a separate connection. `pending.cancel()` would drop
 * that connection's promise, so an unreachable server would be an unhandled rejection; the statement itself
 * fails either way.
 */
export function cancelQuietly(pending: { cancel(): void }): void {
  const query = pending as { canceller?: ((query: unknown) => Promise<void>) | null }
  query.canceller?.(pending).catch(() => {})
  query.canceller = null
}
