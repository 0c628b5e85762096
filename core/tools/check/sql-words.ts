/** Functions, types and clauses of SQL that only SQLite or only Postgres has. Names are in upper case. */
import type { SqlDialect } from '../../bindings/drivers.ts'
import type { RuleId } from './rules.ts'

/** SQL engine on which a function or clause fails or means something else. */
export type FailsOn = SqlDialect

interface Foreign {
  on: FailsOn
  /** Id of the rule that reports a use of the SQL function or clause. Default: sql-function. */
  rule?: RuleId
  instead?: string
}

const only = (on: FailsOn, names: string, more: Omit<Foreign, 'on'> = {}): [string, Foreign][] =>
  names.split(' ').map((name) => [name, { on, ...more }])

/** SQL functions that only SQLite or only Postgres has, by name. */
export const FUNCTIONS: ReadonlyMap<string, Foreign> = new Map([
  ...only('postgres', 'DATETIME STRFTIME JULIANDAY UNIXEPOCH TIMEDIFF', { rule: 'sql-date' }),
  ...only(
    'sqlite',
    'NOW TO_CHAR TO_DATE TO_TIMESTAMP DATE_TRUNC DATE_PART AGE EXTRACT MAKE_DATE CLOCK_TIMESTAMP',
    { rule: 'sql-date' },
  ),
  ...only('postgres', 'IFNULL', { instead: 'Write COALESCE(a, b).' }),
  ...only('postgres', 'IIF', { instead: 'Write CASE WHEN ... THEN ... ELSE ... END.' }),
  ...only('postgres', 'GROUP_CONCAT', { instead: 'Select the rows and join them in the app.' }),
  ...only('postgres', 'LAST_INSERT_ROWID CHANGES TOTAL_CHANGES', {
    instead: 'Use RETURNING, or the result of run().',
  }),
  ...only('postgres', 'INSTR', { instead: 'Use LIKE, or look in the app.' }),
  ...only(
    'postgres',
    'TOTAL HEX UNHEX RANDOMBLOB ZEROBLOB PRINTF QUOTE TYPEOF LIKELY UNLIKELY GLOB JSON_EXTRACT ' +
      'JSON_GROUP_ARRAY JSON_GROUP_OBJECT JSON_EACH JSON_TREE JSON_ARRAY_LENGTH JSON_VALID UNICODE ' +
      'SOUNDEX LOAD_EXTENSION SQLITE_VERSION',
  ),
  ...only(
    'sqlite',
    'ARRAY_AGG JSONB_AGG JSON_AGG JSONB_BUILD_OBJECT JSON_BUILD_OBJECT JSONB_SET JSONB_ARRAY_ELEMENTS ' +
      'TO_JSON TO_JSONB ROW_TO_JSON UNNEST GENERATE_SERIES REGEXP_REPLACE REGEXP_MATCHES SPLIT_PART ' +
      'INITCAP BOOL_AND BOOL_OR STRPOS MD5 NEXTVAL CURRVAL LASTVAL SETVAL TO_TSVECTOR TO_TSQUERY ' +
      'PLAINTO_TSQUERY PG_ADVISORY_LOCK PG_ADVISORY_XACT_LOCK PG_SLEEP',
  ),
  ...only('sqlite', 'GEN_RANDOM_UUID UUID_GENERATE_V4', { instead: 'Bind crypto.randomUUID().' }),
  ...only('sqlite', 'GREATEST LEAST', { instead: 'Write CASE WHEN a > b THEN a ELSE b END.' }),
])

/** Column types that Postgres lacks, with the portable alternative. SQLite accepts any type name. */
export const TYPES: ReadonlyMap<string, string> = new Map([
  ['BLOB', 'BYTEA on Postgres: a migration per dialect (0001_name.sqlite.sql, 0001_name.postgres.sql)'],
  ['DATETIME', 'TEXT with ISO times, or BIGINT with milliseconds'],
  ['TINYINT', 'SMALLINT'],
  ['MEDIUMINT', 'INTEGER'],
  ['INT8', 'BIGINT'],
  ['DOUBLE', 'DOUBLE PRECISION'],
  ['NUMBER', 'BIGINT or DOUBLE PRECISION'],
  ['STRING', 'TEXT'],
  ['CLOB', 'TEXT'],
  ['NVARCHAR', 'TEXT'],
  ['LONGTEXT', 'TEXT'],
  ['TINYTEXT', 'TEXT'],
  ['ANY', 'TEXT'],
])

/** SQL words that follow a column's type, or take its place in a column without a type. */
export const COLUMN_WORDS: ReadonlySet<string> = new Set([
  'PRIMARY',
  'NOT',
  'NULL',
  'DEFAULT',
  'UNIQUE',
  'CHECK',
  'REFERENCES',
  'COLLATE',
  'GENERATED',
  'CONSTRAINT',
  'AS',
  'ON',
])

/** SQL words that begin a table constraint. */
export const TABLE_WORDS: ReadonlySet<string> = new Set([
  'PRIMARY',
  'UNIQUE',
  'CHECK',
  'FOREIGN',
  'CONSTRAINT',
  'EXCLUDE',
  'LIKE',
])

interface Clause extends Foreign {
  words: readonly string[]
  rule: RuleId
  message: string
}

const clause = (words: string, on: FailsOn, rule: RuleId, message: string, instead?: string): Clause => ({
  words: words.split(' '),
  on,
  rule,
  message,
  ...(instead === undefined ? {} : { instead }),
})

/** SQL clauses (sequences of words) that only one engine understands. */
export const CLAUSES: readonly Clause[] = [
  ...['REPLACE', 'IGNORE', 'ABORT', 'FAIL', 'ROLLBACK'].flatMap((action) => [
    clause(`INSERT OR ${action}`, 'postgres', 'sql-insert-or', `INSERT OR ${action} exists on SQLite only.`),
    clause(`UPDATE OR ${action}`, 'postgres', 'sql-insert-or', `UPDATE OR ${action} exists on SQLite only.`),
  ]),
  clause('REPLACE INTO', 'postgres', 'sql-insert-or', 'REPLACE INTO exists on SQLite only.'),
  clause('AUTOINCREMENT', 'postgres', 'sql-autoincrement', 'AUTOINCREMENT exists on SQLite only.'),
  clause(
    'SERIAL',
    'sqlite',
    'sql-autoincrement',
    'SERIAL counts on Postgres only; SQLite takes it for a type and leaves the column null.',
  ),
  clause(
    'BIGSERIAL',
    'sqlite',
    'sql-autoincrement',
    'BIGSERIAL counts on Postgres only; SQLite takes it for a type and leaves the column null.',
  ),
  clause('AS IDENTITY', 'sqlite', 'sql-autoincrement', 'Identity columns exist on Postgres only.'),
  clause('WITHOUT ROWID', 'postgres', 'sql-table-option', 'WITHOUT ROWID exists on SQLite only.'),
  clause('COLLATE NOCASE', 'postgres', 'sql-collate', 'The collation NOCASE exists on SQLite only.'),
  clause('COLLATE RTRIM', 'postgres', 'sql-collate', 'The collation RTRIM exists on SQLite only.'),
  clause('CREATE VIRTUAL TABLE', 'postgres', 'sql-clause', 'Virtual tables exist on SQLite only.'),
  clause('INDEXED BY', 'postgres', 'sql-clause', 'INDEXED BY exists on SQLite only.'),
  clause(
    'ILIKE',
    'sqlite',
    'sql-operator',
    'ILIKE exists on Postgres only.',
    'Write LOWER(name) LIKE LOWER(?).',
  ),
  clause('SIMILAR TO', 'sqlite', 'sql-operator', 'SIMILAR TO exists on Postgres only.'),
  clause('DISTINCT ON', 'sqlite', 'sql-clause', 'DISTINCT ON exists on Postgres only.'),
  clause(
    'FOR UPDATE',
    'sqlite',
    'sql-clause',
    'Row locks exist on Postgres only.',
    'Write what must be atomic as one statement, or as a batch.',
  ),
  clause('FOR SHARE', 'sqlite', 'sql-clause', 'Row locks exist on Postgres only.'),
  clause('SKIP LOCKED', 'sqlite', 'sql-clause', 'Row locks exist on Postgres only.'),
  clause('LATERAL', 'sqlite', 'sql-clause', 'LATERAL exists on Postgres only.'),
  clause(
    'TRUNCATE',
    'sqlite',
    'sql-clause',
    'TRUNCATE exists on Postgres only.',
    'Write DELETE FROM the table.',
  ),
  clause('INTERVAL', 'sqlite', 'sql-date', 'INTERVAL exists on Postgres only.'),
  clause(
    'ALTER COLUMN',
    'sqlite',
    'sql-clause',
    'ALTER COLUMN exists on Postgres only.',
    'Make a new table and copy, or a migration per dialect.',
  ),
  clause(
    'ADD CONSTRAINT',
    'sqlite',
    'sql-clause',
    'SQLite cannot add a constraint to a table.',
    'Give it in CREATE TABLE, or make a unique index.',
  ),
  clause('INDEX CONCURRENTLY', 'sqlite', 'sql-clause', 'CONCURRENTLY exists on Postgres only.'),
  ...['TYPE', 'EXTENSION', 'SCHEMA', 'SEQUENCE', 'FUNCTION', 'DOMAIN'].map((what) =>
    clause(`CREATE ${what}`, 'sqlite', 'sql-clause', `CREATE ${what} exists on Postgres only.`),
  ),
  clause('AT TIME ZONE', 'sqlite', 'sql-date', 'AT TIME ZONE exists on Postgres only.'),
]
