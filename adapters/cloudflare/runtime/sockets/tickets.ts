import type { NativeObjectState } from '../strong-kv-object.ts'

/**
 * Number of expired socket tickets removed at each save. More tickets are removed than added, so that they do
 * not accumulate.
 */
const SWEEP_SIZE = 20

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS tickets (
    id TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, expires INTEGER NOT NULL
  );
  CREATE INDEX IF NOT EXISTS tickets_expires ON tickets (expires);
`

/**
 * Tickets for WebSockets in the storage of a Durable Object. Each ticket is taken by one caller only, as the
 * object runs one call after another.
 */
export class Tickets {
  #sql: NativeObjectState['storage']['sql']
  #hasTable = false

  constructor(sql: NativeObjectState['storage']['sql']) {
    this.#sql = sql
  }

  save(id: string, value: string, expires: number, now: number): void {
    this.#prepare()
    this.#sql.exec('INSERT INTO tickets VALUES (?, ?, ?)', id, value, expires)
    this.#sql.exec(
      'DELETE FROM tickets WHERE id IN (SELECT id FROM tickets WHERE expires <= ? LIMIT ?)',
      now,
      SWEEP_SIZE,
    )
  }

  take(id: string, now: number): string | null {
    this.#prepare()
    const [row] = this.#sql
      .exec<{ value: string; expires: number }>(
        'DELETE FROM tickets WHERE id = ? RETURNING value, expires',
        id,
      )
      .toArray()
    return row !== undefined && row.expires > now ? row.value : null
  }

  /** Creates the table of socket tickets lazily, so that an app without tickets writes nothing. */
  #prepare(): void {
    if (!this.#hasTable) this.#sql.exec(SCHEMA)
    this.#hasTable = true
  }
}
