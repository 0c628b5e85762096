import { chown, mkdir, readFile, writeFile } from 'node:fs/promises'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { answers, findProgram, freePort, run, runToEnd, until, type Running } from './process.ts'

/** A server of the cluster, listening on loopback. */
export interface Server {
  readonly url: string
  stop(): Promise<unknown>
}

/** A Postgres server that can be crashed and restarted. */
export interface PostgresServer extends Server {
  /**
   * Stops Postgres as a crash would, and restarts it after `seconds`. Resolves when Postgres accepts
   * connections.
   */
  restart(seconds: number): Promise<void>
}

/** Paths of the programs that the cluster needs. */
export interface Programs {
  readonly haproxy: string
  readonly redis: string
  readonly nats: string
  /** Folder that contains `initdb` and `postgres`. */
  readonly postgres: string
  readonly missing: readonly string[]
}

/** Finds the programs that the cluster needs; `missing` says how to install the others. */
export function findPrograms(): Programs {
  const versions = existsSync('/usr/lib/postgresql')
    ? readdirSync('/usr/lib/postgresql').toSorted((a, b) => Number(b) - Number(a))
    : []
  const initdb = findProgram(
    ['initdb'],
    versions.map((version) => `/usr/lib/postgresql/${version}/bin`),
  )
  const haproxy = findProgram(['haproxy'])
  const redis = findProgram(['redis-server', 'valkey-server'])
  const nats = findProgram(['nats-server'])
  const packages = { haproxy, 'redis-server': redis, 'nats-server': nats, postgresql: initdb }
  return {
    haproxy: haproxy ?? '',
    redis: redis ?? '',
    nats: nats ?? '',
    postgres: initdb === undefined ? '' : join(initdb, '..'),
    missing: Object.entries(packages).flatMap(([name, path]) =>
      path === undefined ? [`${name} is not installed: apt-get install ${name}`] : [],
    ),
  }
}

type Log = (line: string) => void

/** Starts a Postgres in a fresh folder. Root may not run Postgres, so the user `postgres` runs it then. */
export async function startPostgres(programs: Programs, folder: string, log: Log): Promise<PostgresServer> {
  const data = join(folder, 'postgres')
  const port = await freePort()
  const root = process.getuid?.() === 0
  const options = root ? { user: 'postgres' } : {}
  await mkdir(data, { mode: 0o700 })
  if (root) {
    // Only the data folder belongs to the user `postgres`; the folders above it must let that user through.
    const { uid, gid } = await userOf('postgres')
    await chown(data, uid, gid)
  }
  await runToEnd(
    join(programs.postgres, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale=C.UTF-8'],
    options,
  )
  const settings = { port, listen_addresses: '127.0.0.1', unix_socket_directories: '', max_connections: 100 }
  const args = [
    '-D',
    data,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
  const program = join(programs.postgres, 'postgres')
  const ready = async (): Promise<boolean> =>
    (await run(join(programs.postgres, 'pg_isready'), ['-h', '127.0.0.1', '-p', `${port}`], { onLine() {} })
      .ended) === 0
  let running: Running
  const start = async (): Promise<void> => {
    running = run(program, args, { ...options, onLine: log })
    await until('postgres', ready, running)
  }
  await start()
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async restart(seconds) {
      // SIGQUIT stops Postgres immediately: nothing is flushed, connections break, and the next start
      // recovers from the log.
      await running.stop('SIGQUIT')
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
      await start()
    },
    stop: () => running.stop('SIGINT'),
  }
}

async function userOf(name: string): Promise<{ uid: number; gid: number }> {
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((one) => one.startsWith(`${name}:`))
  if (line === undefined)
    throw new Error(`Root may not run Postgres, and there is no user "${name}" who could.`)
  const [, , uid, gid] = line.split(':')
  return { uid: Number(uid), gid: Number(gid) }
}

/** Starts a Redis that writes an append-only file. */
export async function startRedis(programs: Programs, folder: string, log: Log): Promise<Server> {
  const port = await freePort()
  const data = join(folder, 'redis')
  await mkdir(data)
  const running = run(
    programs.redis,
    ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', data, '--save', '', '--appendonly', 'yes'],
    { onLine: log },
  )
  await until('redis-server', () => answers(port, 'PING\r\n', '+PONG'), running)
  return { url: `redis://127.0.0.1:${port}`, stop: () => running.stop() }
}

/** Starts a NATS server with JetStream. */
export async function startNats(programs: Programs, folder: string, log: Log): Promise<Server> {
  const port = await freePort()
  const config = join(folder, 'nats.conf')
  await writeFile(
    config,
    `listen: 127.0.0.1:${port}\njetstream { store_dir: ${JSON.stringify(join(folder, 'nats'))} }\n`,
  )
  const running = run(programs.nats, ['-c', config], { onLine: log })
  await until('nats-server', () => answers(port), running)
  return { url: `nats://127.0.0.1:${port}`, stop: () => running.stop() }
}

/** Starts haproxy as the balancer before three replicas. */
export async function startBalancer(
  programs: Programs,
  folder: string,
  options: { port: number; replicas: readonly number[]; log: Log },
): Promise<Server & { readonly statsSocket: string }> {
  const statsSocket = join(folder, 'haproxy.sock')
  const [a, b, c] = options.replicas.map((port) => `127.0.0.1:${port}`) as [string, string, string]
  const env = {
    LISTEN: `127.0.0.1:${options.port}`,
    STATS_SOCKET: statsSocket,
    REPLICA_A: a,
    REPLICA_B: b,
    REPLICA_C: c,
  }
  const running = run(programs.haproxy, ['-db', '-f', join(import.meta.dirname, '../haproxy.cfg')], {
    env,
    onLine: options.log,
  })
  await until('haproxy', () => answers(options.port), running)
  return { url: `http://127.0.0.1:${options.port}`, statsSocket, stop: () => running.stop('SIGTERM') }
}
