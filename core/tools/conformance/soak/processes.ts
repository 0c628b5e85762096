import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Task } from './task.ts'

const WORKER = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url),
)
/** Number of unexpected ends of a worker process after which the queue soak fails. */
const MOST_FAILURES = 20

/** One worker process of the queue soak, which is restarted whenever it ends before its work is done. */
export class Worker {
  #task: Task
  #child: ChildProcess
  #stopping = false
  #failures = 0
  #lines: string[] = []
  readonly #done = Promise.withResolvers<void>()
  /** True once the worker process has ended with code 0. */
  finished = false

  constructor(task: Task) {
    this.#task = task
    // A rejection is handled where `done` is awaited: a worker process that fails early must not end this
    // process as an unhandled rejection.
    this.#done.promise.catch(() => undefined)
    this.#child = this.#start()
  }

  /** Resolves when the worker process has ended with code 0; rejects if it fails again and again. */
  get done(): Promise<void> {
    return this.#done.promise
  }

  /** Kills the worker process with SIGKILL; it is restarted. Returns true if there was a process to kill. */
  kill(): boolean {
    return !this.finished && this.#child.kill('SIGKILL')
  }

  /** Lets the worker process finish its current work, and kills it after 15 s. */
  async stop(): Promise<void> {
    this.#stopping = true
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 15_000)
    this.#child.kill('SIGTERM')
    await once(this.#child, 'exit')
    clearTimeout(timer)
  }

  #start(): ChildProcess {
    const child = fork(WORKER, [JSON.stringify(this.#task)], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: ['--no-warnings'],
    })
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#lines.push(...chunk.toString().trimEnd().split('\n'))
      this.#lines.splice(0, this.#lines.length - 20)
    })
    child.once('exit', (code, signal) => this.#ended(code, signal))
    return child
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    if (code === 0) {
      this.finished = true
      this.#done.resolve()
      return
    }
    if (this.#stopping) return
    if (signal !== 'SIGKILL' && ++this.#failures > MOST_FAILURES) {
      this.#done.reject(
        new Error(`A ${this.#task.role}r ended by itself, again and again:\n${this.#lines.join('\n')}`),
      )
      return
    }
    this.#child = this.#start()
  }
}
