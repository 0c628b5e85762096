import { type ChildProcess, spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { errorFromJSON, UnmoorError } from '../../../../core/errors.ts'
import { waitForExit } from '../../../node-server/local/child.ts'
import { inspectorFlags } from '../../engine/inspector-flags.ts'
import { withoutWrongUsage } from './usage-report.ts'
import type { ToSupervisor, ToWorker } from '../messages.ts'
import { type Guard, permissionFlags } from './process-guard.ts'
import { StallWatch } from './stall-watch.ts'
import { readLast, readSuspects } from '../suspects.ts'

const WORKER = fileURLToPath(
  new URL(`../worker/worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url),
)
const START_SECONDS = 60
/** Milliseconds in which a child process that is not paused at a breakpoint acknowledges a stop. */
const HEARS_MS = 2000
/**
 * Size in MB of a semi-space of V8's young generation in a child's own heap. At V8's default of 16, some 30
 * MB of garbage stay per process, which looks like a leak for the first thousand deploys. Isolates have their
 * own setting (`worker.ts`).
 */
const SEMI_SPACE_MB = 4
/**
 * Number of glibc malloc arenas. Each of the default eight per core keeps memory that isolates freed on its
 * threads, some 20 MB per process. The operator's environment variable takes precedence.
 */
const MALLOC_ARENA_MAX = '2'
/**
 * Number of libuv threads; two of them are never used for tenants (`services/jobs.ts`). The operator's
 * environment variable takes precedence.
 */
const UV_THREADPOOL_SIZE = String(Math.max(4, availableParallelism() + 2))
/** Signals by which V8 ends a process after a fatal error. */
const FATAL_SIGNALS: ReadonlySet<NodeJS.Signals | null> = new Set([
  'SIGABRT',
  'SIGILL',
  'SIGTRAP',
  'SIGSEGV',
  'SIGBUS',
])
let started = 0

/** Options of {@link WorkerProcess}, a child process of a host. */
export interface WorkerProcessOptions {
  runDir: string
  dataDir: string
  guard: Guard
  /** Path of the isolated-vm module. */
  isolatedVm: string
  /** Port on 127.0.0.1 for a debugger. Default: no debugger. */
  inspectPort?: number | undefined
  onOutput(line: string): void
}

/** How a child process of a host ended. */
export interface WorkerEnd {
  code: number | null
  /**
   * Apps that may have ended the process: the app named in its last message, else the apps whose code was
   * running.
   */
  blamed: string[]
  /**
   * True if V8 ended the process or its main thread was stuck. The code that ran then would also end the next
   * process.
   */
  isFatal: boolean
}

/** A child process of a host, seen from the supervisor. */
export class WorkerProcess {
  /**
   * Resolves with the versions of isolated-vm, Node and V8 that the child process reports, once it is loaded.
   */
  readonly ready: Promise<string>
  readonly ended: Promise<WorkerEnd>
  #child: ChildProcess
  #suspects: string
  #onMessage: (message: ToSupervisor) => void = () => {}
  #fatal: string | undefined
  #prepared = false
  #stopping = false
  #inspectPort: number | undefined
  #debuggerUrl: string | undefined
  #ended = false
  #killed = false
  /** True if the child process was killed because its main thread was busy for too long. */
  #wasHeldUp = false
  #stall = new StallWatch(() => this.pid)

  constructor(options: WorkerProcessOptions) {
    this.#suspects = join(options.runDir, `suspects-${++started}`)
    const { guard, dataDir, runDir, inspectPort } = options
    this.#inspectPort = inspectPort
    // Suppress Node's own log line about the debugger; the supervisor prints one that names the app.
    const debug =
      inspectPort === undefined ? [] : [...inspectorFlags(inspectPort), '--inspect-publish-uid=http']
    // isolated-vm requires --no-node-snapshot: on some versions its isolates conflict with Node's own
    // snapshot.
    const node = [
      process.execPath,
      '--no-node-snapshot',
      `--max-semi-space-size=${SEMI_SPACE_MB}`,
      ...debug,
      ...permissionFlags(guard, dataDir, runDir),
      WORKER,
    ]
    const [command = '', ...args] = [...guard.wrapper, ...node]
    this.#child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      ...(guard.uid === undefined ? {} : { uid: guard.uid }),
      ...(guard.gid === undefined ? {} : { gid: guard.gid }),
      env: {
        MALLOC_ARENA_MAX,
        UV_THREADPOOL_SIZE,
        ...inherited(),
        UNMOOR_ISOLATED_VM: options.isolatedVm,
        UNMOOR_HOST_SUSPECTS: this.#suspects,
      },
    })
    for (const stream of [this.#child.stdout, this.#child.stderr])
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => options.onOutput(line))
    const ready = Promise.withResolvers<string>()
    ready.promise.catch(() => {})
    this.ready = ready.promise
    this.#child.on('message', (message: ToSupervisor) => {
      this.#stall.heard()
      if (message.type === 'ready') {
        this.#debuggerUrl = message.debuggerUrl
        ready.resolve(message.runtime)
      }
      if (message.type === 'stopping') this.#stopping = true
      if (message.type === 'prepared') this.#prepared = true
      if (message.type === 'fatal') this.#fatal = message.app
      this.#onMessage(
        message.type === 'usage' ? withoutWrongUsage(message, (line) => options.onOutput(line)) : message,
      )
    })
    let failure = ''
    this.#child.once('error', (error) => (failure = `: ${error.message}`))
    this.ended = waitForExit(this.#child).then((code) => {
      this.#ended = true
      this.#stall.stop()
      ready.reject(
        new UnmoorError(
          'Unavailable',
          `A process of the host ended with code ${code} before it was ready${failure}.`,
          { operation: 'start' },
        ),
      )
      const isFatal =
        this.#fatal !== undefined || this.#wasHeldUp || FATAL_SIGNALS.has(this.#child.signalCode)
      const blamed = this.#blamed(isFatal)
      return { code, blamed, isFatal }
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** URL at which the child process's debugger listens, once the process is ready; undefined without one. */
  get debuggerUrl(): string | undefined {
    return this.#debuggerUrl
  }

  get isAlive(): boolean {
    return !this.#ended && !this.#killed
  }

  /** True if the child process's pool of isolates is full, so that it is ready to serve at once. */
  get isPrepared(): boolean {
    return this.#prepared && this.isAlive
  }

  onMessage(handler: (message: ToSupervisor) => void): void {
    this.#onMessage = handler
  }

  send(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, undefined, undefined, () => {})
  }

  /**
   * Makes the child process serve apps. `create` is called only when the process is ready, so that it sends
   * the latest state.
   *
   * @throws the reason why the process does not listen.
   */
  async serve(
    create: () => Extract<ToWorker, { type: 'serve' }>,
    onMessage: (message: ToSupervisor) => void,
  ): Promise<number> {
    await this.ready
    const listening = Promise.withResolvers<number>()
    const timer = setTimeout(
      () =>
        listening.reject(
          new UnmoorError('Timeout', `A process of the host did not listen within ${START_SECONDS} s.`),
        ),
      START_SECONDS * 1000,
    )
    void this.ended.then(({ code }) =>
      listening.reject(new UnmoorError('Unavailable', `A process of the host ended with code ${code}.`)),
    )
    this.#onMessage = (given) => {
      if (given.type === 'listening') listening.resolve(given.port)
      if (given.type === 'failed') listening.reject(errorFromJSON(given.error))
      onMessage(given)
    }
    this.send(create())
    return listening.promise.finally(() => clearTimeout(timer))
  }

  /**
   * Kills the child process if it reports nothing for that many seconds. The suspects' file names the apps
   * that were running.
   */
  killWhenStalled(seconds: number, onStall: () => void): void {
    this.#stall.start(seconds, (wasAtWork) => {
      this.#wasHeldUp = wasAtWork
      onStall()
      this.kill()
    })
  }

  #blamed(isFatal: boolean): string[] {
    if (this.#fatal !== undefined) return [this.#fatal].filter(Boolean)
    const last = this.#wasHeldUp ? readLast(this.#suspects) : undefined
    return last === undefined ? readSuspects(this.#suspects, isFatal) : [last]
  }

  /** Kills the child process at once, whatever it is doing. */
  kill(): void {
    this.#killed = true
    this.#stall.stop()
    this.#child.kill('SIGKILL')
  }

  async stop(seconds: number): Promise<void> {
    this.#stall.stop()
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), (seconds + 10) * 1000)
    // A process paused at a breakpoint does not hear the stop until the debugger continues it, so it is
    // killed instead of waited for.
    const paused = setTimeout(() => {
      if (this.#inspectPort !== undefined && !this.#stopping) this.#child.kill('SIGKILL')
    }, HEARS_MS)
    await this.ended
    clearTimeout(timer)
    clearTimeout(paused)
  }
}

/**
 * Returns the part of this process's environment that a node process needs, without the secrets that an
 * operator may keep there.
 */
function inherited(): Record<string, string> {
  const names = Object.entries(process.env).filter(
    ([name]) =>
      ['PATH', 'HOME', 'TMPDIR', 'TZ', 'MALLOC_ARENA_MAX', 'UV_THREADPOOL_SIZE'].includes(name) ||
      (name.startsWith('NODE_') && !name.startsWith('NODE_CHANNEL_') && name !== 'NODE_OPTIONS'),
  )
  return Object.fromEntries(names) as Record<string, string>
}
