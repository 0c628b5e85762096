import { eventually, ok, sleep } from '../assert.ts'
import type { InsideTools } from '../case.ts'
import type { Job, Step } from '../fixture/bindings.ts'
import { deliveries, type Delivery } from '../fixture/consume.ts'

/** Seconds that a queue message may take to be delivered. */
export const SECONDS = 30

/** Waits until `count` queue deliveries of the case's messages are recorded. */
export async function delivered({ env }: InsideTools, key: string, count: number): Promise<Delivery[]> {
  let rows: Delivery[] = []
  await eventually(
    async () => {
      rows = await deliveries(env, key)
      ok(rows.length >= count, `${rows.length} deliveries of ${count} after ${SECONDS} s${list(rows)}`)
    },
    SECONDS,
    200,
  )
  return rows
}

/** Lists a queue message's recorded deliveries for an error: a lost message and a late one look different. */
function list(rows: readonly Delivery[]): string {
  const at = (ms: number): string => new Date(ms).toISOString().slice(11, 23)
  const each = rows.map(
    ({ attempts, started_at: started, batch_size: size }) =>
      `${attempts} at ${at(started)} in a batch of ${size}`,
  )
  return `${each.length === 0 ? '' : `: attempts ${each.join(', ')}`}; now ${at(Date.now())}`
}

/** Resolves to the recorded queue deliveries once no further one has come for a while. */
export async function settled(
  tools: InsideTools,
  key: string,
  count: number,
  ms = 1500,
): Promise<Delivery[]> {
  await delivered(tools, key, count)
  await sleep(ms)
  return deliveries(tools.env, key)
}

/** Returns a queue message's body with the step that its consumer takes at each delivery. */
export function job(key: string, plan: Step[] = [], more: Partial<Job> = {}): Job {
  return { key, plan, ...more }
}
