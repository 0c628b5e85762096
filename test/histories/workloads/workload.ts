import { setTimeout as sleep } from 'node:timers/promises'
import type { AnyDeclaration } from '../../../core/bindings/declarations.ts'
import type { Operation, Verdict } from '../checkers/operation.ts'
import type { Draw } from '../draw.ts'
import type { Client, Plan } from '../plan-data.ts'
import type { Recorder } from '../record/recorder.ts'

/** What the clients of one process work with. */
export interface Worker {
  readonly plan: Plan
  /** Index of this process in the plan. */
  readonly index: number
  /** First step of each client that no earlier process of this index has begun. */
  readonly firstSteps: ReadonlyMap<number, number>
  readonly recorder: Recorder
  /** Called when a step begins. */
  onStep(): void
  /** Resolves once clients may begin the steps of this phase. */
  phase(number: number): Promise<void>
  /** Aborted at the end of the history. */
  readonly signal: AbortSignal
  /** Opens a driver of the built package: `kind` is the name of its factory. */
  open(kind: string, declaration: AnyDeclaration, binding: string): Promise<unknown>
  /** Loads a module of the built package, such as `core/cron.js`. */
  load(module: string): Promise<unknown>
}

/** The running clients of one process. */
export interface Running {
  /** Resolves when all steps of this process's clients are done. */
  readonly done: Promise<void>
  /**
   * Called on the first process once all clients are done and no fault is left: reads what there is, or waits
   * until nothing is. Default: nothing to do.
   */
  finish?(): Promise<void>
}

/** What clients do, and how it is judged. */
export interface Workload {
  plan(draw: Draw, processes: number): Client[]
  start(worker: Worker): Promise<Running>
  judge(operations: readonly Operation<object>[], plan: Plan): Verdict
}

/**
 * Repeats a part of a workload's start until its backend is there: a fault may hit the start of a process too.
 * The part must be repeatable. Other errors are thrown, and fail the run.
 */
export async function untilThere<Value>(work: () => Promise<Value>): Promise<Value> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      const { name, code } = error as Record<string, unknown>
      if (name !== 'UnmoorError' || (code !== 'Unavailable' && code !== 'Timeout' && code !== 'Conflict'))
        throw error
      await sleep(50)
    }
  }
}

/** Runs the steps of each client of this process, those of one client one after the other. */
export async function runClients<Step>(
  worker: Worker,
  run: (step: Step, at: readonly [client: number, step: number]) => Promise<void>,
): Promise<void> {
  const { plan, index, firstSteps } = worker
  await Promise.all(
    plan.clients.map(async (client, number) => {
      if (client.process !== index) return
      for (let step = firstSteps.get(number) ?? 0; step < client.steps.length; step++) {
        await worker.phase(Math.floor((step * (plan.faults.length + 1)) / client.steps.length))
        worker.onStep()
        await run(client.steps[step] as Step, [number, step])
      }
    }),
  )
}

/** Clients of each process with their drawn steps. */
export function drawClients<Step extends Client['steps'][number]>(
  processes: number,
  perProcess: number,
  steps: number,
  step: (client: number, index: number) => Step,
): Client[] {
  return Array.from({ length: processes * perProcess }, (_, client) => ({
    process: client % processes,
    steps: Array.from({ length: steps }, (_, index) => step(client, index)),
  }))
}

/** Microseconds that a backend's wall clock and the monotonic one may drift apart in one history. */
export const CLOCK_ERROR = 20_000
