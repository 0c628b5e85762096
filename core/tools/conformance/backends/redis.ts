import { type Backend, MissingBackend } from './backend.ts'
import { accepts, findProgram, type ServerProcess, startServer } from './server-process.ts'

/**
 * Timeouts in seconds of the Redis drivers under test. The cache driver by default waits one second for its
 * server and then reports a miss, which on a loaded machine looks like a cache that forgets. Other drivers
 * have these values as defaults.
 */
const PATIENCE = { connectTimeout: 10, timeout: 30 }

/**
 * Starts a redis-server for the test run with the append-only file, which queues need; or uses that of
 * UNMOOR_TEST_REDIS. With `appendfsync always`, each answered command is in the file, so that a SIGKILL of
 * the server loses nothing acknowledged.
 */
export async function startRedis(): Promise<Backend> {
  const given = process.env['UNMOOR_TEST_REDIS']
  if (given !== undefined)
    return {
      name: 'the server of UNMOOR_TEST_REDIS',
      options: { url: given, ...PATIENCE },
      variables: {},
      async stop() {},
    }
  const program = redisProgram()
  if (program === undefined)
    throw new MissingBackend(
      'redis-server is not installed: apt-get install redis-server, or set UNMOOR_TEST_REDIS to the URL ' +
        'of a server with appendonly yes.',
    )
  const server = await startRedisServer(program, ['--appendonly', 'yes', '--appendfsync', 'always'])
  return {
    name: `redis-server on port ${server.port}`,
    options: { url: `redis://127.0.0.1:${server.port}`, ...PATIENCE },
    variables: {},
    restart: () => server.restart(),
    stop: () => server.stop(),
  }
}

/** Returns the path of an installed Redis or Valkey server; undefined if there is none. */
export const redisProgram = (): string | undefined => findProgram('redis-server', 'valkey-server')

/**
 * Starts a redis-server without snapshots, with these additional `settings`. Resolves when Redis has loaded
 * its data and serves.
 */
export function startRedisServer(program: string, settings: readonly string[]): Promise<ServerProcess> {
  return startServer({
    program,
    args: (port, folder) => [
      '--port',
      `${port}`,
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--save',
      '',
      ...settings,
    ],
    ready: (port) => accepts(port, '127.0.0.1', 'PING\r\n', '+PONG'),
  })
}
