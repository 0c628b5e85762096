import { type Backend, MissingBackend } from './backend.ts'
import { accepts, findProgram, startServer } from './server-process.ts'

/** A nats-server of the run's own with JetStream on disk, or the one of UNMOOR_TEST_NATS. */
export async function startNats(): Promise<Backend> {
  const given = process.env['UNMOOR_TEST_NATS']
  if (given !== undefined) return { name: 'the server of UNMOOR_TEST_NATS', options: { url: given }, variables: {}, async stop() {} }
  const program = findProgram('nats-server')
  if (program === undefined)
    throw new MissingBackend('nats-server is not installed: apt-get install nats-server, or set UNMOOR_TEST_NATS to the URL of a server with JetStream.')
  const server = await startServer(
    program,
    (port, folder) => ['--addr', '127.0.0.1', '--port', `${port}`, '--jetstream', '--store_dir', folder],
    (port) => accepts(port, '127.0.0.1', 'CONNECT {"verbose":false}\r\nPING\r\n', 'INFO'),
  )
  return {
    name: `nats-server on port ${server.port}`,
    options: { url: `nats://127.0.0.1:${server.port}` },
    variables: {},
    restart: () => server.restart(),
    stop: () => server.stop(),
  }
}
