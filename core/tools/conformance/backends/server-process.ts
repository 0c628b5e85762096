import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { reservePort } from './ports.ts'

/**
 * A server process of a test run, such as redis-server, on loopback, with its own port and folder until it is
 * stopped.
 */
export interface ServerProcess {
  readonly port: number
  /**
   * Kills the test server with SIGKILL; its data stays. Resolves when none of its processes writes any more.
   */
  kill(): Promise<void>
  /** Kills the test server with SIGKILL and starts it again on the same port and data. */
  restart(): Promise<void>
  /** Suspends the test server; resolves when all its threads are stopped. */
  pause(): Promise<void>
  resume(): void
  /** Ends the test server and removes its data. */
  stop(): Promise<void>
}

/** Options of {@link startServer}. */
export interface ServerOptions {
  /** Path of the program of the test server. */
  program: string
  args: (port: number, folder: string) => string[]
  /** Resolves to true if the test server serves. Default: its port accepts a connection. */
  ready?: (port: number) => Promise<boolean>
  /** Called with the test server's new folder before the first start. Default: nothing is prepared. */
  prepare?: (port: number, folder: string) => Promise<void> | void
  /** User that runs the test server's program. Default: this process's user. */
  user?: { uid?: number; gid?: number }
  /** Signal that stops the test server for good. Default: SIGKILL. */
  stopSignal?: NodeJS.Signals
}

/** Time limit in milliseconds for a test server to serve after its start. */
const GIVE_UP = 60_000

/** Returns the path of the first installed server program among `names`; undefined if none is installed. */
export function findProgram(...names: string[]): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/sbin', '/usr/local/bin']
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find((path) => existsSync(path))
}

/** Starts a test server in a fresh folder and waits until it serves. */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'unmoor-server-'))
  const { port, release } = await reservePort()
  let running: RunningServer | undefined
  const start = async (): Promise<void> => {
    running = run(options, port, folder)
    const { child } = running
    const deadline = Date.now() + GIVE_UP
    while (!(await (options.ready ?? accepts)(port))) {
      if (hasEnded(child) || Date.now() > deadline)
        throw new Error(`${options.program} does not serve on port ${port}.`)
      await sleep(20)
    }
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (running === undefined) return
    if (!hasEnded(running.child)) running.child.kill(signal)
    await running.closed
  }
  const stop = async (): Promise<void> => {
    await end(options.stopSignal ?? 'SIGKILL')
    await rm(folder, { recursive: true, force: true })
    release()
  }
  try {
    await options.prepare?.(port, folder)
    await start()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    port,
    stop,
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGKILL')
      await start()
    },
    async pause() {
      running?.child.kill('SIGSTOP')
      await standsStill(running?.child.pid)
    },
    resume: () => void running?.child.kill('SIGCONT'),
  }
}

interface RunningServer {
  child: ChildProcess
  /** Resolves when the test server and all its child processes have ended. */
  closed: Promise<unknown>
}

/**
 * Starts a server's program. A killed server may leave a child process that still writes into its folder:
 * redis-server forks one to rewrite its append-only file. Each child inherits the server's stdout, so that
 * pipe closes when the last child has ended.
 */
function run({ program, args, user }: ServerOptions, port: number, folder: string): RunningServer {
  const child = spawn(program, args(port, folder), {
    ...user,
    cwd: folder,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  child.stdout.resume()
  const closed = once(child, 'close').catch(() => undefined)
  return { child, closed }
}

function hasEnded({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid === undefined || exitCode !== null || signalCode !== null
}

/**
 * Resolves when all threads of the suspended server process are stopped. On other systems than Linux it waits
 * 50 ms for the signal to arrive.
 */
async function standsStill(pid: number | undefined): Promise<void> {
  if (process.platform !== 'linux' || pid === undefined) return sleep(50)
  // In /proc, a thread's state is the first field after the process name, which is in parentheses and may
  // contain anything.
  const isStopped = (thread: string): boolean =>
    /\) T [^)]*$/.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8'))
  while (!readdirSync(`/proc/${pid}/task`).every(isStopped)) await sleep(1)
}

/**
 * Resolves to true if a TCP port accepts a connection; with `ask`, if the answer to the text `ask` begins
 * with `answer`.
 */
export function accepts(port: number, host = '127.0.0.1', ask?: string, answer = ''): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (result: boolean): void => {
      socket.destroy()
      resolve(result)
    }
    const socket = connect(port, host, () => (ask === undefined ? end(true) : socket.write(ask)))
    socket.once('data', (data) => end(data.toString().startsWith(answer)))
    socket.once('error', () => end(false))
    socket.setTimeout(3000, () => end(false))
  })
}
