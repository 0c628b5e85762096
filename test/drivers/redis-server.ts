import { randomUUID } from 'node:crypto'
import { Redis } from 'iovalkey'
import type { RedisOptions } from '../../adapters/drivers/redis/index.ts'
import type { DriverContext } from '../../core/bindings/drivers.ts'
import { redisProgram, startRedisServer } from '../../core/tools/conformance/backends/redis.ts'
import type { ServerProcess } from '../../core/tools/conformance/backends/server-process.ts'
import { type Closable, createHarness, driverContext, type Harness } from './contracts/harness.ts'

/** A redis-server of a test's own, on loopback. */
export interface RedisServer extends ServerProcess {
  readonly url: string
}

const program = redisProgram()

/** True if tests can start a server. */
export const redisInstalled = program !== undefined

/** Starts a server. `settings` are redis-server's own, by default with the append-only file. */
export async function startRedis(settings: string[] = ['--appendonly', 'yes']): Promise<RedisServer> {
  const server = await startRedisServer(program as string, settings)
  return { ...server, url: `redis://127.0.0.1:${server.port}` }
}

/**
 * Drivers on that server, with keys of their own. Time-outs are long, so that a machine that stands still
 * fails no case.
 */
export async function redisHarness<Driver extends Closable>(
  url: string,
  create: (options: RedisOptions, context: DriverContext) => Driver | Promise<Driver>,
): Promise<Harness<Driver>> {
  const prefix = randomUUID()
  return createHarness((options) =>
    create({ url, prefix, timeout: 30, connectTimeout: 30 }, driverContext(options)),
  )
}

/** A bare client of the test's own. */
export function redisAdmin(url: string): Redis {
  const client = new Redis(url)
  // The server may be killed while it is connected.
  client.on('error', () => {})
  return client
}
