import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Backend } from './backends.ts'
import type { FaultRecord } from './faults/fault.ts'
import { inflict } from './faults/inflict.ts'
import type { Plan } from './plan-data.ts'
import { type History, readLines, toOperations } from './record/history.ts'
import { logOf, type RunTask, type ToParent } from './task.ts'
import { WorkerProcess } from './worker-process.ts'

/** Seconds after which a run that stands still is given up, faults and leases included. */
const PATIENCE = 120

/** Runs a plan once on the built package in `dist`, and returns what was recorded. */
export async function runHistory(plan: Plan, backend: Backend, dist: string): Promise<History> {
  const folder = await mkdtemp(join(tmpdir(), 'unmoor-history-'))
  try {
    // The name of the app is part of the plan's data on a server that histories share.
    const app = `h${randomUUID().slice(0, 8)}`
    const task: RunTask = { plan, dist, folder, backend: await backend.options(app, folder) }
    const file = join(folder, 'task.json')
    await writeFile(file, JSON.stringify(task))
    const run = new Run(plan, file, backend)
    const { faults, problems } = await run.toEnd()
    const lines = Array.from({ length: plan.processes }, (_, index) => readLines(logOf(task, index))).flat()
    return { plan, operations: toOperations(lines), faults, problems }
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

class Run {
  #plan: Plan
  #backend: Backend
  #workers: readonly WorkerProcess[]
  #problems: string[] = []
  #steps = 0
  #isFinished = false
  /** Moment of the last message of a process. */
  #heard = performance.now()

  constructor(plan: Plan, file: string, backend: Backend) {
    this.#plan = plan
    this.#backend = backend
    this.#workers = Array.from(
      { length: plan.processes },
      (_, index) =>
        new WorkerProcess(
          file,
          index,
          (message) => this.#hear(message),
          (problem) => this.#problems.push(problem),
        ),
    )
  }

  #hear(message: ToParent): void {
    this.#heard = performance.now()
    if (message.is === 'step') this.#steps++
    if (message.is !== 'finished') return
    this.#isFinished = true
    if (message.problem !== undefined) this.#problems.push(message.problem)
  }

  async toEnd(): Promise<{ faults: FaultRecord[]; problems: string[] }> {
    const { server, proxy } = this.#backend
    const faults: FaultRecord[] = []
    try {
      const targets = { workers: this.#workers, server, proxy }
      const phases = this.#plan.faults.length + 1
      const steps = this.#plan.clients.reduce((sum, client) => sum + client.steps.length, 0)
      for (const [phase, fault] of this.#plan.faults.entries()) {
        const at = (steps * (phase + fault.at / 100)) / phases
        if (!(await this.#until(() => this.#steps >= at || this.#isDone()))) break
        // A fault of the way that finds no traffic must not keep the run for ever.
        const record = await Promise.race([inflict(fault, targets), this.#silence()])
        if (record === undefined) break
        faults.push(record)
        for (const worker of this.#workers) worker.enter(phase + 1)
      }
      if (await this.#until(() => this.#isDone())) {
        this.#workers[0]?.send('finish')
        await this.#until(() => this.#isFinished)
      }
    } finally {
      proxy?.calm()
      await Promise.all(this.#workers.map((worker) => worker.stop()))
    }
    return { faults, problems: this.#problems }
  }

  #isDone(): boolean {
    return this.#workers.every(({ isDone }) => isDone)
  }

  /** Resolves to true once a fact holds; to false if the run has a problem before. */
  async #until(holds: () => boolean): Promise<boolean> {
    while (!holds()) {
      if (this.#problems.length > 0) return false
      if (performance.now() - this.#heard > PATIENCE * 1000) {
        this.#problems.push(`No process said anything for ${PATIENCE} s.`)
        return false
      }
      await sleep(2)
    }
    return true
  }

  async #silence(): Promise<undefined> {
    await this.#until(() => false)
    return undefined
  }
}
