import type postgres from 'postgres'
import { UnmoorError } from '../../../core/errors.ts'
import { quote } from './connect.ts'
import { inTransaction } from './lost.ts'

/**
 * A set of the Postgres driver's own tables in a database or schema: one table for all kv bindings, one for
 * all queues, two for all blobs, one for all counters, three for all sockets.
 */
export type TableSet = 'kv' | 'queue' | 'blob' | 'counter' | 'sockets'

/** Name of the main table of each set of the driver's Postgres tables. */
export const TABLES: Readonly<Record<TableSet, string>> = {
  kv: 'unmoor_kv',
  queue: 'unmoor_messages',
  blob: 'unmoor_blobs',
  counter: 'unmoor_counts',
  sockets: 'unmoor_socket_texts',
}

/**
 * Postgres advisory lock for creating tables: `CREATE TABLE IF NOT EXISTS` fails when two connections run it
 * at once.
 */
const LOCK = '1970170223, 29794'

/**
 * Statements that create the kv table. Keys are bytea, whose order is that of the bytes whatever the
 * database's collation, and which may hold NUL, unlike Postgres's text. Text values without NUL are kept as
 * text, others as bytes. Versions come from a sequence, so that no version is ever reused, even after a
 * delete.
 */
const kvStatements = (name: (table: string) => string): string[] => [
  `CREATE SEQUENCE IF NOT EXISTS ${name('unmoor_kv_version')}`,
  `CREATE TABLE IF NOT EXISTS ${name('unmoor_kv')} (
    store text COLLATE "C" NOT NULL,
    key bytea NOT NULL,
    text_value text,
    bytes_value bytea,
    metadata text,
    expiration bigint,
    version bigint NOT NULL DEFAULT nextval('${name('unmoor_kv_version')}'),
    PRIMARY KEY (store, key)
  )`,
  `CREATE INDEX IF NOT EXISTS unmoor_kv_expiration ON ${name('unmoor_kv')} (store, expiration) WHERE ` +
    'expiration IS NOT NULL',
]

const queueStatements = (name: (table: string) => string): string[] => [
  `CREATE TABLE IF NOT EXISTS ${name('unmoor_messages')} (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    json text,
    bytes bytea,
    attempts integer NOT NULL DEFAULT 0,
    sent_at timestamptz NOT NULL DEFAULT now(),
    visible_at timestamptz NOT NULL,
    lease uuid
  )`,
  `CREATE INDEX IF NOT EXISTS unmoor_messages_visible ON ${name('unmoor_messages')} (queue, visible_at, seq)`,
]

/**
 * Statements that create the blob tables in Postgres. Keys are bytea for the same reasons as in the kv table.
 * `unmoor_blobs_loose` has the bodies that no key names; see `blob-index.ts`.
 */
const blobStatements = (name: (table: string) => string): string[] => [
  `CREATE TABLE IF NOT EXISTS ${name('unmoor_blobs_loose')} (
    file text COLLATE "C" PRIMARY KEY,
    store text COLLATE "C" NOT NULL,
    alive_until timestamptz NOT NULL,
    dead boolean NOT NULL DEFAULT false
  )`,
  `CREATE INDEX IF NOT EXISTS unmoor_blobs_loose_alive ON ${name('unmoor_blobs_loose')} (store, alive_until)`,
  `CREATE TABLE IF NOT EXISTS ${name('unmoor_blobs')} (
    store text COLLATE "C" NOT NULL,
    key bytea NOT NULL,
    size bigint NOT NULL,
    etag text NOT NULL,
    uploaded bigint NOT NULL,
    http text NOT NULL,
    custom text NOT NULL,
    file text COLLATE "C" NOT NULL,
    PRIMARY KEY (store, key)
  )`,
]

/**
 * Statements that create the counter table in Postgres. It is unlogged, because each call writes a count and
 * a crash may lose the counts of a minute.
 */
const counterStatements = (name: (table: string) => string): string[] => [
  `CREATE UNLOGGED TABLE IF NOT EXISTS ${name('unmoor_counts')} (
    store text COLLATE "C" NOT NULL,
    key bytea NOT NULL,
    count bigint NOT NULL,
    ends timestamptz NOT NULL,
    PRIMARY KEY (store, key)
  )`,
  `CREATE INDEX IF NOT EXISTS unmoor_counts_ends ON ${name('unmoor_counts')} (ends)`,
]

/**
 * Statements that create the sockets tables in Postgres. They are unlogged: after a crash of the server
 * nobody waits for messages in transit, and tickets are short-lived.
 */
const socketsStatements = (name: (table: string) => string): string[] => [
  `CREATE UNLOGGED TABLE IF NOT EXISTS ${name('unmoor_socket_processes')} (
    store text COLLATE "C" NOT NULL,
    process text COLLATE "C" NOT NULL,
    seen timestamptz NOT NULL,
    PRIMARY KEY (store, process)
  )`,
  `CREATE UNLOGGED TABLE IF NOT EXISTS ${name('unmoor_socket_tickets')} (
    store text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    value text NOT NULL,
    ends timestamptz NOT NULL,
    PRIMARY KEY (store, id)
  )`,
  `CREATE UNLOGGED TABLE IF NOT EXISTS ${name('unmoor_socket_texts')} (
    id uuid PRIMARY KEY,
    body text NOT NULL,
    sent timestamptz NOT NULL DEFAULT clock_timestamp()
  )`,
  `CREATE INDEX IF NOT EXISTS unmoor_socket_tickets_ends ON ${name('unmoor_socket_tickets')} (ends)`,
  `CREATE INDEX IF NOT EXISTS unmoor_socket_texts_sent ON ${name('unmoor_socket_texts')} (sent)`,
]

const STATEMENTS: Readonly<Record<TableSet, (name: (table: string) => string) => string[]>> = {
  kv: kvStatements,
  queue: queueStatements,
  blob: blobStatements,
  counter: counterStatements,
  sockets: socketsStatements,
}

/** Quoted name of a Postgres table in the schema, or in the first schema of the search path. */
export function tableName(table: string, schema: string | undefined): string {
  return schema === undefined ? table : `${quote(schema)}.${table}`
}

/**
 * Creates the Postgres schema if it does not exist. The check comes first because `IF NOT EXISTS` asks for
 * the right to create schemas even if the schema is there, and its owner need not have that right.
 */
export async function makeSchema(
  session: postgres.Sql | postgres.TransactionSql,
  schema: string | undefined,
): Promise<void> {
  if (schema === undefined) return
  const [state] = await session.unsafe<{ missing: boolean }[]>(
    'SELECT to_regnamespace($1) IS NULL AS missing',
    [quote(schema)],
  )
  if (state?.missing === true) await session.unsafe(`CREATE SCHEMA IF NOT EXISTS ${quote(schema)}`)
}

/**
 * Creates a set of the driver's Postgres tables if they do not exist; several processes may do so at once. A
 * user without CREATE rights can use existing tables.
 */
export async function makeTables(
  pool: postgres.Sql,
  set: TableSet,
  schema: string | undefined,
): Promise<void> {
  const name = (table: string): string => tableName(table, schema)
  const [state] = await pool.unsafe<{ present: boolean; encoding: string }[]>(
    `SELECT to_regclass($1) IS NOT NULL AS present, current_setting('server_encoding') AS encoding`,
    [name(TABLES[set])],
  )
  if (state?.encoding !== 'UTF8')
    throw new UnmoorError(
      'Unsupported',
      `The Postgres database has the encoding ${state?.encoding}. kv, blob and queue need UTF8: CREATE ` +
        `DATABASE ... ENCODING 'UTF8' TEMPLATE template0.`,
    )
  if (state.present) return
  await inTransaction(pool, async (transaction) => {
    await transaction.unsafe(`SELECT pg_advisory_xact_lock(${LOCK})`)
    await makeSchema(transaction, schema)
    for (const statement of STATEMENTS[set](name)) await transaction.unsafe(statement)
  })
}
