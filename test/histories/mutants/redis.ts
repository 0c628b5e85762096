import type { WorkloadName } from '../plan-data.ts'
import type { Mutant } from './mutant.ts'

const mutant = (
  workload: WorkloadName,
  is: string,
  convicts: readonly string[],
  ...[file, from, to]: readonly [file: string, from: string, to: string]
): Mutant => ({
  is: `redis ${is}`,
  driver: 'redis',
  workload,
  convicts,
  patches: [{ file: `adapters/drivers/redis/${file}`, from, to }],
})

const SCRIPTS = 'queue-scripts.js'

const QUEUE: readonly Mutant[] = [
  mutant(
    'queue',
    'queue: a repeated send is stored again after its messages were acknowledged',
    ['delivered after ack', 'attempts reused'],
    SCRIPTS,
    "if redis.call('SADD', KEYS[5], ARGV[2]) == 0 then return 0 end",
    "redis.call('SADD', KEYS[5], ARGV[2])",
  ),
  mutant(
    'queue',
    'queue: an acknowledgement needs no lease',
    ['lost'],
    SCRIPTS,
    "if attempts ~= nil and token == ARGV[at + 1] and token ~= '' then\n    if ARGV",
    'if attempts ~= nil then\n    if ARGV',
  ),
  mutant(
    'queue',
    'queue: a lease is not renewed',
    ['two holders'],
    SCRIPTS,
    "redis.call('ZADD', KEYS[4], 'XX', now + ARGV[1], ARGV[at])",
    "redis.call('ZSCORE', KEYS[4], ARGV[at])",
  ),
  mutant(
    'queue',
    'queue: a retry resets the attempts',
    ['attempts reused'],
    SCRIPTS,
    "redis.call('HSET', KEYS[2], id, attempts .. ' ')\n      redis.call('ZREM', KEYS[4], id)",
    "redis.call('HSET', KEYS[2], id, '0 ')\n      redis.call('ZREM', KEYS[4], id)",
  ),
  mutant(
    'queue',
    'queue: the delivery of a lost lease is not counted',
    ['attempts reused'],
    SCRIPTS,
    "redis.call('HSET', KEYS[2], id, (state(id) or 0) .. ' ')",
    "redis.call('HSET', KEYS[2], id, ((state(id) or 1) - 1) .. ' ')",
  ),
  mutant(
    'queue',
    'queue: a delay is ignored',
    ['early'],
    SCRIPTS,
    "redis.call('ZADD', KEYS[3], now + ARGV[at + 2], id)\n  end",
    "redis.call('ZADD', KEYS[3], now, id)\n  end",
  ),
  mutant(
    'queue',
    'queue: the delay of a retry is ignored',
    ['early'],
    SCRIPTS,
    "redis.call('ZADD', KEYS[3], now + ARGV[at + 2], id)\n      retried",
    "redis.call('ZADD', KEYS[3], now, id)\n      retried",
  ),
  mutant(
    'queue',
    'queue: a message dies one delivery early',
    ['dead too early'],
    SCRIPTS,
    'elseif attempts < tonumber(ARGV[1]) then',
    'elseif attempts + 1 < tonumber(ARGV[1]) then',
  ),
]

export const REDIS: readonly Mutant[] = [
  ...QUEUE,
  mutant(
    'strong-kv',
    'strong kv: putIf compares no version',
    ['not linearizable'],
    'kv-scripts.js',
    'if version ~= ARGV[6] then return 0 end',
    "if version == ARGV[6] .. 'x' then return 0 end",
  ),
  mutant(
    'strong-kv',
    'strong kv: deleteIf compares no version',
    ['not linearizable'],
    'kv-scripts.js',
    'if version ~= ARGV[4] then return 0 end',
    "if version == ARGV[4] .. 'x' then return 0 end",
  ),
  mutant(
    'strong-kv',
    'strong kv: a write whose answer was lost is repeated as a read is',
    ['not linearizable'],
    'connection.js',
    "if (write || mapped.code !== 'Unavailable'",
    "if (mapped.code !== 'Unavailable'",
  ),
  mutant(
    'kv',
    'kv: mayHaveApplied is dropped',
    ['failed write applied'],
    'errors.js',
    'mayHaveApplied: write && !isNotSent(error)',
    'mayHaveApplied: false && !isNotSent(error)',
  ),
  mutant(
    'kv',
    'kv: a long value is cut',
    ['damaged'],
    'kv.js',
    "packEntry(value, options),\n            options.expiration ?? '',\n        ]);\n    }\n    async putIf",
    "packEntry(value.slice(0, 5000), options),\n            options.expiration ?? '',\n        ]);\n    }\n    async putIf",
  ),
  mutant(
    'crons',
    'crons: a claim does not compare leases',
    ['overlap'],
    'cron/index.js',
    'if ends > now and lease ~= ARGV[2] then return',
    'if ends < 0 and lease ~= ARGV[2] then return',
  ),
  mutant(
    'crons',
    'crons: a renewal is not stored',
    ['overlap'],
    'cron/index.js',
    'put(attempt, tonumber(ARGV[3]), lease)\n  return 1',
    'return 1',
  ),
  mutant(
    'crons',
    'crons: a time that is done can be claimed',
    ['claimed after done'],
    'cron/index.js',
    "if redis.call('ZSCORE', KEYS[2], ARGV[1]) then",
    "if redis.call('ZSCORE', KEYS[2], '') then",
  ),
]
