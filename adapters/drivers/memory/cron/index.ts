/** Claims of crons within one process, for tests and for apps that only ever run in one process. */
import {
  type CronClaim,
  type CronStore,
  type CronStoreFactory,
  KEEP_SECONDS,
  type OpenCronTime,
} from '../../../../core/runtime/cron-store.ts'

export const cronStore: CronStoreFactory<Record<string, unknown>> = (_options, context) =>
  createMemoryCronStore(() => context.now())

interface Entry {
  lease: string
  until: number
  attempt: number
  done: boolean
}

/**
 * Memory cron store, the reference implementation of the cron store's contract. `now` returns milliseconds
 * since 1970.
 */
export function createMemoryCronStore(now: () => number): CronStore {
  const crons = new Map<string, Map<number, Entry>>()
  const timesOf = (cron: string): Map<number, Entry> => {
    const times = crons.get(cron) ?? new Map<number, Entry>()
    crons.set(cron, times)
    return times
  }
  return {
    async claim(cron, scheduledTime, lease, seconds): Promise<CronClaim> {
      const times = timesOf(cron)
      const entry = times.get(scheduledTime)
      if (entry?.done === true) return { state: 'done' }
      if (entry !== undefined && entry.until > now() && entry.lease !== lease)
        return { state: 'taken', seconds: (entry.until - now()) / 1000 }
      const attempt = (entry?.attempt ?? 0) + (entry?.lease === lease ? 0 : 1)
      times.set(scheduledTime, { lease, until: now() + seconds * 1000, attempt, done: false })
      return { state: 'claimed', attempt }
    },
    async extend(cron, scheduledTime, lease, seconds) {
      const entry = timesOf(cron).get(scheduledTime)
      if (entry === undefined || entry.done || entry.lease !== lease) return false
      entry.until = now() + seconds * 1000
      return true
    },
    async finish(cron, scheduledTime) {
      const times = timesOf(cron)
      const entry = times.get(scheduledTime)
      if (entry !== undefined) entry.done = true
      for (const [time, { done }] of times)
        if (done && time < scheduledTime - KEEP_SECONDS * 1000) times.delete(time)
    },
    async open(cron): Promise<OpenCronTime[]> {
      return [...timesOf(cron)]
        .filter(([, { done }]) => !done)
        .map(([scheduledTime, { until }]) => ({ scheduledTime, held: until > now() }))
    },
    async latest(cron) {
      const times = [...timesOf(cron).keys()]
      return times.length === 0 ? undefined : Math.max(...times)
    },
  }
}
