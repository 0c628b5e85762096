import type { WorkloadName } from '../plan-data.ts'
import type { Mutant } from './mutant.ts'

const mutant = (
  workload: WorkloadName,
  is: string,
  convicts: readonly string[],
  ...[file, from, to]: readonly [file: string, from: string, to: string]
): Mutant => ({
  is: `postgres ${is}`,
  driver: 'postgres',
  workload,
  convicts,
  patches: [{ file: `adapters/drivers/postgres/${file}`, from, to }],
})

/** A statement that was sent is said to have had no effect, wherever its connection broke. */
const DROPPED = [
  'errors.js',
  'return { ...CONNECTION[code] };',
  'return { ...CONNECTION[code], mayHaveApplied: false };',
] as const

export const POSTGRES: readonly Mutant[] = [
  ...[
    mutant('strong-kv', 'strong kv: mayHaveApplied is dropped', ['not linearizable'], ...DROPPED),
    mutant('queue', 'queue: mayHaveApplied is dropped', ['failed send applied'], ...DROPPED),
    mutant('sql', 'sql: mayHaveApplied is dropped', ['G1a'], ...DROPPED),
  ].map((one): Mutant => ({ ...one, faults: ['lost-answer'] })),
  mutant(
    'sql',
    'sql: transactions are READ COMMITTED',
    ['write skew', 'lost append', 'G-single', 'G2'],
    'sql.js',
    "'ISOLATION LEVEL SERIALIZABLE'",
    "'ISOLATION LEVEL READ COMMITTED'",
  ),
  mutant(
    'sql',
    'sql: transactions are REPEATABLE READ',
    ['write skew', 'G2'],
    'sql.js',
    "'ISOLATION LEVEL SERIALIZABLE'",
    "'ISOLATION LEVEL REPEATABLE READ'",
  ),
  mutant(
    'queue',
    'queue: consumers take without a lock',
    ['two holders', 'attempts reused'],
    'queue-statements.js',
    'ORDER BY visible_at, seq LIMIT $2 FOR UPDATE SKIP LOCKED',
    'ORDER BY visible_at, seq LIMIT $2',
  ),
  mutant(
    'strong-kv',
    'strong kv: putIf compares no version',
    ['not linearizable'],
    'strong-kv.js',
    'AND version::text = $7 AND (expiration IS NULL',
    "AND version::text <> 'x' || $7 AND (expiration IS NULL",
  ),
  mutant(
    'queue',
    'queue: a retry resets the attempts',
    ['attempts reused'],
    'queue-statements.js',
    'attempts = CASE WHEN spent THEN 0 ELSE attempts END',
    'attempts = 0',
  ),
  mutant(
    'queue',
    'queue: a delay is ignored',
    ['early'],
    'queue-statements.js',
    "now() + delay * interval '1 second'",
    "now() + 0 * delay * interval '1 second'",
  ),
  mutant(
    'crons',
    'crons: a claim does not compare leases',
    ['overlap'],
    'cron/index.js',
    'WHERE NOT c.done AND (c.leased_until <= clock_timestamp() OR c.lease = excluded.lease)',
    'WHERE NOT c.done',
  ),
  mutant(
    'crons',
    'crons: a time that is done can be claimed',
    ['claimed after done'],
    'cron/index.js',
    'WHERE NOT c.done AND (c.leased_until',
    'WHERE (c.leased_until',
  ),
]
