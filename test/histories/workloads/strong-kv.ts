import type { StrongKvDriver } from '../../../core/bindings/drivers.ts'
import { kv } from '../../../core/bindings/declarations.ts'
import { checkStrongKv, type StrongKvCall, type StrongKvOperation } from '../checkers/strong-kv.ts'
import { drawClients, runClients, type Workload } from './workload.ts'

/** A step on one key. `fresh` puts only where there is no entry; the others use the version read last. */
interface StrongKvStep {
  readonly do: StrongKvCall['do'] | 'putFresh'
  readonly key: string
}

const KEYS = 12
const CLIENTS = 12
const STEPS = 50

/** Shares of 100 steps. */
const STEPS_BY_SHARE: readonly (readonly [share: number, does: StrongKvStep['do']])[] = [
  [15, 'get'],
  [25, 'getWithVersion'],
  [15, 'put'],
  [7, 'delete'],
  [20, 'putIf'],
  [10, 'putFresh'],
  [8, 'deleteIf'],
]

/** Clients that write on few keys at once, with and without conditions. */
export const strongKv: Workload = {
  plan: (draw, processes) =>
    drawClients(processes, CLIENTS / processes, STEPS, () => {
      let left = draw.int(100)
      const [, does] = STEPS_BY_SHARE.find(([share]) => (left -= share) < 0) ?? [0, 'get']
      return { do: does, key: `k${draw.int(KEYS)}` }
    }),

  async start(worker) {
    const driver = (await worker.open('strongKv', kv({ consistency: 'strong' }), 'things')) as StrongKvDriver
    const versions = new Map<string, string>()
    return {
      done: runClients<StrongKvStep>(worker, async (step, at) => {
        const client = `${at[0]} ${step.key}`
        const version = versions.get(client)
        const call = toCall(step, `${step.key}:${at.join('.')}`, version)
        const answer = await worker.recorder.call(
          call,
          call.do.startsWith('get'),
          () => answerOf(driver, call),
          (value) => value,
          at,
        )
        const read =
          call.do === 'getWithVersion' ? (answer as { version: string } | null | undefined)?.version : answer
        if (call.do === 'putIf' || call.do === 'getWithVersion')
          if (typeof read === 'string') versions.set(client, read)
          else versions.delete(client)
      }),
    }
  },

  judge: (operations) => checkStrongKv(operations as readonly StrongKvOperation[]),
}

/** Without a version that was read before, a conditional step reads one. */
function toCall({ do: does, key }: StrongKvStep, value: string, version: string | undefined): StrongKvCall {
  if (does === 'put') return { do: does, key, value }
  if (does === 'putFresh') return { do: 'putIf', key, value, version: null }
  if (does === 'get' || does === 'getWithVersion' || does === 'delete') return { do: does, key }
  if (version === undefined) return { do: 'getWithVersion', key }
  return does === 'putIf' ? { do: does, key, value, version } : { do: does, key, version }
}

async function answerOf(
  driver: StrongKvDriver,
  call: StrongKvCall,
): Promise<string | boolean | null | { value: string; version: string }> {
  switch (call.do) {
    case 'get':
      return ((await driver.get(call.key, 'text'))?.value as string | undefined) ?? null
    case 'getWithVersion': {
      const entry = await driver.getWithVersion(call.key, 'text')
      return entry === null ? null : { value: entry.value as string, version: entry.version }
    }
    case 'put':
      await driver.put(call.key, call.value, {})
      return null
    case 'delete':
      await driver.delete(call.key)
      return null
    case 'putIf':
      return driver.putIf(call.key, call.value, {}, call.version)
    case 'deleteIf':
      return driver.deleteIf(call.key, call.version)
  }
}
