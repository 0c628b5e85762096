import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Backend, MissingBackend } from './backend.ts'
import { accepts, findProgram, type ServerProcess, startServer } from './server-process.ts'

/** Starts a nats-server for the test run with JetStream on disk, or uses that of UNMOOR_TEST_NATS. */
export async function startNats(): Promise<Backend> {
  const given = process.env['UNMOOR_TEST_NATS']
  if (given !== undefined)
    return { name: 'the server of UNMOOR_TEST_NATS', options: { url: given }, variables: {}, async stop() {} }
  const program = natsProgram()
  if (program === undefined)
    throw new MissingBackend(
      'nats-server is not installed: apt-get install nats-server, or set UNMOOR_TEST_NATS to the URL of ' +
        'a server with JetStream.',
    )
  const server = await startNatsServer(program)
  return {
    name: `nats-server on port ${server.port}`,
    options: { url: `nats://127.0.0.1:${server.port}` },
    variables: {},
    restart: () => server.restart(),
    stop: () => server.stop(),
  }
}

/** Returns the path of an installed nats-server; undefined if there is none. */
export const natsProgram = (): string | undefined => findProgram('nats-server')

/** Starts a nats-server, with JetStream on disk by default. `settings` are lines of its configuration. */
export function startNatsServer(
  program: string,
  { jetstream = true, settings = '' } = {},
): Promise<ServerProcess> {
  const config = (folder: string): string => join(folder, 'server.conf')
  return startServer({
    program,
    prepare: (port, folder) => {
      const store = jetstream ? `jetstream { store_dir: "${folder}/data" }\n` : ''
      return writeFile(config(folder), `listen: 127.0.0.1:${port}\n${store}${settings}\n`)
    },
    args: (_port, folder) => ['-c', config(folder)],
    ready: (port) => accepts(port, '127.0.0.1', 'CONNECT {"verbose":false}\r\nPING\r\n', 'INFO'),
  })
}
