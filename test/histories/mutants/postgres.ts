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
  "CONNECTION_CLOSED: { code: 'Unavailable', mayHaveApplied: true }",
  "CONNECTION_CLOSED: { code: 'Unavailable' }",
] as const

export const POSTGRES: readonly Mutant[] = [
  mutant('strong-kv', 'strong kv: mayHaveApplied is dropped', ['not linearizable'], ...DROPPED),
  mutant('queue', 'queue: mayHaveApplied is dropped', ['failed send applied'], ...DROPPED),
  mutant('sql', 'sql: mayHaveApplied is dropped', ['G1a'], ...DROPPED),
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
]
