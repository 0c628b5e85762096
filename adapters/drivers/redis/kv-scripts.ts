import { script } from './connection.ts'

/**
 * Arguments of all Redis scripts for kv. KEYS: the entry, the index (a sorted set of all keys with score 0:
 * BYLEX orders by bytes, which is the contract's order), and the expirations (a sorted set of the keys that
 * expire, by second). ARGV: the common prefix of all entries' keys, the key. The server removes expired
 * entries by itself, but not from the two sets: each write sweeps a few, and a list removes those that it
 * meets.
 */
const SWEEP = `
local due = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', redis.call('TIME')[1], 'LIMIT', 0, 20)
for _, key in ipairs(due) do
  if redis.call('EXISTS', ARGV[1] .. key) == 0 then
    redis.call('ZREM', KEYS[2], key)
    redis.call('ZREM', KEYS[3], key)
  end
end
`

/**
 * Part of a Redis script that stores a kv entry. ARGV 3: the packed entry; 4: its expiration in seconds, or
 * ''.
 */
const STORE = `
if ARGV[4] == '' then
  redis.call('SET', KEYS[1], ARGV[3])
  redis.call('ZREM', KEYS[3], ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[3], 'EXAT', ARGV[4])
  redis.call('ZADD', KEYS[3], ARGV[4], ARGV[2])
end
redis.call('ZADD', KEYS[2], 0, ARGV[2])
`

const REMOVE = `
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[2])
`

/**
 * Part of a Redis script that reads a kv entry's version, or '' without an entry. An entry that has expired
 * by the caller's clock (\`now\`, seconds) counts as absent.
 */
const version = (now: string): string => `
local head = redis.call('GETRANGE', KEYS[1], 0, 24)
local version = ''
if head ~= '' then
  local expiration = struct.unpack('>d', string.sub(head, 18, 25))
  if expiration == 0 or expiration > tonumber(${now}) then version = string.sub(head, 2, 17) end
end
`

export const PUT = script(`${SWEEP}${STORE}return 1`, { write: true })
export const DELETE = script(`${SWEEP}${REMOVE}return 1`, { write: true })

/**
 * Redis script of a conditional kv put. ARGV 5: now in seconds; 6: the expected version, or '' if there must
 * be no entry. Returns 1 if it wrote.
 */
export const PUT_IF = script(
  `${version('ARGV[5]')}if version ~= ARGV[6] then return 0 end${SWEEP}${STORE}return 1`,
  { write: true },
)

/**
 * Redis script of a conditional kv delete. ARGV 3: now in seconds; 4: the expected version. Returns 1 if it
 * removed the entry.
 */
export const DELETE_IF = script(
  `${version('ARGV[3]')}if version ~= ARGV[4] then return 0 end${REMOVE}return 1`,
  { write: true },
)

/**
 * Redis script of a kv list. KEYS: the index, the expirations. ARGV: the common prefix of all entries' keys;
 * the range in BYLEX form; the count; now in seconds. Returns keys and heads (with the metadata) alternately.
 * It only removes index entries of keys that are gone, so it may be repeated.
 */
export const LIST = script(
  `
local found, from, count, now = {}, ARGV[2], tonumber(ARGV[4]), tonumber(ARGV[5])
while #found < count * 2 do
  local keys = redis.call('ZRANGEBYLEX', KEYS[1], from, ARGV[3], 'LIMIT', 0, count)
  for _, key in ipairs(keys) do
    local head = redis.call('GETRANGE', ARGV[1] .. key, 0, 1050)
    if head == '' then
      redis.call('ZREM', KEYS[1], key)
      redis.call('ZREM', KEYS[2], key)
    else
      local expiration, length = struct.unpack('>dH', string.sub(head, 18, 27))
      if (expiration == 0 or expiration > now) and #found < count * 2 then
        found[#found + 1] = key
        found[#found + 1] = string.sub(head, 1, 27 + math.max(0, length - 1))
      end
    end
  end
  if #keys < count then break end
  from = '(' .. keys[#keys]
end
return found
`,
  { write: false },
)
