import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ToParent, ToWorker } from './task.ts'

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url))
/** Its imports of `core` mean the built package, which loads faster. */
const HOOKS = new URL('../built-hooks.ts', import.meta.url).href

/** The process of one index of a run, over kills and restarts. */
export class WorkerProcess {
  /** True once all its clients are done. */
  isDone = false
  readonly index: number
  #file: string
  #incarnation = -1
  #child: ChildProcess
  #ending = false
  #phase = 0
  #stderr: string[] = []
  #tell: (message: ToParent) => void
  #onProblem: (problem: string) => void

  constructor(
    file: string,
    index: number,
    tell: (message: ToParent) => void,
    onProblem: (problem: string) => void,
  ) {
    this.#file = file
    this.index = index
    this.#tell = tell
    this.#onProblem = onProblem
    this.#child = this.#start()
  }

  get pid(): number {
    return this.#child.pid as number
  }

  send(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message)
  }

  /** Lets its clients begin the steps of this phase, also after a restart. */
  enter(phase: number): void {
    this.#phase = phase
    this.send({ phase })
  }

  /** Kills it with SIGKILL. Resolves to the signal that it ended by, once it is gone; `restart` follows. */
  async kill(): Promise<string> {
    this.#ending = true
    const exited = once(this.#child, 'exit') as Promise<[number | null, string | null]>
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return ''
    this.#child.kill('SIGKILL')
    const [, signal] = await exited
    return signal ?? ''
  }

  restart(): void {
    this.isDone = false
    this.#ending = false
    this.#child = this.#start()
  }

  /** Suspends it; resolves when all its threads are stopped. Resolves to false if it never was. */
  async pause(): Promise<boolean> {
    this.#child.kill('SIGSTOP')
    for (let tries = 0; tries < 2_000; tries++) {
      if (isStopped(this.pid)) return true
      await sleep(1)
    }
    return false
  }

  /** Lets it go on; true if it was suspended up to now. */
  resume(): boolean {
    const was = isStopped(this.pid)
    this.#child.kill('SIGCONT')
    return was
  }

  async stop(): Promise<void> {
    this.#ending = true
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.send('stop')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 10_000)
    await exited
    clearTimeout(timer)
  }

  #start(): ChildProcess {
    const argument = JSON.stringify({ file: this.#file, index: this.index, incarnation: ++this.#incarnation })
    const child = fork(WORKER, [argument], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: ['--no-warnings', '--import', HOOKS],
    })
    child.stderr?.on('data', (data: Buffer) => {
      this.#stderr.push(...data.toString().trimEnd().split('\n'))
      this.#stderr.splice(0, this.#stderr.length - 20)
    })
    child.on('message', (message: ToParent) => {
      if (message.is === 'done') this.isDone = true
      if (message.is === 'started') this.send({ phase: this.#phase })
      this.#tell(message)
    })
    child.once('exit', (code, signal) => {
      if (this.#ending) return
      this.#onProblem(`Process ${this.index} ended by itself (${signal ?? code}): ${this.#stderr.join('\n')}`)
    })
    return child
  }
}

/** True if all threads of a process are suspended. A thread's state follows its name in parentheses. */
function isStopped(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).every((thread) =>
      /\) T [^)]*$/.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')),
    )
  } catch {
    return false
  }
}
