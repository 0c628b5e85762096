import { setTimeout as sleep } from 'node:timers/promises'
import { variable } from '../../../core/bindings/declarations.ts'
import type * as CronRunModule from '../../../adapters/node-server/runtime/crons/cron-run.ts'
import type { CronStore } from '../../../core/runtime/cron-store.ts'
import { checkCrons, type CronCall, type CronOperation, type CronValue } from '../checkers/crons.ts'
import { percentOf } from '../draw.ts'
import { CLOCK_ERROR, runClients, type Worker, type Workload } from './workload.ts'

/** One time of a cron, so many milliseconds after the process's start. */
interface CronStep {
  readonly do: 'tick'
  readonly key: string
  readonly afterMs: number
}

const TICKS = 30
const EVERY_MS = 120
const LEASE_SECONDS = 1

/** Replicas that run the times of one cron, by the product's own runner of a time, on its store of claims. */
export const crons: Workload = {
  plan: (draw, processes) => {
    const ticks = Array.from({ length: TICKS }, (_, tick): CronStep => {
      const afterMs = tick * EVERY_MS + draw.int(EVERY_MS)
      return { do: 'tick', key: `${tick}`, afterMs }
    })
    // Every replica has the whole calendar, and two clients, since times may overlap.
    return Array.from({ length: processes * 2 }, (_, client) => ({
      process: client % processes,
      steps: ticks.filter((_, tick) => tick % 2 === Math.floor(client / processes)),
    }))
  },

  async start(worker) {
    const { runCronTime } = (await worker.load(
      'adapters/node-server/runtime/crons/cron-run.js',
    )) as typeof CronRunModule
    const store = (await worker.open('cronStore', variable(), 'crons')) as CronStore
    const start = performance.now()
    return {
      done: runClients<CronStep>(restarted(worker), async ({ key, afterMs }, at) => {
        await sleep(Math.max(0, start + afterMs - performance.now()))
        await runCronTime({
          cron: 'tick',
          time: timeOf(key),
          store: recorded(worker, store, at),
          leaseSeconds: LEASE_SECONDS,
          retryDelays: [],
          alone: false,
          signal: worker.signal,
          report() {},
          async run() {
            const work = percentOf(`${key} ${worker.index}`, worker.plan.seed)
            await record(worker, { do: 'run', tick: key, lease: '', early: false }, async () => {
              // Some runs take longer than a lease, which is renewed meanwhile.
              await sleep(work < 8 ? LEASE_SECONDS * 1500 : work)
              return null
            })
            return { retry: false }
          },
        })
      }),
    }
  },

  judge: (operations, plan) =>
    checkCrons(operations as readonly CronOperation[], {
      ticks: [...new Set(plan.clients.flatMap(({ steps }) => steps.map(({ key }) => key)))],
      clockError: CLOCK_ERROR,
    }),
}

/** A restarted process takes up the time that its predecessor was at, as the scheduler does with open times. */
function restarted(worker: Worker): Worker {
  const firstSteps = new Map([...worker.firstSteps].map(([client, step]) => [client, Math.max(0, step - 1)]))
  return { ...worker, firstSteps }
}

/** The time that a tick is known by: the store only compares it. */
const timeOf = (tick: string): number => 1_700_000_000_000 + Number(tick) * 60_000

function record(
  { recorder }: Worker,
  call: CronCall,
  work: () => Promise<CronValue>,
  at?: readonly [client: number, step: number],
): Promise<CronValue | undefined> {
  return recorder.call(call, false, work, (value) => value, at)
}

/** The store with every call recorded; an error is recorded, and thrown on. */
function recorded(worker: Worker, store: CronStore, at: readonly [client: number, step: number]): CronStore {
  const through = async <Value>(
    call: CronCall,
    work: () => Promise<Value>,
    show: (value: Value) => CronValue,
  ): Promise<Value> => {
    let failure: { error: unknown } | undefined
    let answer: { value: Value } | undefined
    await record(
      worker,
      call,
      async () => {
        try {
          answer = { value: await work() }
        } catch (error) {
          failure = { error }
          throw error
        }
        return show(answer.value)
      },
      at,
    )
    if (failure !== undefined) throw failure.error
    return (answer as { value: Value }).value
  }
  const tickOf = (time: number): string => `${(time - timeOf('0')) / 60_000}`
  return {
    claim: (cron, time, lease, seconds) =>
      through(
        { do: 'claim', tick: tickOf(time), lease, leaseSeconds: seconds },
        () => store.claim(cron, time, lease, seconds),
        (claim) => claim,
      ),
    extend: (cron, time, lease, seconds) =>
      through(
        { do: 'extend', tick: tickOf(time), lease, leaseSeconds: seconds },
        () => store.extend(cron, time, lease, seconds),
        (held) => held,
      ),
    finish: (cron, time) =>
      through(
        { do: 'finish', tick: tickOf(time) },
        () => store.finish(cron, time),
        () => null,
      ),
    open: (cron) => store.open(cron),
    latest: (cron) => store.latest(cron),
  }
}
