/**
 * Claims of crons in Redis. They are only as durable as Redis's persistence: after a data loss, a time can
 * run again.
 */
import {
  type CronClaim,
  type CronStore,
  type CronStoreFactory,
  KEEP_SECONDS,
  type OpenCronTime,
} from '../../../../core/runtime/cron-store.ts'
import { Connection, script, type Script } from '../connection.ts'
import { keyPrefix, type RedisFactoryOptions } from '../server.ts'

/** Redis cron store whose options are those of the driver; the url's default is the variable REDIS_URL. */
export const cronStore: CronStoreFactory<RedisFactoryOptions> = async (options, context) => {
  const connection = await Connection.create(options, context)
  return new RedisCronStore(connection, keyPrefix(options, context.app, 'crons'))
}

// Start of the Redis scripts for crons. KEYS: a hash of open times to "attempt until lease", a sorted set of
// finished times. All times are in milliseconds of the server's clock.
const HEAD = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local function entry(text)
    if not text then return 0, 0, '' end
    local attempt, ends, lease = string.match(text, '^(%d+) (%d+) (.*)$')
    return tonumber(attempt), tonumber(ends), lease
  end
  local function put(attempt, seconds, lease)
    local ends = now + math.floor(seconds * 1000)
    redis.call('HSET', KEYS[1], ARGV[1], string.format('%d %d %s', attempt, ends, lease))
  end
`
const CLAIM = script(
  `${HEAD}
  if redis.call('ZSCORE', KEYS[2], ARGV[1]) then return { 'done', 0 } end
  local attempt, ends, lease = entry(redis.call('HGET', KEYS[1], ARGV[1]))
  if ends > now and lease ~= ARGV[2] then return { 'taken', ends - now } end
  if lease ~= ARGV[2] then attempt = attempt + 1 end
  put(attempt, tonumber(ARGV[3]), ARGV[2])
  return { 'claimed', attempt }`,
  { write: true },
)
const EXTEND = script(
  `${HEAD}
  local attempt, ends, lease = entry(redis.call('HGET', KEYS[1], ARGV[1]))
  if lease ~= ARGV[2] then return 0 end
  put(attempt, tonumber(ARGV[3]), lease)
  return 1`,
  { write: true },
)
const FINISH = script(
  `redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('ZADD', KEYS[2], ARGV[1], ARGV[1])
  return redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[2])`,
  { write: true },
)
const OPEN = script(
  `${HEAD}
  local rows = redis.call('HGETALL', KEYS[1])
  local found = {}
  for index = 1, #rows, 2 do
    local attempt, ends = entry(rows[index + 1])
    found[#found + 1] = rows[index]
    found[#found + 1] = ends > now and 1 or 0
  end
  return found`,
  { write: false },
)
const LATEST = script(
  `local latest = redis.call('ZREVRANGE', KEYS[2], 0, 0)[1] or ''
  for _, time in ipairs(redis.call('HKEYS', KEYS[1])) do
    if latest == '' or tonumber(time) > tonumber(latest) then latest = time end
  end
  return latest`,
  { write: false },
)

class RedisCronStore implements CronStore {
  #connection: Connection
  #prefix: string

  constructor(connection: Connection, prefix: string) {
    this.#connection = connection
    this.#prefix = prefix
  }

  async claim(cron: string, scheduledTime: number, lease: string, seconds: number): Promise<CronClaim> {
    const [state, number] = (await this.#run(CLAIM, cron, scheduledTime, lease, seconds)) as [Buffer, number]
    switch (state.toString()) {
      case 'done':
        return { state: 'done' }
      case 'taken':
        return { state: 'taken', seconds: number / 1000 }
      default:
        return { state: 'claimed', attempt: number }
    }
  }

  async extend(cron: string, scheduledTime: number, lease: string, seconds: number): Promise<boolean> {
    return (await this.#run(EXTEND, cron, scheduledTime, lease, seconds)) === 1
  }

  async finish(cron: string, scheduledTime: number): Promise<void> {
    await this.#run(FINISH, cron, scheduledTime, scheduledTime - KEEP_SECONDS * 1000)
  }

  async open(cron: string): Promise<OpenCronTime[]> {
    const rows = (await this.#run(OPEN, cron)) as (Buffer | number)[]
    const found: OpenCronTime[] = []
    for (let at = 0; at < rows.length; at += 2)
      found.push({ scheduledTime: Number(String(rows[at])), held: rows[at + 1] === 1 })
    return found.toSorted((a, b) => a.scheduledTime - b.scheduledTime)
  }

  async latest(cron: string): Promise<number | undefined> {
    const latest = String(await this.#run(LATEST, cron))
    return latest === '' ? undefined : Number(latest)
  }

  #run(of: Script, cron: string, ...args: (string | number)[]): Promise<unknown> {
    const key = `${this.#prefix}:${encodeURIComponent(cron)}`
    return this.#connection.run(of, [`${key}:open`, `${key}:done`], args)
  }

  close(): void {
    this.#connection.close()
  }
}
