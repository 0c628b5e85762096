import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { QueueContentType } from '../../../core/bindings/drivers.ts'
import { type ArrayStatement, prepareArrays } from './array-statement.ts'

// SQLite may reuse a queue message's number once its row is gone, so a lease also has a token.
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY,
    queue TEXT NOT NULL,
    id TEXT NOT NULL,
    content_type TEXT NOT NULL,
    body NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    sent_at INTEGER NOT NULL,
    visible_at INTEGER NOT NULL,
    lease TEXT
  );
  CREATE INDEX IF NOT EXISTS messages_visible ON messages (queue, visible_at, seq);
`

export type MessageRow = [
  seq: number,
  id: string,
  contentType: QueueContentType,
  body: string | Uint8Array<ArrayBuffer>,
  attempts: number,
  sentAt: number,
]

export type PeekedRow = [
  id: string,
  contentType: QueueContentType,
  body: string | Uint8Array<ArrayBuffer>,
  attempts: number,
  sentAt: number,
  visibleAt: number,
  leased: 0 | 1,
]

/** The open connections of a queue file, and the statements that its queues run on them. */
export interface QueueStatements {
  readonly sends: DatabaseSync
  readonly deliveries: DatabaseSync
  readonly insert: StatementSync
  readonly next: ArrayStatement<[earliest: number | null]>
  readonly take: ArrayStatement<MessageRow>
  readonly ack: StatementSync
  readonly leased: ArrayStatement<[id: string, attempts: number]>
  readonly retry: StatementSync
  readonly move: StatementSync
  readonly extend: StatementSync
  readonly depth: ArrayStatement<[ready: number, delayed: number, leased: number]>
  readonly peek: ArrayStatement<PeekedRow>
  /**
   * Moves messages that no consumer holds from the dead-letter queue. Parameters: queue, now, dead-letter
   * queue, JSON list of ids or null, limit.
   */
  readonly replay: ArrayStatement<[id: string]>
  /** Removes some messages that no consumer holds and that were sent by a time: queue, now, time, limit. */
  readonly purge: StatementSync
}

/** Creates the messages table of an SQLite queue file if it does not exist. */
export function createTable(database: DatabaseSync): void {
  database.exec(SCHEMA)
}

/** Prepares all statements of a queue file; `deliveries` may be the same connection as `sends`. */
export function prepareQueue(sends: DatabaseSync, deliveries: DatabaseSync): QueueStatements {
  const prepare = <Row extends readonly unknown[]>(text: string): ArrayStatement<Row> =>
    prepareArrays<Row>(deliveries, text)
  return {
    sends,
    deliveries,
    insert: sends.prepare(
      'INSERT INTO messages (queue, id, content_type, body, sent_at, visible_at) VALUES (?, ?, ?, ?, ?, ?)',
    ),
    next: prepare('SELECT min(visible_at) FROM messages WHERE queue = ?'),
    take: prepare(`UPDATE messages SET attempts = attempts + 1, visible_at = ?, lease = ?
      WHERE seq IN (
        SELECT seq FROM messages WHERE queue = ? AND visible_at <= ? ORDER BY visible_at, seq LIMIT ?
      )
      RETURNING seq, id, content_type, body, attempts, sent_at`),
    ack: deliveries.prepare('DELETE FROM messages WHERE seq = ? AND lease = ?'),
    leased: prepare('SELECT id, attempts FROM messages WHERE seq = ? AND lease = ?'),
    retry: deliveries.prepare('UPDATE messages SET visible_at = ?, lease = NULL WHERE seq = ?'),
    move: deliveries.prepare(
      'UPDATE messages SET queue = ?, attempts = 0, visible_at = ?, lease = NULL WHERE seq = ?',
    ),
    extend: deliveries.prepare('UPDATE messages SET visible_at = ? WHERE seq = ? AND lease = ?'),
    // The SQLite index alone answers the first count of a queue's depth, which covers most messages; reading
    // the rows costs twice as much.
    depth: prepare(`SELECT (SELECT count(*) FROM messages WHERE queue = ?2 AND visible_at <= ?1),
        count(*) - count(lease), count(lease)
      FROM messages WHERE queue = ?2 AND visible_at > ?1`),
    peek: prepare(`SELECT id, content_type, body, attempts, sent_at, visible_at, lease IS NOT NULL
      FROM messages WHERE queue = ? ORDER BY visible_at, seq LIMIT ?`),
    replay: prepare(`UPDATE messages SET queue = ?1, attempts = 0, visible_at = ?2, lease = NULL
      WHERE seq IN (
        SELECT seq FROM messages WHERE queue = ?3 AND (lease IS NULL OR visible_at <= ?2)
          AND (?4 IS NULL OR id IN (SELECT value FROM json_each(?4)))
        ORDER BY visible_at, seq LIMIT ?5
      )
      RETURNING id`),
    purge: deliveries.prepare(`DELETE FROM messages WHERE seq IN (
        SELECT seq FROM messages WHERE queue = ?1 AND (lease IS NULL OR visible_at <= ?2) AND sent_at <= ?3
        ORDER BY visible_at, seq LIMIT ?4
      )`),
  }
}
