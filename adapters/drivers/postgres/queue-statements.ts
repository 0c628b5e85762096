/**
 * The Postgres statements of a queue over one table. Lists are passed as JSON, so that a statement has the
 * same text for lists of any length.
 */
export interface QueueStatements {
  /**
   * Statement that stores queue messages. Parameters: queue, messages (id, json or bytes in base64, delay in
   * seconds).
   */
  send: string
  /**
   * Statement that leases queue messages. Parameters: queue, maximum number, new lease, lease in seconds,
   * maxRetries, dead-letter queue or null. Returns queue, seq, id, json, bytes, attempts, milliseconds since
   * 1970.
   */
  take: string
  /** Statement for the time until the queue's next message is visible, in milliseconds. Parameter: queue. */
  next: string
  /**
   * Statement that settles leases of queue messages. Parameters: settlements (seq, lease, delay of a retry),
   * maxRetries, dead-letter queue or null. Returns the ids of dropped messages.
   */
  settle: string
  /** Statement that extends leases of queue messages. Parameters: leases (seq, lease), seconds. */
  extend: string
  /** Statement that counts a queue's messages. Parameter: queue. Returns ready, delayed, leased. */
  depth: string
  /**
   * Statement that reads a queue's messages in the order of their deliveries. Parameters: queue, limit.
   * Returns id, json, bytes, attempts, milliseconds since 1970, state.
   */
  peek: string
  /**
   * Statement that moves messages back from the dead-letter queue. Parameters: queue, dead-letter queue, JSON
   * list of ids or null, limit. Returns the ids of moved messages.
   */
  replay: string
  /**
   * Statement that removes some messages that no consumer holds. Parameters: queue, largest seq, limit.
   * Returns a row for each.
   */
  purge: string
  /** Statement for the seq of a queue's newest message. Parameter: queue. */
  newest: string
}

export function queueStatements(table: string): QueueStatements {
  return {
    send: `INSERT INTO ${table} (queue, id, json, bytes, visible_at)
      SELECT $1, id, json, decode(bytes, 'base64'), now() + delay * interval '1 second'
      FROM json_to_recordset($2) AS message (id text, json text, bytes text, delay float8)`,

    // A queue message whose attempts are used up ended its last delivery in a crash, so it is moved to the
    // dead-letter queue. Without a dead-letter queue it is delivered again, because no crash may lose a
    // message. SKIP LOCKED passes over rows that another consumer is taking, so consumers never wait for each
    // other.
    take: `WITH due AS MATERIALIZED (
        SELECT seq, attempts > $5::integer AND $6::text IS NOT NULL AS dead FROM ${table}
        WHERE queue = $1 AND visible_at <= now() ORDER BY visible_at, seq LIMIT $2 FOR UPDATE SKIP LOCKED
      )
      UPDATE ${table} AS message SET
        queue = CASE WHEN dead THEN $6 ELSE queue END,
        attempts = CASE WHEN dead THEN 0 ELSE attempts + 1 END,
        visible_at = CASE WHEN dead THEN now() ELSE now() + $4::float8 * interval '1 second' END,
        lease = CASE WHEN dead THEN NULL ELSE $3::uuid END
      FROM due WHERE message.seq = due.seq
      RETURNING queue, message.seq, id, json, bytes, attempts,
        floor(extract(epoch FROM sent_at) * 1000)::bigint`,

    next:
      `SELECT (extract(epoch FROM min(visible_at) - now()) * 1000)::float8 FROM ${table} WHERE ` +
      'queue = $1',

    // Settlements of queue leases lock their rows in one order, so that two of them never deadlock.
    settle: `WITH held AS MATERIALIZED (
        SELECT message.seq, settlement.delay, attempts > $2::integer AS spent
        FROM ${table} AS message
          JOIN json_to_recordset($1) AS settlement (seq bigint, lease uuid, delay float8)
          ON message.seq = settlement.seq AND message.lease = settlement.lease
        ORDER BY message.seq FOR UPDATE OF message
      ),
      removed AS (
        DELETE FROM ${table} AS message USING held
        WHERE message.seq = held.seq AND (held.delay IS NULL OR (held.spent AND $3::text IS NULL))
        RETURNING message.id, held.delay
      ),
      returned AS (
        UPDATE ${table} AS message SET
          queue = CASE WHEN spent THEN $3 ELSE queue END,
          attempts = CASE WHEN spent THEN 0 ELSE attempts END,
          visible_at = CASE WHEN spent THEN now() ELSE now() + held.delay * interval '1 second' END,
          lease = NULL
        FROM held
        WHERE message.seq = held.seq AND held.delay IS NOT NULL AND NOT (held.spent AND $3::text IS NULL)
      )
      SELECT id FROM removed WHERE delay IS NOT NULL`,

    extend: `WITH held AS MATERIALIZED (
        SELECT message.seq FROM ${table} AS message
          JOIN json_to_recordset($1) AS wanted (seq bigint, lease uuid)
          ON message.seq = wanted.seq AND message.lease = wanted.lease
        ORDER BY message.seq FOR UPDATE OF message
      )
      UPDATE ${table} AS message SET visible_at = now() + $2::float8 * interval '1 second'
      FROM held WHERE message.seq = held.seq`,

    depth: `SELECT count(*) FILTER (WHERE visible_at <= now()),
        count(*) FILTER (WHERE visible_at > now() AND lease IS NULL),
        count(*) FILTER (WHERE visible_at > now() AND lease IS NOT NULL)
      FROM ${table} WHERE queue = $1`,

    ...operatorStatements(table),
  }
}

/** Returns the statements of a queue that operators need, and no consumer. */
function operatorStatements(table: string): Pick<QueueStatements, 'peek' | 'replay' | 'purge' | 'newest'> {
  return {
    peek: `SELECT id, json, bytes, attempts, floor(extract(epoch FROM sent_at) * 1000)::bigint,
        CASE WHEN visible_at <= now() THEN 'ready' WHEN lease IS NULL THEN 'delayed' ELSE 'leased' END
      FROM ${table} WHERE queue = $1 ORDER BY visible_at, seq LIMIT $2::integer`,

    replay: `WITH chosen AS MATERIALIZED (
        SELECT seq FROM ${table} WHERE queue = $2 AND (lease IS NULL OR visible_at <= now())
          AND ($3::text IS NULL OR id IN (SELECT json_array_elements_text($3::json)))
        ORDER BY visible_at, seq LIMIT $4::integer FOR UPDATE SKIP LOCKED
      )
      UPDATE ${table} AS message SET queue = $1, attempts = 0, visible_at = now(), lease = NULL
      FROM chosen WHERE message.seq = chosen.seq RETURNING id`,

    purge: `DELETE FROM ${table} AS message USING (
        SELECT seq FROM ${table} WHERE queue = $1 AND seq <= $2::bigint
          AND (lease IS NULL OR visible_at <= now())
        ORDER BY visible_at, seq LIMIT $3::integer FOR UPDATE SKIP LOCKED
      ) AS chosen
      WHERE message.seq = chosen.seq RETURNING 1`,

    newest: `SELECT max(seq) FROM ${table} WHERE queue = $1`,
  }
}
