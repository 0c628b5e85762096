import { script } from './connection.ts'

/**
 * Start of all Redis scripts for queues. KEYS are four of the queue, then for scripts that may bury a message
 * the same four of the dead-letter queue (or the queue's own if it has none):
 *
 * 1. bodies, a hash: message id to the packed message, as it was sent
 * 2. states, a hash: message id to the deliveries so far, a space, the token of the current lease (none: '')
 * 3. waiting, a sorted set: message ids by the millisecond from which each may be delivered
 * 4. leased, a sorted set: message ids by the millisecond at which each lease runs out
 *
 * All times are the server's, so that the clocks of several machines need not agree. A push is a message on
 * the channel named last in ARGV.
 */
const TOOLS = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function forget(id)
  redis.call('HDEL', KEYS[1], id)
  redis.call('HDEL', KEYS[2], id)
  redis.call('ZREM', KEYS[3], id)
  redis.call('ZREM', KEYS[4], id)
end
local function state(id)
  local attempts, token = string.match(redis.call('HGET', KEYS[2], id) or '', '^(%d+) (.*)$')
  return tonumber(attempts), token
end
local function bury(id, channel)
  redis.call('HSET', KEYS[5], id, redis.call('HGET', KEYS[1], id))
  redis.call('HSET', KEYS[6], id, '0 ')
  redis.call('ZADD', KEYS[7], now, id)
  redis.call('ZREM', KEYS[8], id)
  forget(id)
  redis.call('PUBLISH', channel, '')
end
`

/**
 * Redis script that sends to a queue. KEYS are four of the queue, then the set of the sender's sends. ARGV:
 * the channel, number of the send, milliseconds for which the set is kept, number of sends to forget, their
 * numbers, then per message id, packed message without its time, delay in milliseconds. A send whose number
 * is in the set was stored before, and is repeated.
 */
export const SEND = script(
  `${TOOLS}
if redis.call('SADD', KEYS[5], ARGV[2]) == 0 then return 0 end
if redis.call('PTTL', KEYS[5]) < ARGV[3] / 2 then redis.call('PEXPIRE', KEYS[5], ARGV[3]) end
local first = 5 + ARGV[4]
if first > 5 then redis.call('SREM', KEYS[5], unpack(ARGV, 5, first - 1)) end
for at = first, #ARGV, 3 do
  local id = ARGV[at]
  if redis.call('HSETNX', KEYS[1], id, struct.pack('>d', now) .. ARGV[at + 1]) == 1 then
    redis.call('HSET', KEYS[2], id, '0 ')
    redis.call('ZADD', KEYS[3], now + ARGV[at + 2], id)
  end
end
redis.call('PUBLISH', ARGV[1], '')
return 1
`,
  { write: true },
)

/**
 * Redis script that receives from a queue. ARGV: maximum number of messages, lease in milliseconds, token of
 * the leases, maximum deliveries before a message is buried ('' without a dead-letter queue), the dead-letter
 * queue's channel. Returns the milliseconds until a message is due (-1: none waits), then per message id,
 * deliveries, packed message.
 */
export const RECEIVE = script(
  `${TOOLS}
local max = tonumber(ARGV[1])
local lost = redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', 0, 1000)
for _, id in ipairs(lost) do
  redis.call('HSET', KEYS[2], id, (state(id) or 0) .. ' ')
  redis.call('ZREM', KEYS[4], id)
  redis.call('ZADD', KEYS[3], now, id)
end
local found = {0}
local due = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'LIMIT', 0, max)
for _, id in ipairs(due) do
  local attempts = (state(id) or 0) + 1
  if ARGV[4] ~= '' and attempts > tonumber(ARGV[4]) then
    bury(id, ARGV[5])
  else
    redis.call('HSET', KEYS[2], id, attempts .. ' ' .. ARGV[3])
    redis.call('ZREM', KEYS[3], id)
    redis.call('ZADD', KEYS[4], now + ARGV[2], id)
    found[#found + 1] = id
    found[#found + 1] = attempts
    found[#found + 1] = redis.call('HGET', KEYS[1], id)
  end
end
local next = -1
for at = 3, 4 do
  local first = redis.call('ZRANGE', KEYS[at], 0, 0, 'WITHSCORES')
  if #first > 0 and (next < 0 or first[2] - now < next) then next = math.max(0, first[2] - now) end
end
found[1] = math.ceil(next)
return found
`,
  { write: true },
)

/**
 * Redis script that settles leases of queue messages. ARGV: maximum deliveries, 1 if there is a dead-letter
 * queue, its channel, the queue's channel; then per message id, token, delay of the retry in milliseconds (''
 * for an ack). Returns the ids of dropped messages.
 */
export const SETTLE = script(
  `${TOOLS}
local dropped, retried = {}, false
for at = 5, #ARGV, 3 do
  local id = ARGV[at]
  local attempts, token = state(id)
  if attempts ~= nil and token == ARGV[at + 1] and token ~= '' then
    if ARGV[at + 2] == '' then
      forget(id)
    elseif attempts < tonumber(ARGV[1]) then
      redis.call('HSET', KEYS[2], id, attempts .. ' ')
      redis.call('ZREM', KEYS[4], id)
      redis.call('ZADD', KEYS[3], now + ARGV[at + 2], id)
      retried = true
    elseif ARGV[2] == '1' then
      bury(id, ARGV[3])
    else
      forget(id)
      dropped[#dropped + 1] = id
    end
  end
end
if retried then redis.call('PUBLISH', ARGV[4], '') end
return dropped
`,
  { write: true },
)

/**
 * Redis script that extends leases of queue messages. ARGV: lease in milliseconds, then per message id,
 * token.
 */
export const EXTEND = script(
  `${TOOLS}
for at = 2, #ARGV, 2 do
  local attempts, token = state(ARGV[at])
  if attempts ~= nil and token == ARGV[at + 1] and token ~= '' then
    redis.call('ZADD', KEYS[4], 'XX', now + ARGV[1], ARGV[at])
  end
end
return 1
`,
  { write: true },
)

/**
 * Redis script that returns the milliseconds for which the first message of a queue has been ready; -1 if
 * none is.
 */
export const AGE = script(
  `${TOOLS}
local age = -1
for at = 3, 4 do
  local first = redis.call('ZRANGE', KEYS[at], 0, 0, 'WITHSCORES')
  if #first > 0 then age = math.max(age, now - first[2]) end
end
return math.floor(age)
`,
  { write: false },
)

/**
 * Redis script that reads a queue's messages, those that wait before those that are leased. ARGV: maximum
 * number. Returns per message id, deliveries, packed message, state.
 */
export const PEEK = script(
  `${TOOLS}
local found, left = {}, tonumber(ARGV[1])
for at = 3, 4 do
  local entries = left > 0 and redis.call('ZRANGE', KEYS[at], 0, left - 1, 'WITHSCORES') or {}
  for index = 1, #entries, 2 do
    local id = entries[index]
    found[#found + 1] = id
    found[#found + 1] = state(id) or 0
    found[#found + 1] = redis.call('HGET', KEYS[1], id)
    found[#found + 1] = tonumber(entries[index + 1]) <= now and 'ready' or at == 3 and 'delayed' or 'leased'
    left = left - 1
  end
end
return found
`,
  { write: false },
)

/**
 * Redis script that moves messages back from the dead-letter queue, which no consumer of the dead letters
 * holds. KEYS are four of the dead-letter queue, then four of the queue that gets them. ARGV: maximum number,
 * the channel of the queue that gets them, then the ids (none: the oldest). Returns the ids of moved
 * messages.
 */
export const REPLAY = script(
  `${TOOLS}
local max, moved = tonumber(ARGV[1]), {}
local function move(id)
  if #moved == max or redis.call('HEXISTS', KEYS[1], id) == 0 then return end
  local leased = redis.call('ZSCORE', KEYS[4], id)
  if leased and tonumber(leased) > now then return end
  if redis.call('HSETNX', KEYS[5], id, redis.call('HGET', KEYS[1], id)) == 1 then
    redis.call('HSET', KEYS[6], id, '0 ')
    redis.call('ZADD', KEYS[7], now, id)
  end
  forget(id)
  moved[#moved + 1] = id
end
for at = 3, #ARGV do move(ARGV[at]) end
if #ARGV == 2 then
  for _, id in ipairs(redis.call('ZRANGE', KEYS[3], 0, max - 1)) do move(id) end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', 0, max)) do move(id) end
end
if #moved > 0 then redis.call('PUBLISH', ARGV[2], '') end
return moved
`,
  { write: true },
)

/**
 * Redis script that removes the messages that no consumer holds. It deletes whole keys and writes back the
 * leased messages, since those are few. Returns the number of removed messages.
 */
export const PURGE = script(
  `${TOOLS}
local before, kept = redis.call('HLEN', KEYS[1]), {}
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now)
for _, id in ipairs(redis.call('ZRANGE', KEYS[4], 0, -1)) do
  kept[#kept + 1] = {id, redis.call('HGET', KEYS[1], id), redis.call('HGET', KEYS[2], id)}
end
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
for _, message in ipairs(kept) do
  redis.call('HSET', KEYS[1], message[1], message[2])
  redis.call('HSET', KEYS[2], message[1], message[3])
end
return before - #kept
`,
  { write: true },
)

/** Redis script that counts a queue's messages. Returns ready, delayed, leased. */
export const DEPTH = script(
  `${TOOLS}
local ready, waiting = redis.call('ZCOUNT', KEYS[3], '-inf', now), redis.call('ZCARD', KEYS[3])
local over, leased = redis.call('ZCOUNT', KEYS[4], '-inf', now), redis.call('ZCARD', KEYS[4])
return {ready + over, waiting - ready, leased - over}
`,
  { write: false },
)
