import { type Backend, MissingBackend } from './backend.ts'
import { accepts, findProgram, type ServerProcess, startServer } from './server-process.ts'

/**
 * A cache gives its server up after a second, as a miss: on a loaded machine that would look like one that
 * forgets. For the others these are the defaults.
 */
const PATIENCE = { connectTimeout: 10, timeout: 30 }

/**
 * A redis-server of the run's own with the append-only file, which queues need; or the one of
 * UNMOOR_TEST_REDIS. `always`: an answer means that the file has it, so that a kill -9 of the server loses
 * nothing that was acknowledged.
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

/** The program of a Redis or Valkey server, where one is installed. */
export const redisProgram = (): string | undefined => findProgram('redis-server', 'valkey-server')

/**
 * Starts a redis-server, without snapshots, and with these settings of its own. It serves when it has loaded
 * its data.
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
