import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryCronStore } from '../../adapters/drivers/memory/cron/index.ts'
import {
  type Scheduler,
  type SchedulerOptions,
  startScheduler,
} from '../../adapters/node-server/runtime/crons/scheduler.ts'
import type { CronStore } from '../../core/runtime/cron-store.ts'

const START = Date.UTC(2026, 0, 1, 0, 0, 30)
const minute = (at: number): number => Date.UTC(2026, 0, 1, 0, at)
const schedulers: Scheduler[] = []
let store: CronStore
const calls: string[] = []
const reports: string[] = []

beforeEach(() => {
  vi.useFakeTimers({ now: START })
  store = createMemoryCronStore(Date.now)
  calls.length = 0
  reports.length = 0
})
afterEach(async () => {
  const stopped = Promise.all(schedulers.splice(0).map((one) => one.stop()))
  // What still runs does so by the clock that this test holds.
  await vi.advanceTimersByTimeAsync(120_000)
  await stopped
  vi.useRealTimers()
})

function start(
  name: string,
  options: Partial<SchedulerOptions> = {},
  run: SchedulerOptions['run'] = async () => ({ retry: false }),
): Scheduler {
  const scheduler = startScheduler({
    crons: { tick: '* * * * *' },
    store,
    run(cron, time) {
      calls.push(`${name} ${(time - minute(0)) / 60_000}`)
      return run(cron, time)
    },
    onError: (message) => reports.push(message),
    ...options,
  })
  schedulers.push(scheduler)
  return scheduler
}

describe('schedulers that share a store', () => {
  it('run each time once', async () => {
    for (const name of ['a', 'b', 'c']) start(name)
    await vi.advanceTimersByTimeAsync(5 * 60_000)
    expect(calls.map((call) => call.split(' ')[1])).toEqual(['1', '2', '3', '4', '5'])
  })

  it('keep a run that outlasts its lease: no other takes its time', async () => {
    const slow = (): Promise<{ retry: boolean }> =>
      new Promise((resolve) => setTimeout(() => resolve({ retry: false }), 100_000))
    for (const name of ['a', 'b']) start(name, { crons: { tick: '1 0 * * *' }, leaseSeconds: 10 }, slow)
    await vi.advanceTimersByTimeAsync(200_000)
    expect(calls).toHaveLength(1)
    expect([reports, await store.open('tick')]).toEqual([[], []])
  })

  it('take over at once what another one gives back at its stop before a retry', async () => {
    const a = start('a', { crons: { tick: '1 0 * * *' } }, async () => ({ retry: true }))
    await vi.advanceTimersByTimeAsync(31_000)
    start('b', { crons: { tick: '1 0 * * *' } })
    await vi.advanceTimersByTimeAsync(10_000)
    expect(calls).toEqual(['a 1'])
    await a.stop()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(calls).toEqual(['a 1', 'b 1'])
  })

  it('take up at the start what a process that died had begun', async () => {
    await store.claim('tick', minute(-30), 'of the dead', 5)
    await vi.advanceTimersByTimeAsync(6000)
    start('a')
    await vi.advanceTimersByTimeAsync(1000)
    expect(calls).toEqual(['a -30'])
  })

  it('leave out, or run once, what passed while none ran', async () => {
    const first = start('a')
    await vi.advanceTimersByTimeAsync(60_000)
    await first.stop()
    await vi.advanceTimersByTimeAsync(3600_000)
    const skipping = start('b')
    await vi.advanceTimersByTimeAsync(1000)
    await skipping.stop()
    expect(calls).toEqual(['a 1'])
    start('c', { missed: 'once' })
    start('d', { missed: 'once' })
    await vi.advanceTimersByTimeAsync(1000)
    expect(calls).toEqual(['a 1', 'c 61'])
  })

  it('miss nothing where no process ever ran', async () => {
    start('a', { missed: 'once' })
    await vi.advanceTimersByTimeAsync(10_000)
    expect(calls).toEqual([])
  })

  it('leave out a time while another process still works on the last, where told to', async () => {
    const slow = (): Promise<{ retry: boolean }> =>
      new Promise((resolve) => setTimeout(() => resolve({ retry: false }), 90_000))
    start('a', { overlap: 'skip' }, slow)
    start('b', { overlap: 'skip' }, slow)
    await vi.advanceTimersByTimeAsync(150_000)
    expect(calls.map((call) => call.split(' ')[1])).toEqual(['1', '3'])
    expect(reports).toEqual([
      'cron tick is still running, so its time 2026-01-01T00:02:00.000Z was left out.',
    ])
  })

  it('wait for a store that is away, and lose no time', async () => {
    let away = true
    const flaky: CronStore = {
      ...store,
      claim: (...args) => (away ? Promise.reject(new Error('no connection')) : store.claim(...args)),
      finish: (...args) => (away ? Promise.reject(new Error('no connection')) : store.finish(...args)),
    }
    start('a', { store: flaky, crons: { tick: '1 0 * * *' } }, async () => {
      away = true
      return { retry: false }
    })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(calls).toEqual([])
    away = false
    await vi.advanceTimersByTimeAsync(60_000)
    expect(calls).toEqual(['a 1'])
    expect(await store.open('tick')).toHaveLength(1)
    away = false
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await store.open('tick')).toEqual([])
    expect(calls).toEqual(['a 1'])
    expect(reports.every((line) => line.includes('waits at'))).toBe(true)
  })

  it('give up a time that ends every process that begins it', async () => {
    for (let death = 0; death < 10; death++) await store.claim('tick', minute(-1), `lease ${death}`, 0)
    start('a')
    await vi.advanceTimersByTimeAsync(1000)
    expect(calls).toEqual([])
    expect(reports).toEqual([
      'cron tick ended its process 10 times at 2025-12-31T23:59:00.000Z and was given up.',
    ])
    expect(await store.open('tick')).toEqual([])
  })
})
