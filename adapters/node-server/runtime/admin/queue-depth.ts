import type { Registry } from 'prom-client'
import type { QueueDriver } from '../../../../core/bindings/drivers.ts'
import type { Runtime } from '../../../../core/runtime/runtime.ts'
import { Counter, Gauge } from './prom-client.ts'

/** Milliseconds that a collection of metrics waits for the depth of a queue. */
const PATIENCE_MS = 5000

/** What a queue's driver counted. */
interface Counted {
  depth: Awaited<ReturnType<NonNullable<QueueDriver['depth']>>>
  /** Seconds for which a message has been ready; undefined if the driver has no `age`. */
  age: number | undefined
}

/**
 * Adds metrics of the messages in each queue whose driver can count them, and of how long the first of them
 * has waited; each collection counts anew.
 */
export function addQueueDepth(registry: Registry, { app, drivers }: Pick<Runtime, 'app' | 'drivers'>): void {
  const queues = Object.keys(app.bindings).flatMap((queue) => {
    const driver = drivers.get(queue) as QueueDriver
    return app.bindings[queue]?.kind === 'queue' && driver.depth !== undefined
      ? [{ queue, count: oneAtATime(() => countMessages(driver)) }]
      : []
  })
  if (queues.length === 0) return
  // All metrics of queue depth wait for the same count: a collection asks all metrics at once.
  const collect = oneAtATime(async () => {
    const counted = await Promise.all(queues.map(({ count }) => within(count()).catch(() => undefined)))
    // Message counts of an earlier collection must not stay if a queue's backend is away.
    messages.reset()
    oldest.reset()
    for (const [index, { queue }] of queues.entries()) {
      const { depth, age } = counted[index] ?? {}
      failures.inc({ queue }, depth === undefined ? 1 : 0)
      for (const [state, count] of Object.entries(depth ?? {})) messages.set({ queue, state }, count)
      if (age !== undefined) oldest.set({ queue }, age)
    }
  })
  const messages: Gauge<'queue' | 'state'> = new Gauge({
    name: 'unmoor_queue_messages',
    help: 'Messages in a queue: ready to be delivered, delayed, or leased by a consumer',
    labelNames: ['queue', 'state'],
    registers: [registry],
    collect,
  })
  const oldest: Gauge<'queue'> = new Gauge({
    name: 'unmoor_queue_oldest_message_age_seconds',
    help: 'Time for which the first message of a queue has been ready to be delivered; 0 if none is',
    labelNames: ['queue'],
    registers: [registry],
    collect,
  })
  const failures: Counter<'queue'> = new Counter({
    name: 'unmoor_queue_depth_failures_total',
    help: 'Collections in which the backend of a queue did not count its messages',
    labelNames: ['queue'],
    registers: [registry],
    collect,
  })
}

async function countMessages(driver: QueueDriver): Promise<Counted | undefined> {
  const [depth, age] = await Promise.all([driver.depth?.(), driver.age?.()])
  if (depth === undefined) return undefined
  return { depth, age: driver.age === undefined ? undefined : (age ?? 0) }
}

/** Returns a function that calls `work`, or joins a call of `work` that is still under way. */
function oneAtATime<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined
  return () =>
    (running ??= work().finally(() => {
      running = undefined
    }))
}

/** Resolves to a queue's depth; rejects if counting the messages takes too long. */
async function within<T>(depth: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error('The depth of a queue took too long.')), PATIENCE_MS)
  try {
    return await Promise.race([depth, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
