import { execFileSync } from 'node:child_process'
import { chownSync, globSync, mkdirSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { natsProgram, startNatsServer } from '../../core/tools/conformance/backends/nats.ts'
import { redisProgram, startRedisServer } from '../../core/tools/conformance/backends/redis.ts'
import {
  accepts,
  type ServerProcess,
  startServer,
} from '../../core/tools/conformance/backends/server-process.ts'
import { openTcpProxy } from './faults/tcp-proxy.ts'
import type { BackendOptions } from './task.ts'

/** A server of a run's own, with the program's version. */
interface Server {
  readonly version: string
  readonly server: ServerProcess
}

/** A server's program is not installed. Its driver is named and skipped. */
export class MissingServer extends Error {}

/** A server with a way to it that faults can hit, and the options of its drivers. */
export interface ServerBackend extends AsyncDisposable, Server {
  readonly proxy: Awaited<ReturnType<typeof openTcpProxy>>
  options(app: string, folder: string): Promise<BackendOptions>
}

async function withProxy(
  { version, server }: Server,
  options: (port: number, app: string) => Pick<BackendOptions, 'options' | 'optionsOf'>,
): Promise<ServerBackend> {
  const proxy = await openTcpProxy(server.port)
  return {
    version,
    server,
    proxy,
    async options(app, folder) {
      const dataDir = join(folder, 'data')
      await mkdir(dataDir, { recursive: true })
      return { app, dataDir, ...options(proxy.port, app) }
    },
    async [Symbol.asyncDispose]() {
      await proxy.close()
      await server.stop()
    },
  }
}

/** Seconds that drivers wait for an answer: a swallowed one must not take a whole history. */
const TIMEOUTS = { timeout: 3, connectTimeout: 3 }

function versionOf(program: string, flag: string): string {
  return execFileSync(program, [flag], { encoding: 'utf8' }).trim().split('\n')[0] ?? ''
}

/** A Postgres cluster of a run's own, whose commits are on the disk when they are answered. */
export async function postgres(): Promise<ServerBackend> {
  const programs = globSync('/usr/lib/postgresql/*/bin/initdb').map(dirname).at(-1)
  if (programs === undefined) throw new MissingServer('initdb is not installed: apt-get install postgresql')
  const user = process.getuid?.() === 0 ? ownerOf('postgres') : {}
  const server = await startServer({
    program: join(programs, 'postgres'),
    user,
    stopSignal: 'SIGINT',
    prepare(_, folder) {
      const data = join(folder, 'data')
      mkdirSync(data, { mode: 0o700 })
      if (user.uid !== undefined)
        for (const path of [folder, data]) chownSync(path, user.uid, user.gid as number)
      const flags = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
      execFileSync(join(programs, 'initdb'), flags, { ...user, cwd: folder, stdio: 'ignore' })
    },
    args: (port, folder) => [
      '-D',
      join(folder, 'data'),
      '-p',
      `${port}`,
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      `unix_socket_directories=${folder}`,
      '-c',
      'max_connections=80',
    ],
    ready: async (port) => accepts(port),
  })
  return withProxy({ version: versionOf(join(programs, 'postgres'), '--version'), server }, (port, app) => ({
    options: {
      url: `postgres://postgres@127.0.0.1:${port}/postgres`,
      schema: app,
      max: 4,
      connectTimeout: 3,
    },
    optionsOf: Object.fromEntries(
      ['kv', 'strongKv', 'blob', 'queue', 'sql'].map((kind) => [kind, { timeout: 3 }]),
    ),
  }))
}

/** The server refuses to run as root: what root starts runs as the user that the package made. */
function ownerOf(name: string): { uid?: number; gid?: number } {
  const id = (flag: string): number => Number(execFileSync('id', [flag, name]))
  return { uid: id('-u'), gid: id('-g') }
}

export async function redis(): Promise<ServerBackend> {
  const program = redisProgram()
  if (program === undefined)
    throw new MissingServer('redis-server is not installed: apt-get install redis-server')
  const server = await startRedisServer(program, ['--appendonly', 'yes', '--appendfsync', 'always'])
  return withProxy({ version: versionOf(program, '--version'), server }, (port) => ({
    options: { url: `redis://127.0.0.1:${port}`, ...TIMEOUTS },
  }))
}

export async function nats(): Promise<ServerBackend> {
  const program = natsProgram()
  if (program === undefined)
    throw new MissingServer('nats-server is not installed: apt-get install nats-server')
  const server = await startNatsServer(program)
  return withProxy({ version: versionOf(program, '--version'), server }, (port) => ({
    options: { url: `nats://127.0.0.1:${port}`, ackWait: 2, ...TIMEOUTS },
  }))
}
