import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { answers, run, until, type Running } from './process.ts'

/** One replica of the app: a process that is restarted when it dies, as compose and Kubernetes do. */
export interface Replica {
  readonly name: string
  readonly port: number
  /** Pid of the replica's current process. */
  readonly pid: number
  /** All lines that the replica's processes printed. */
  readonly lines: readonly string[]
  /** Kills the replica's process with SIGKILL. Resolves when the next process answers. */
  kill(): Promise<void>
  /** Stops the replica gracefully; returns the exit code. */
  stop(): Promise<number | NodeJS.Signals>
}

/** Options of {@link startReplica}. */
export interface ReplicaOptions {
  name: string
  port: number
  /** Folder of the built artifact. */
  artifact: string
  /** Folder for data of this replica alone. */
  folder: string
  variables: Readonly<Record<string, string>>
  /** Further arguments for the replica's Node process. */
  nodeArgs: readonly string[]
  log: (line: string) => void
}

/** Milliseconds after which a replica that died is restarted. */
const PAUSE = 1000

/** Starts a replica; resolves when the replica answers. */
export async function startReplica({
  name,
  port,
  artifact,
  folder,
  variables,
  nodeArgs,
  log,
}: ReplicaOptions): Promise<Replica> {
  const dataDir = join(folder, `replica-${name}`)
  await mkdir(dataDir, { recursive: true })
  const lines: string[] = []
  const env = { ...variables, PORT: String(port), HOST: '127.0.0.1', DATA_DIR: dataDir }
  let stopping = false
  let running: Running
  let ready: Promise<void>
  const start = (): void => {
    running = run(process.execPath, [...nodeArgs, join(artifact, 'server.mjs')], {
      env,
      onLine: (line) => {
        lines.push(line)
        log(line)
      },
    })
    ready = until(`replica ${name}`, () => answers(port), running)
    // Whoever awaits `ready` sees a failure; this handler only prevents an unhandled rejection.
    ready.catch(() => {})
    void running.ended.then((code) => {
      if (stopping) return
      log(`ended with ${code}, starting again`)
      setTimeout(() => stopping || start(), PAUSE)
    })
  }
  start()
  await ready!.catch(async (error: unknown) => {
    stopping = true
    await running.stop('SIGKILL')
    throw error
  })
  return {
    name,
    port,
    get pid() {
      return running.pid
    },
    lines,
    async kill() {
      const before = running.pid
      await running.stop('SIGKILL')
      await until(`the next process of replica ${name}`, async () => running.pid !== before)
      await ready
    },
    stop() {
      stopping = true
      return running.stop()
    },
  }
}
