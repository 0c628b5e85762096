import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { answers, run, until, type Running } from './process.ts'

/** One replica of the app: a process that is started again when it dies, as compose and Kubernetes do. */
export interface Replica {
  readonly name: string
  readonly port: number
  /** Pid of the process that runs now. */
  readonly pid: number
  /** All lines that its processes printed. */
  readonly lines: readonly string[]
  /** Ends its process with -9. Resolves when the next one answers. */
  kill(): Promise<void>
  /** Stops it gracefully; returns the exit code. */
  stop(): Promise<number | NodeJS.Signals>
}

/** How {@link startReplica} starts. */
export interface ReplicaOptions {
  name: string
  port: number
  /** The built artifact. */
  artifact: string
  /** Folder for what is this replica's alone. */
  folder: string
  variables: Readonly<Record<string, string>>
  /** Further arguments of Node. */
  nodeArgs: readonly string[]
  log: (line: string) => void
}

/** Milliseconds until a replica that died is started again. */
const PAUSE = 1000

/** Starts a replica; resolves when it answers. */
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
    // Whoever waits for it sees the failure; here it only must not go unhandled.
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
