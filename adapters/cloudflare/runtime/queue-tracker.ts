import type { App } from '../../../core/app.ts'
import type { QueueDeclaration } from '../../../core/bindings/declarations.ts'
import type { QueueDriver } from '../../../core/bindings/drivers.ts'
import type { BoundDriver } from '../../../core/runtime/runtime.ts'

/**
 * Counts queue messages that this Worker has sent and not yet seen settled. Cloudflare's own figures leave
 * out messages that are delayed or being handled, so tests could not tell when a queue is drained. Only
 * builds for tests have it: it keeps an entry per message, and knows its own isolate only.
 */
export interface QueueTracker {
  /** Returns the app's drivers, with queue drivers that count messages. */
  wrap(drivers: Readonly<Record<string, BoundDriver>>): Record<string, BoundDriver>
  delivered(binding: string, id: string): void
  acked(binding: string, id: string): void
  retried(app: App, binding: string, id: string, attempts: number, delaySeconds: number): void
}

/** Creates a {@link QueueTracker}, which counts unsettled queue messages. */
export function createQueueTracker(): QueueTracker {
  const queues = new Map<string, Map<string, { state: 'waiting' | 'leased'; due: number }>>()
  const of = (binding: string): Map<string, { state: 'waiting' | 'leased'; due: number }> => {
    const found = queues.get(binding)
    if (found !== undefined) return found
    const made = new Map<string, { state: 'waiting' | 'leased'; due: number }>()
    queues.set(binding, made)
    return made
  }
  const due = (delaySeconds: number): number => (delaySeconds === 0 ? 0 : Date.now() + delaySeconds * 1000)
  const counting = (binding: string, driver: QueueDriver): QueueDriver => ({
    async send(messages) {
      // Queue messages are counted before the call that sends them: one may be delivered and settled while
      // the call is still under way.
      for (const { id, delaySeconds } of messages)
        of(binding).set(id, { state: 'waiting', due: due(delaySeconds) })
      try {
        await driver.send(messages)
      } catch (error) {
        for (const { id } of messages) of(binding).delete(id)
        throw error
      }
    },
    async depth() {
      const entries = [...of(binding).values()]
      const leased = entries.filter(({ state }) => state === 'leased').length
      const delayed = entries.filter(
        ({ state, due: time }) => state === 'waiting' && time > Date.now(),
      ).length
      return { ready: entries.length - leased - delayed, delayed, leased }
    },
  })
  return {
    wrap(drivers) {
      return Object.fromEntries(
        Object.entries(drivers).map(([binding, bound]) => {
          if (bound.portable.createBatch === undefined) return [binding, bound]
          const create: BoundDriver['create'] = async (options, context) =>
            counting(binding, (await bound.create(options, context)) as QueueDriver)
          return [binding, { ...bound, create }]
        }),
      )
    },
    delivered: (binding, id) => void of(binding).set(id, { state: 'leased', due: 0 }),
    acked: (binding, id) => void of(binding).delete(id),
    retried(app, binding, id, attempts, delaySeconds) {
      const { maxRetries, deadLetterQueue } = app.bindings[binding] as QueueDeclaration
      if (attempts <= maxRetries) of(binding).set(id, { state: 'waiting', due: due(delaySeconds) })
      else {
        of(binding).delete(id)
        if (deadLetterQueue !== undefined) of(deadLetterQueue).set(id, { state: 'waiting', due: 0 })
      }
    },
  }
}
