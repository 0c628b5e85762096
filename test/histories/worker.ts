/**
 * One process of a run: `node worker.ts TASK`. It runs the clients of its index and may be killed at any
 * time; the next process of the index goes on behind the steps that were begun.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { DriverContext } from '../../core/bindings/drivers.ts'
import { readLines } from './record/history.ts'
import { Recorder } from './record/recorder.ts'
import { logOf, readTask, type ToParent, type ToWorker } from './task.ts'
import { WORKLOADS } from './workloads/index.ts'
import { type Running, untilThere, type Workload } from './workloads/workload.ts'

// Without a parent nobody would end this process.
process.once('disconnect', () => process.exit(1))

const task = readTask(process.argv[2] ?? '')
const { index, incarnation, plan, backend } = task
const tell = (message: ToParent): void => void process.send?.(message)

const firstSteps = new Map<number, number>()
let begun = 0
for (const line of readLines(logOf(task, index))) {
  if (!('b' in line)) continue
  begun++
  if (line.s !== undefined) firstSteps.set(line.s[0], Math.max(firstSteps.get(line.s[0]) ?? 0, line.s[1] + 1))
}

let phase = 0
const waiting: (() => void)[] = []
const ending = new AbortController()
const load = (module: string): Promise<unknown> => import(pathToFileURL(join(task.dist, module)).href)
const workload: Workload = WORKLOADS[plan.workload]
let running: Running | undefined
process.on('message', (message: ToWorker) => {
  if (typeof message === 'object') {
    phase = message.phase
    for (const go of waiting.splice(0)) go()
    return
  }
  if (message === 'stop') {
    ending.abort()
    process.exit(0)
  }
  void (running?.finish?.() ?? Promise.resolve()).then(
    () => tell({ is: 'finished' }),
    (error: unknown) =>
      tell({ is: 'finished', problem: error instanceof Error ? error.message : String(error) }),
  )
})
tell({ is: 'started' })
running = await workload.start({
  plan,
  index,
  firstSteps,
  recorder: new Recorder(logOf(task, index), index, incarnation, begun),
  onStep: () => tell({ is: 'step' }),
  async phase(number) {
    for (;;) {
      if (number <= phase) return
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
  },
  signal: ending.signal,
  load,
  async open(kind, declaration, binding) {
    const path = kind === 'cronStore' ? 'cron/index.js' : 'index.js'
    const factories = (await load(`adapters/drivers/${plan.driver}/${path}`)) as Readonly<
      Record<string, (options: object, context: DriverContext) => unknown>
    >
    const context: DriverContext = {
      binding,
      app: backend.app,
      declaration,
      dataDir: backend.dataDir,
      variable: () => undefined,
      now: Date.now,
    }
    const create = factories[kind]
    if (create === undefined) throw new Error(`The driver ${plan.driver} has no ${kind}.`)
    return untilThere(async () => create({ ...backend.options, ...backend.optionsOf?.[kind] }, context))
  },
})

await running.done
tell({ is: 'done' })
