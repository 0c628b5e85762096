import { errorFromJSON, isUnmoorError, UnmoorError } from '../../../../core/errors.ts'
import type { AppRecord } from '../app-record.ts'
import type { ToSupervisor } from '../messages.ts'
import type { WorkerProcess } from './worker-process.ts'

/** Functions of the supervisor by which {@link Trials} tries out new versions of apps. */
export interface TrialsOptions {
  /** Starts a process for trials of new versions of apps. */
  spawn(): WorkerProcess
  /** Called when the app's migrations have exceeded their time limit. */
  onLate(app: string): void
}

/** Milliseconds in which a trial's process and the app in it must have started. */
const START_MS = 60_000
/** Maximum number of trial processes, as each takes some 60 MB. Further trials wait. */
const MAX_PROCESSES = 8
/** Milliseconds that an idle trial process is kept for the next trial. */
const IDLE_MS = 60_000

/**
 * Tries out new versions of apps. Each trial has a process to itself while it runs, so a version that hangs
 * does not delay other deploys; its process is killed.
 */
export class Trials {
  #options: TrialsOptions
  #idle = new Map<WorkerProcess, NodeJS.Timeout>()
  #busy = new Set<WorkerProcess>()
  #waiting: (() => void)[] = []
  #running = 0
  #nextId = 1

  constructor(options: TrialsOptions) {
    this.#options = options
  }

  /**
   * Starts a version of an app in a process that serves nobody, and applies its migrations.
   *
   * @throws the reason why it does not start; `Timeout` naming the limit that was exceeded.
   */
  async run(app: AppRecord): Promise<void> {
    if (this.#running === MAX_PROCESSES) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#running++
    const process = this.#take()
    try {
      await this.#try(process, app)
    } finally {
      this.#busy.delete(process)
      if (process.isAlive) this.#keep(process)
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }

  #take(): WorkerProcess {
    const [found] = this.#idle
    const process = found?.[0] ?? this.#options.spawn()
    if (found !== undefined) this.#forget(process)
    this.#busy.add(process)
    return process
  }

  #keep(process: WorkerProcess): void {
    const end = (): void => {
      this.#forget(process)
      process.kill()
    }
    this.#idle.set(process, setTimeout(end, IDLE_MS).unref())
    void process.ended.then(() => this.#forget(process))
  }

  #forget(process: WorkerProcess): void {
    clearTimeout(this.#idle.get(process))
    this.#idle.delete(process)
  }

  async #try(process: WorkerProcess, app: AppRecord): Promise<void> {
    const id = this.#nextId++
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    let timer: NodeJS.Timeout
    const limit = (ms: number, onLate: () => UnmoorError): void => {
      clearTimeout(timer)
      timer = setTimeout(() => {
        reject(onLate())
        // Only killing the process stops a running migration statement. Its uncommitted changes are rolled
        // back.
        process.kill()
      }, ms)
    }
    limit(START_MS, () => late(`it did not start within ${START_MS / 1000} s`))
    process.onMessage((message: ToSupervisor) => {
      if (message.type === 'migrating' && message.id === id)
        limit(app.limits.migrationMs, () => {
          this.#options.onLate(app.name)
          return migrationLate(app)
        })
      if (message.type !== 'probed' || message.id !== id) return
      if (message.error === undefined) resolve()
      else reject(errorFromJSON(message.error))
    })
    void process.ended.then(() =>
      reject(
        new UnmoorError('Unavailable', 'the process that tried to start it ended', { operation: 'start' }),
      ),
    )
    process.send({ type: 'probe', id, app })
    try {
      await promise
    } finally {
      clearTimeout(timer!)
      process.onMessage(() => {})
    }
  }

  async stop(): Promise<void> {
    const all = [...this.#idle.keys(), ...this.#busy]
    for (const process of all) process.kill()
    await Promise.all(all.map(({ ended }) => ended))
  }
}

function late(message: string, limit?: 'migrationMs'): UnmoorError {
  return new UnmoorError('Timeout', message, {
    operation: 'start',
    ...(limit === undefined ? {} : { details: { limit } }),
  })
}

/** True if a trial failed because its migrations exceeded their time limit. */
export function isMigrationLate(error: unknown): boolean {
  return isUnmoorError(error, 'Timeout') && error.details.limit === 'migrationMs'
}

function migrationLate({ limits }: AppRecord): UnmoorError {
  return late(
    `its migrations took longer than the limit of migrationTimeout, ${limits.migrationMs / 1000} s, and ` +
      'were undone as far as they were not committed. Make them shorter, or raise the limit: ' +
      'unmoor deploy --settings FILE with { "limits": { "migrationTimeout": SECONDS } }',
    'migrationMs',
  )
}
