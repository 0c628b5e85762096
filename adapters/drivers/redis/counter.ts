import type { CounterDriver, CounterWindow, DriverFactory } from '../../../core/bindings/drivers.ts'
import { Connection, script } from './connection.ts'
import { keyPrefix, type RedisFactoryOptions } from './server.ts'

/** Counter driver on Redis, whose counts all processes share. */
export const counter: DriverFactory<'counter', RedisFactoryOptions> = async (options, context) => {
  // The Redis counter has a timeout of 1 s, because a request waits for the count.
  const connection = await Connection.create(options, context, { seconds: 1 })
  return new RedisCounter(connection, `${keyPrefix(options, context.app, context.binding)}:count:`)
}

/**
 * Redis script that increments a count: one number per key, which the server removes when its window ends.
 */
const TAKE = script(
  `local count = tonumber(redis.call('GET', KEYS[1]) or '0')
  if count >= tonumber(ARGV[1]) then return 0 end
  redis.call('INCRBY', KEYS[1], ARGV[2])
  if count == 0 then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
  return 1`,
  { write: true },
)

class RedisCounter implements CounterDriver {
  #connection: Connection
  #prefix: string

  constructor(connection: Connection, prefix: string) {
    this.#connection = connection
    this.#prefix = prefix
  }

  async take(key: string, { limit, amount, seconds }: CounterWindow): Promise<boolean> {
    return (await this.#connection.run(TAKE, [this.#prefix + key], [limit, amount, seconds * 1000])) === 1
  }

  close(): void {
    this.#connection.close()
  }
}
