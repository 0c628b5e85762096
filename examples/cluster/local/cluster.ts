import { mkdir, mkdtemp, rm, chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildApp } from 'unmoor/build'
import { freePort } from './process.ts'
import { startReplica, type Replica } from './replica.ts'
import {
  findPrograms,
  startBalancer,
  startNats,
  startPostgres,
  startRedis,
  type PostgresServer,
  type Server,
} from './servers.ts'

/** The backends and the built app: all parts of the cluster except the replicas and the balancer. */
export interface Backends {
  readonly postgres: PostgresServer
  readonly redis: Server
  readonly nats: Server
  /** Starts three replicas and the balancer before them. */
  start(options: StartOptions): Promise<Cluster>
  /** Stops the backends and removes all data. */
  stop(): Promise<void>
}

/** Options of {@link Backends.start}. */
export interface StartOptions {
  /** Port of the balancer. Default: a free one. */
  port?: number
  /** The app's variables and secrets. */
  variables: Readonly<Record<string, string>>
  /** Further arguments for the Node process of each replica. Default: none. */
  nodeArgs?: readonly string[]
}

/** Replicas behind a balancer. */
export interface Cluster {
  /** URL at which the balancer answers. */
  readonly url: string
  readonly replicas: readonly Replica[]
  /** Path of haproxy's admin socket, which answers commands such as `show stat`. */
  readonly statsSocket: string
  /** Stops the replicas gracefully and the balancer; returns the replicas' exit codes. */
  stop(): Promise<(number | NodeJS.Signals)[]>
}

/**
 * Builds the app and starts Postgres, Redis and NATS in a fresh folder, all on loopback.
 *
 * @throws an error that says which programs are missing and how to install them.
 */
export async function startBackends(log: (line: string) => void): Promise<Backends> {
  const programs = findPrograms()
  if (programs.missing.length > 0)
    throw new Error(`The cluster cannot start: ${programs.missing.join('; ')}.`)
  const folder = await mkdtemp(join(tmpdir(), 'unmoor-cluster-'))
  // Postgres may run as another user, who must be able to enter the folder that contains its data.
  await chmod(folder, 0o711)
  await mkdir(join(folder, 'icons'))
  const started: Stoppable[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()))
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  const logs = (name: string) => (line: string) => log(`${name}: ${line}`)
  const [postgres, redis, nats, app] = await allOrNone(
    [
      keep(started, startPostgres(programs, folder, logs('postgres'))),
      keep(started, startRedis(programs, folder, logs('redis'))),
      keep(started, startNats(programs, folder, logs('nats'))),
      buildApp({ projectDir: join(import.meta.dirname, '..'), target: 'node', outDir: join(folder, 'app') }),
    ],
    stop,
  )
  return {
    postgres,
    redis,
    nats,
    stop,
    async start({ port, variables, nodeArgs = [] }) {
      const urls = {
        DATABASE_URL: postgres.url,
        REDIS_URL: redis.url,
        NATS_URL: nats.url,
        ICONS_DIR: join(folder, 'icons'),
      }
      const artifact = app.outDir
      const running: Stoppable[] = []
      const stopAll = (): Promise<unknown> => Promise.all(running.map((one) => one.stop()))
      const startOne = async (name: string): Promise<Replica> =>
        startReplica({
          name,
          port: await freePort(),
          artifact,
          folder,
          variables: { ...urls, ...variables },
          nodeArgs,
          log: logs(name),
        })
      const replicas = await allOrNone(
        [keep(running, startOne('a')), keep(running, startOne('b')), keep(running, startOne('c'))],
        stopAll,
      )
      const ports = replicas.map((replica) => replica.port)
      const balancing = startBalancer(programs, folder, {
        port: port ?? (await freePort()),
        replicas: ports,
        log: logs('haproxy'),
      })
      const [balancer] = await allOrNone([balancing], stopAll)
      return {
        url: balancer.url,
        replicas,
        statsSocket: balancer.statsSocket,
        async stop() {
          const codes = await Promise.all(replicas.map((replica) => replica.stop()))
          await balancer.stop()
          return codes
        },
      }
    },
  }
}

interface Stoppable {
  stop(): Promise<unknown>
}

/** Records a server that has started, so that it can be stopped if another one fails. */
async function keep<T extends Stoppable>(started: Stoppable[], starting: Promise<T>): Promise<T> {
  const one = await starting
  started.push(one)
  return one
}

/** Waits for all servers to start. If one fails, stops the others and throws its error. */
async function allOrNone<const T extends readonly Promise<unknown>[]>(
  starting: T,
  stop: () => Promise<unknown>,
): Promise<{ [Index in keyof T]: Awaited<T[Index]> }> {
  await Promise.allSettled(starting)
  try {
    return await Promise.all(starting)
  } catch (error) {
    await stop()
    throw error
  }
}
