import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { userInfo } from 'node:os'
import {
  findProgram,
  type ServerProcess,
  startServer,
} from '../../core/tools/conformance/backends/server-process.ts'
import { URL_OF_SERVER } from './postgres-server.ts'

const program = findProgram('pgbouncer')

export const pgbouncerInstalled = program !== undefined

/** A PgBouncer with two connections to the tests' server, which go round between transactions. */
export async function startPgbouncer(): Promise<ServerProcess & { url: string }> {
  const target = new URL(URL_OF_SERVER)
  const password = target.password === '' ? '' : ` password=${decodeURIComponent(target.password)}`
  const settings = (port: number): string => `[databases]
${target.pathname.slice(1)} = host=${target.hostname} port=${target.port || 5432} user=${target.username}${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
auth_type = any
unix_socket_dir =
pool_mode = transaction
default_pool_size = 2
ignore_startup_parameters = search_path
`
  // It refuses to run as root, and then reads its settings as another user.
  const asRoot = userInfo().uid === 0
  const file = (folder: string): string => join(folder, 'pgbouncer.ini')
  const server = await startServer({
    program: program ?? 'pgbouncer',
    args: (_port, folder) => [...(asRoot ? ['-u', 'nobody'] : []), file(folder)],
    async prepare(port, folder) {
      await writeFile(file(folder), settings(port))
      if (asRoot) await chmod(folder, 0o755)
    },
  })
  const url = new URL(URL_OF_SERVER)
  url.hostname = '127.0.0.1'
  url.port = String(server.port)
  return { ...server, url: url.href }
}
